"""The page about the API: complete in itself."""

import base64
import hashlib
import re
from typing import Any


async def test_the_page_names_nobody_else_and_its_files_are_there(edge: Any) -> None:
    page = await edge.visitor.get("/api/docs")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "//" not in re.sub(r"// .*|<!--.*?-->", "", page.text)
    assert "//" not in page.headers["content-security-policy"]
    linked = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    files = [address for address in linked if address.endswith((".js", ".css"))]
    assert len(files) == 2
    for address in files:
        file = await edge.visitor.get(address)
        assert file.status_code == 200
        assert file.headers["content-type"].startswith(("text/javascript", "text/css"))
        assert file.headers["x-content-type-options"] == "nosniff"
        assert file.headers["cache-control"] == "public, max-age=3600"
        known = {"If-None-Match": file.headers["etag"]}
        assert (await edge.visitor.get(address, headers=known)).status_code == 304


async def test_the_policy_allows_the_script_in_the_page_and_no_other(edge: Any) -> None:
    page = await edge.visitor.get("/api/docs")
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    [script] = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy["script-src"] == f"'self' 'sha256-{digest}'"
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"


async def test_nothing_else_of_the_package_is_shown(edge: Any) -> None:
    for path in ("redoc.standalone.js", "", "../core.py", "%2e%2e/core.py"):
        response = await edge.visitor.get(f"/api/docs/assets/{path}")
        assert (response.status_code, response.json()["errorCode"]) == (404, "not_found")
    assert (await edge.visitor.post("/api/docs/assets/swagger-ui.css")).status_code == 405


async def test_reading_about_the_api_is_not_counted(make_edge: Any) -> None:
    async with make_edge(rate_limit_per_minute=1) as edge:
        for path in ("/api/docs", "/api/docs/assets/swagger-ui.css", "/api/docs/assets/swagger-ui-bundle.js"):
            assert (await edge.visitor.get(path)).status_code == 200
