"""One request as every handler sees it: its correlation id, where it came from, who is asking."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from classroom.callers import Caller, Role
from classroom.ids import is_uuid
from classroom.refusals import Forbidden, NotFound
from persistence.tokens import Claims
from serve_app.composition import EdgeConfig, Parts
from serve_app.problems import RefusedRequest
from serve_app.reasons import Unauthenticated


@dataclass(slots=True)
class Visit:
    """What the edge found out about a request before anybody handles it. `entity_id` is set for a request under an
    idempotency key: the id that the thing it makes gets. `fault_known` says that a failure was answered and logged."""

    correlation_id: str
    address: str
    claims: Claims | None
    idempotency_key: str | None
    entity_id: str | None = None
    fault_known: bool = False

    @property
    def caller(self) -> Caller | None:
        """Who is signed in; None for a visitor."""
        return self.claims.caller if self.claims is not None else None

    @property
    def who(self) -> str:
        """Whose rate limit and whose idempotency keys: the user, or the address of a visitor."""
        return f"user:{self.claims.caller.user_id}" if self.claims is not None else f"address:{self.address}"


def visit_of(request: Request) -> Visit:
    """What the edge noted about this request."""
    return cast(Visit, request.scope["state"]["visit"])


def parts_of(request: Request) -> Parts:
    """The parts that the app was opened with."""
    return cast(Parts, request.scope["app"].state.parts)


def config_of(request: Request) -> EdgeConfig:
    """The edge's values."""
    return cast(EdgeConfig, request.scope["app"].state.config)


_bearer = HTTPBearer(auto_error=False, scheme_name="accessToken", bearerFormat="JWT")
"""Says in the OpenAPI document how to sign in; the checking was done at the edge."""


async def _caller(request: Request, _said: Annotated[object, Depends(_bearer)]) -> Caller:
    claims = visit_of(request).claims
    if claims is None:
        raise RefusedRequest(Unauthenticated())
    return claims.caller


def _role(what: str, *roles: Role) -> Callable[..., Awaitable[Caller]]:
    async def check(caller: Annotated[Caller, Depends(_caller)]) -> Caller:
        if caller.role not in roles:
            raise RefusedRequest(Forbidden(what))
        return caller

    return check


def uuid_or_404(text: str, kind: str) -> str:
    """`text` as an id in its canonical form; a text that is no id cannot name anything, so it is not found."""
    ident = text.lower()
    if not is_uuid(ident):
        raise RefusedRequest(NotFound(kind, text[:64]))
    return ident


# Functions that are not async would each be sent to a thread and back.
async def _visit(request: Request) -> Visit:
    return visit_of(request)


async def _parts(request: Request) -> Parts:
    return parts_of(request)


async def _config(request: Request) -> EdgeConfig:
    return config_of(request)


CurrentVisit = Annotated[Visit, Depends(_visit)]
Use = Annotated[Parts, Depends(_parts)]
Config = Annotated[EdgeConfig, Depends(_config)]
Me = Annotated[Caller, Depends(_caller)]
Student = Annotated[Caller, Depends(_role("do this: it is for students", Role.STUDENT))]
Asking = Annotated[Caller, Depends(_role("do this: it is for students", Role.STUDENT, Role.INSTRUCTOR))]
"""Who may ask to teach; instructors are told that they may already."""
Teacher = Annotated[Caller, Depends(_role("do this: it is for instructors", Role.INSTRUCTOR, Role.ADMIN))]
Admin = Annotated[Caller, Depends(_role("do this: it is for admins", Role.ADMIN))]
