"""Shapes that every route shares: camelCase models, times, pages, problems."""

from typing import Annotated, Any, Generic, TypeVar

from fastapi import APIRouter, Path, Query
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, PlainSerializer, StringConstraints, WithJsonSchema
from pydantic.alias_generators import to_camel

from classroom.times import rfc3339
from persistence.pages import CURSOR_LENGTH

T = TypeVar("T")


def new_router(prefix: str, tag: str, kind: type[APIRoute] = APIRoute) -> APIRouter:
    """A router whose operations are named after their functions, in camelCase, for generated clients."""
    return APIRouter(
        prefix=prefix, tags=[tag], route_class=kind, generate_unique_id_function=lambda route: to_camel(route.name)
    )


class Wire(BaseModel):
    """A JSON object of the API: snake_case here, camelCase outside."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True)


Time = Annotated[
    int,
    PlainSerializer(rfc3339, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-21T09:00:00.000000Z"]}),
]
"""A `Moment` inside, RFC 3339 in UTC outside."""

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""One line that people read."""

Prose = Annotated[str, StringConstraints(strip_whitespace=True, max_length=20_000, pattern=r"^[^\x00]*$")]
"""Text of any number of lines."""

Uuid = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
"""An id in a body, in its canonical form."""

IdInPath = Annotated[str, Path(alias="id")]
CourseIdInPath = Annotated[str, Path(alias="courseId")]
Limit = Annotated[int, Query(ge=1, le=100, description="How many items a page has at most.")]
Cursor = Annotated[str | None, Query(max_length=CURSOR_LENGTH, description="`nextCursor` of the page before.")]


class PageOf(Wire, Generic[T]):
    """A page of a list. `nextCursor` is null on the last page."""

    items: list[T]
    next_cursor: str | None


class Person(Wire):
    """Somebody, as others may see them."""

    id: str
    name: str


class FieldProblem(Wire):
    """What is wrong with one field."""

    field: str
    message: str


class ProblemDocument(Wire):
    """RFC 9457, with our stable `errorCode`. 400 and 422 carry `details.fields`; `details.retry` says that the same
    request may succeed later."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    error_code: str
    message: str
    details: dict[str, Any]
    correlation_id: str


_MEANINGS = {
    400: "The request cannot be understood (`malformed_json`, `bad_request`, `bad_offer`).",
    401: "Not signed in (`unauthenticated`).",
    402: "The course has to be paid for (`payment_required`).",
    403: "Signed in, and not allowed (`forbidden`, `not_enrolled`), or the account is disabled (`account_disabled`).",
    404: "There is nothing with this id (`not_found`).",
    408: "The body stopped coming (`upload_stalled`).",
    409: "The state of things does not allow it.",
    410: "The class is over (`class_ended`, `class_cancelled`).",
    413: "The body is larger than 1 MiB, an offer larger than 64 KiB (`body_too_large`).",
    415: "The body is not JSON, or not what else is taken here (`unsupported_media_type`).",
    416: "None of the bytes that were asked for exist (`range_not_satisfiable`).",
    422: "Some fields are not valid (`validation_failed`, with `details.fields`).",
    429: "Too many requests (`rate_limited`, with `Retry-After`).",
    500: "A fault of ours (`internal_error`).",
    503: "A part that is needed is away; try again (`unavailable`, `media_away`, `media_full`, with `Retry-After`).",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problem answers of a route for its OpenAPI description: those named, and the ones that every route has."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
    return {
        status: {"description": _MEANINGS[status], "content": content}
        for status in sorted({*statuses, 403, 422, 429, 500, 503})
    }
