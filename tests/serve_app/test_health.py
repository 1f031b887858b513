import asyncio
from dataclasses import replace
from typing import Any

import pytest

from classroom.callers import Role
from serve_app import health

ALL_WELL = {"postgres": "ok", "redis": "ok", "actors": "ok", "gateway": "ok"}


async def test_all_is_well(edge: Any) -> None:
    response = await edge.visitor.get("/api/health")
    assert response.status_code == 200
    assert response.json() == {"status": "ok", "checks": ALL_WELL}


def with_check(edge: Any, name: str, check: Any) -> None:
    edge.app.state.parts = replace(edge.parts, checks={**edge.parts.checks, name: check})


@pytest.mark.parametrize(
    ("part", "status"), [("postgres", 503), ("actors", 503), ("gateway", 503), ("redis", 200), ("media", 200)]
)
async def test_a_part_that_is_down_is_named_and_matters_if_it_is_needed(edge: Any, part: str, status: int) -> None:
    async def down() -> None:
        raise ConnectionError("refused")

    with_check(edge, part, down)
    response = await edge.visitor.get("/api/health")
    assert response.status_code == status
    assert response.json()["checks"] == {**ALL_WELL, part: "down"}
    assert response.json()["status"] == ("ok" if status == 200 else "down")
    assert "refused" not in response.text


async def test_a_part_that_does_not_answer_is_down(edge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.05)
    with_check(edge, "actors", asyncio.Event().wait)
    response = await asyncio.wait_for(edge.visitor.get("/api/health"), 10)
    assert response.json()["checks"] == {**ALL_WELL, "actors": "down"}


def _replica(text: str) -> str:
    start = text.index(',replica="')
    return text[start : text.index('"', start + 10) + 1]


async def test_figures_are_for_the_scraper_and_for_admins(make_edge: Any) -> None:
    async with make_edge(metrics_token="scrape-me") as edge:
        await edge.visitor.get("/api/courses")
        scraper = await edge.visitor.get("/metrics", headers={"Authorization": "Bearer scrape-me"})
        assert scraper.status_code == 200
        assert 'lyceum_http_requests_total{kind="other",method="GET"' in scraper.text.replace(_replica(scraper.text), "")
        admin = await edge.person(Role.ADMIN)
        assert (await admin.client.get("/metrics")).status_code == 200
        for who in (edge.visitor, (await edge.person()).client, (await edge.person(Role.INSTRUCTOR)).client):
            assert (await who.get("/metrics")).status_code == 404
    async with make_edge() as edge:
        empty = await edge.visitor.get("/metrics", headers={"Authorization": "Bearer "})
        assert empty.status_code == 404
