"""The HTTP application: every router under one edge, opened with the parts that it is given."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp

from classroom.refusals import Malformed, Refusal
from persistence.errors import StoreAway
from persistence.pages import BadCursor
from serve_app import (
    analytics,
    assignments,
    auth,
    catalogue,
    certificates,
    door,
    enrolment,
    health,
    instructors,
    lesson_talk,
    live_sessions,
    media,
    media_streams,
    notifications,
    own_account,
    progress,
    quizzes,
    recommendations,
    reviews,
    syllabus,
    teaching,
    uploads,
    users,
    verification,
    videos,
)
from serve_app.access_log import AccessLog
from serve_app.administration import audit, courses, people, reports, settings, statistics
from serve_app.administration import certificates as admin_certificates
from serve_app.composition import EdgeConfig, Parts
from serve_app.docs_page import ASSETS, DOCS, DocsAssets, show_docs
from serve_app.edge import Edge
from serve_app.faults import refusal_of
from serve_app.figures import Figures
from serve_app.passwords import TooBusy
from serve_app.problems import RefusedRequest, problem_of
from serve_app.rbac import describe_rules
from serve_app.reasons import MalformedJson
from serve_app.site import Site
from serve_app.visits import visit_of
from serve_app.wire import ProblemDocument

OpenParts = Callable[[], AbstractAsyncContextManager[Parts]]

_ROUTERS = (
    door.router,
    live_sessions.once_router,
    live_sessions.router,
    door.realtime_router,
    media_streams.router,
    auth.router,
    verification.router,
    own_account.router,
    users.router,
    instructors.router,
    catalogue.router,
    enrolment.router,
    teaching.router,
    courses.router,
    people.router,
    audit.router,
    syllabus.router,
    quizzes.router,
    assignments.router,
    analytics.router,
    statistics.router,
    settings.router,
    notifications.router,
    reviews.router,
    lesson_talk.router,
    recommendations.router,
    reports.router,
    reports.admin_router,
    progress.router,
    certificates.router,
    admin_certificates.router,
    uploads.router,
    media.router,
    videos.router,
    health.router,
)


def create_app(config: EdgeConfig, open_parts: OpenParts) -> FastAPI:
    """The routes. `open_parts` is entered when the application starts, and left when it stops; describing needs neither."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_parts() as parts:
            app.state.parts = parts
            yield

    app = FastAPI(
        title="Lyceum",
        version=config.version,
        description="A learning platform centred on the live class.",
        lifespan=lifespan,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        separate_input_output_schemas=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # the edge has its own figures and log
    )
    app.state.config = config
    app.state.figures = Figures()
    app.state.uploads_arriving = asyncio.Semaphore(uploads.AT_ONCE)
    for router in _ROUTERS:
        # As they are: `include_router` would look each of them up through another layer, built at the first request.
        app.router.routes.extend(router.routes)
    app.add_api_route(DOCS, show_docs, include_in_schema=False)
    app.mount(ASSETS, DocsAssets())
    # Not a mount: that would answer for every path, also for one whose route exists for another method.
    app.router.default = Site(config)
    app.add_exception_handler(RequestValidationError, _validation_problem)
    for kind in (HTTPException, RefusedRequest, BadCursor, StoreAway, TooBusy, Exception):
        app.add_exception_handler(kind, _problem)
    app.openapi = _described(app, app.openapi)  # type: ignore[method-assign]  # FastAPI's documented way to extend it
    return app


def create_edge(config: EdgeConfig, open_parts: OpenParts, access_log: AccessLog | None = None) -> ASGIApp:
    """The application as a server runs it: with the edge around it."""
    app = create_app(config, open_parts)
    door_endpoints = {
        (method, route.path.rpartition("/")[2]): route.endpoint
        for route in door.router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    edge = Edge(app, config, door_endpoints, access_log or AccessLog())
    if not config.allowed_origins:
        return edge
    return CORSMiddleware(
        edge,
        allow_origins=config.allowed_origins,
        allow_credentials=True,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "X-Request-Id", "X-Lyceum-Client"],
        expose_headers=[
            "X-Request-Id",
            "Retry-After",
            "RateLimit-Limit",
            "RateLimit-Remaining",
            "RateLimit-Reset",
            "Location",
            "Link",
        ],
        max_age=600,
    )


def _described(app: FastAPI, generate: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """FastAPI's document with the problem schema that every route refers to, and without the one that no route answers."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is not None:
            return app.openapi_schema
        document = generate()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        problem = ProblemDocument.model_json_schema(by_alias=True, ref_template="#/components/schemas/{model}")
        schemas["ProblemDocument"] = problem
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        schemes = document["components"].setdefault("securitySchemes", {})
        schemes.setdefault("accessToken", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
        describe_rules(document["paths"])
        app.openapi_schema = document
        return document

    return describe


async def _problem(request: Request, error: Exception) -> Response:
    visit = visit_of(request)
    refusal, headers = refusal_of(error, visit.correlation_id)
    visit.fault_known = True
    return problem_of(refusal, request.url.path, visit.correlation_id, headers).response()


async def _validation_problem(request: Request, error: Exception) -> Response:
    refusal = _malformed(error.errors() if isinstance(error, RequestValidationError) else [])
    return problem_of(refusal, request.url.path, visit_of(request).correlation_id).response()


def _malformed(errors: Sequence[Any]) -> Refusal:
    if any(error["type"] == "json_invalid" for error in errors):
        return MalformedJson()
    fields = []
    for error in errors[:50]:
        where = [str(part) for part in error["loc"] if part not in ("body", "query", "path", "header", "cookie")]
        fields.append((".".join(where)[:100] or "body", str(error["msg"]).removeprefix("Value error, ")[:300]))
    return Malformed(tuple(fields))
