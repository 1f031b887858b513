"""Routes of operators: health, and metrics for Prometheus."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from typing import Literal

import structlog
from fastapi import Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from classroom.callers import Role
from serve_app.problems import RefusedRequest
from serve_app.reasons import NoSuchRoute
from serve_app.visits import Config, CurrentVisit, Use
from serve_app.wire import Wire, new_router

router = new_router("", "operations")

CHECK_SECONDS = 2.0
NEEDED = frozenset({"postgres", "actors", "gateway"})
"""Without these no class can be held; without the others it is slower, or has no pictures."""
_log: structlog.stdlib.BoundLogger = structlog.get_logger("lyceum.health")


class Health(Wire):
    """How the parts are: `ok` or `down` by name."""

    status: Literal["ok", "down"]
    checks: dict[str, Literal["ok", "down"]]


@router.get("/api/health", responses={503: {"model": Health, "description": "A needed part is down."}})
async def get_health(response: Response, parts: Use) -> Health:
    """Whether classes can be held now."""
    names = list(parts.checks)
    results = await asyncio.gather(*(_check(name, parts.checks[name]) for name in names))
    checks = dict(zip(names, results, strict=True))
    down = any(checks[name] == "down" for name in names if name in NEEDED)
    response.status_code = 503 if down else 200
    if down:
        response.headers["Retry-After"] = "1"
    return Health(status="down" if down else "ok", checks=checks)


@router.get("/metrics", include_in_schema=False)
async def get_metrics(request: Request, config: Config, visit: CurrentVisit) -> Response:
    """Prometheus' text format, for who has the metrics token and for admins; for others there is nothing here."""
    said = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
    scraper = config.metrics_token != "" and hmac.compare_digest(said.encode(), config.metrics_token.encode())
    admin = visit.claims is not None and visit.claims.caller.role is Role.ADMIN
    if not scraper and not admin:
        raise RefusedRequest(NoSuchRoute())
    return Response(generate_latest(request.app.state.figures.registry), media_type=CONTENT_TYPE_LATEST)


async def _check(name: str, check: Callable[[], Awaitable[None]]) -> Literal["ok", "down"]:
    try:
        await asyncio.wait_for(check(), CHECK_SECONDS)
    except Exception as error:
        _log.warning("part down", part=name, reason=f"{type(error).__name__}: {error}"[:300])
        return "down"
    return "ok"
