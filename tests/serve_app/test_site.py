from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def web_dist(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<title>Lyceum</title>")
    (folder / "favicon.svg").write_text("<svg/>")
    (folder / "assets" / "index-4f2a91c0.js").write_text("1")
    (tmp_path / "secret.txt").write_text("secret")
    return folder


@pytest.mark.parametrize("path", ["/", "/index.html", "/classes/some-id", "/sign-in"])
async def test_every_page_is_the_page_and_is_asked_for_each_time(make_edge: Any, web_dist: Path, path: str) -> None:
    async with make_edge() as edge:
        response = await edge.visitor.get(path)
        assert (response.status_code, response.text) == (200, "<title>Lyceum</title>")
        assert response.headers["content-type"].startswith("text/html")
        assert response.headers["cache-control"] == "no-cache"


async def test_pages_may_open_sockets_to_the_gateway_and_nowhere_else(make_edge: Any, web_dist: Path) -> None:
    async with make_edge() as edge:
        policy = (await edge.visitor.get("/")).headers["content-security-policy"]
        assert "connect-src 'self' ws://lyceum.test:8001;" in policy
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy


async def test_files_with_a_hash_are_kept_for_good(make_edge: Any, web_dist: Path) -> None:
    async with make_edge() as edge:
        hashed = await edge.visitor.get("/assets/index-4f2a91c0.js")
        assert (hashed.text, hashed.headers["cache-control"]) == ("1", "public, max-age=31536000, immutable")
        plain = await edge.visitor.get("/favicon.svg")
        assert plain.headers["cache-control"] == "public, max-age=3600"


@pytest.mark.parametrize(
    "path", ["/assets/gone.js", "/gone.png", "/api/gone", "/api", "/metrics/x", "/%2e%2e/secret.txt", "/a%00b", "/assets"]
)
async def test_what_is_missing_is_missing(make_edge: Any, web_dist: Path, path: str) -> None:
    async with make_edge() as edge:
        response = await edge.visitor.get(path)
        assert response.status_code == 404
        assert response.json()["errorCode"] == "not_found"


async def test_pages_are_only_read(make_edge: Any, web_dist: Path) -> None:
    async with make_edge() as edge:
        assert (await edge.visitor.post("/sign-in")).status_code == 405


async def test_without_a_built_site_there_is_none(edge: Any) -> None:
    response = await edge.visitor.get("/")
    assert (response.status_code, response.json()["errorCode"]) == (404, "not_found")
