"""The built web application: its files, and its page for every address that the browser's router knows."""

from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from serve_app.composition import EdgeConfig

_NOT_PAGES = ("api", "metrics", "ws")


class Site(StaticFiles):
    """Serves `web/dist`. Names with a hash in them never change and may be kept; the page itself is asked for each time."""

    def __init__(self, config: EdgeConfig) -> None:
        super().__init__(directory=config.web_dist, check_dir=False)
        self._page = config.web_dist / "index.html"
        self._policy = content_policy(config)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer for every path without a route. Raises HTTPException 404 for what cannot be a page, and without a site."""
        first = scope["path"].lstrip("/").split("/", 1)[0]
        if first in _NOT_PAGES or "\x00" in scope["path"] or not self._page.is_file():
            raise HTTPException(404)
        await super().__call__(scope, receive, send)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file, or the page. Raises HTTPException 404 for what can be neither."""
        if path in (".", "index.html"):
            return self._index()
        in_assets = path.split("/", 1)[0] == "assets"
        try:
            response = await super().get_response(path, scope)
        except HTTPException as error:
            # A missing file is missing; a missing page is the router's to draw.
            if error.status_code == 404 and "." not in path.rsplit("/", 1)[-1] and not in_assets:
                return self._index()
            raise
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if in_assets else "public, max-age=3600"
        response.headers["Content-Security-Policy"] = self._policy
        return response

    def _index(self) -> Response:
        headers = {"Cache-Control": "no-cache", "Content-Security-Policy": self._policy}
        return FileResponse(self._page, headers=headers, media_type="text/html")


def content_policy(config: EdgeConfig) -> str:
    """What the pages may load: themselves, sockets to the gateway, and files of the object store."""
    scheme, _, rest = config.socket_url.partition("://")
    gateway = f"{scheme}://{rest.split('/', 1)[0]}"
    livekit = f" {config.livekit.url} {config.livekit.url.replace('ws', 'http', 1)}" if config.livekit else ""
    files = f" {config.object_origin}" if config.object_origin else ""
    return "; ".join(
        (
            "default-src 'self'",
            f"connect-src 'self' {gateway}{livekit}{files}",
            f"img-src 'self' data: https:{files}",
            f"media-src 'self' blob:{files}",
            "style-src 'self' 'unsafe-inline'",  # Mantine writes its sizes into style attributes
            "font-src 'self' data:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )
