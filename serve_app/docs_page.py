"""The API's description as a page: Swagger UI from a pinned package, so that a browser asks nobody but us."""

import base64
import hashlib
import re

from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

DOCS = "/api/docs"
ASSETS = f"{DOCS}/assets"
_SCRIPT, _STYLE = "swagger-ui-bundle.js", "swagger-ui.css"
ASSET_PATHS = frozenset({f"{ASSETS}/{_SCRIPT}", f"{ASSETS}/{_STYLE}"})


class DocsAssets(StaticFiles):
    """The script and the style sheet of Swagger UI; their names stay, so they are asked for again after an hour."""

    def __init__(self) -> None:
        super().__init__(packages=[("fastapi_offline", "static")])

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file. Raises HTTPException 404 for anything else that the package has."""
        if path not in (_SCRIPT, _STYLE):
            raise HTTPException(404)
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "public, max-age=3600"
        return response


async def show_docs() -> HTMLResponse:
    """The page itself."""
    page = get_swagger_ui_html(
        openapi_url="/api/openapi.json",
        title="Lyceum API",
        swagger_js_url=f"{ASSETS}/{_SCRIPT}",
        swagger_css_url=f"{ASSETS}/{_STYLE}",
        swagger_favicon_url="/favicon.svg",
        swagger_ui_parameters={"validatorUrl": None},  # otherwise it may show the document to a service elsewhere
    )
    page.headers["Content-Security-Policy"] = _policy(bytes(page.body))
    return page


def _policy(page: bytes) -> str:
    """What the page may load: our files, and the one script that stands in it, known by its hash."""
    scripts = re.findall(rb"<script>(.*?)</script>", page, re.DOTALL)
    hashes = (base64.b64encode(hashlib.sha256(script).digest()).decode() for script in scripts)
    return "; ".join(
        (
            "default-src 'none'",
            "connect-src 'self'",
            "img-src 'self' data:",
            "style-src 'self' 'unsafe-inline'",  # examples are coloured with style attributes
            " ".join(("script-src 'self'", *(f"'sha256-{digest}'" for digest in hashes))),
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
