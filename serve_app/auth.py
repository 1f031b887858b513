"""Routes of registration and sign-in."""

import secrets
from collections.abc import Sequence
from typing import Annotated

from fastapi import Cookie, Header, Request, Response
from pydantic import Field, StringConstraints

from classroom.callers import Caller, Role
from classroom.ids import UserId
from classroom.refusals import RateLimited
from classroom.times import SECOND, Moment
from persistence.accounts import Account, NewAccount
from persistence.denied import denied_family
from persistence.errors import StoreAway
from persistence.sign_ins import NotRotated
from serve_app.administration.settings import is_registration_open, needs_verified_email
from serve_app.composition import EdgeConfig, Parts
from serve_app.once import OnceRoute
from serve_app.passwords import TooBusy
from serve_app.people import Email, NewPassword, User, user_of
from serve_app.problems import RefusedRequest
from serve_app.reasons import (
    AccountDisabled,
    CrossSite,
    EmailTaken,
    EmailUnverified,
    InvalidCredentials,
    InvalidRefreshToken,
    RegistrationClosed,
    Unauthenticated,
)
from serve_app.visits import Config, CurrentVisit, Me, Use
from serve_app.wire import Line, PageOf, Wire, new_router, problems

router = new_router("/api/auth", "auth", OnceRoute)

COOKIE = "lyceum_refresh"
WebClient = Annotated[
    str | None,
    Header(
        alias="X-Lyceum-Client",
        description="`web`: the refresh token comes as an HttpOnly cookie instead of in the body.",
    ),
]
RefreshCookie = Annotated[str | None, Cookie(alias=COOKIE, max_length=500, include_in_schema=False)]


class Registration(Wire):
    """A new account; it is a student's."""

    name: Line
    email: Email
    password: NewPassword


class Credentials(Wire):
    """Who signs in."""

    email: Annotated[str, StringConstraints(max_length=254)]
    password: Annotated[str, StringConstraints(max_length=1_024)]


class RefreshRequest(Wire):
    """The refresh token; a browser leaves it out and sends its cookie."""

    refresh_token: Annotated[str, StringConstraints(max_length=500)] | None = None


class SignedIn(Wire):
    """A sign-in. `refreshToken` is null when it was put into a cookie. `expiresIn` is the access token's, in seconds."""

    access_token: str
    refresh_token: str | None
    token_type: str = Field(json_schema_extra={"enum": ["Bearer"]})
    expires_in: int
    user: User


class RoleDescription(Wire):
    """A role and what it may do."""

    role: str
    description: str


@router.post("/register", status_code=201, responses=problems(400, 403, 409, 413, 415))
async def register(body: Registration, parts: Use, config: Config, visit: CurrentVisit) -> User:
    """Open a student's account."""
    if not await is_registration_open(parts):
        raise RefusedRequest(RegistrationClosed())
    now = parts.clock()
    new = NewAccount(
        id=UserId(visit.entity_id or parts.new_id()),
        email=body.email,
        name=body.name,
        role=Role.STUDENT,
        password_hash=await parts.passwords.hash(body.password),
        now=now,
        mail_verification=True,
    )
    account = await parts.accounts.create(new)
    if account is None:
        raise RefusedRequest(EmailTaken())
    return user_of(account)


@router.post("/login", responses=problems(400, 401, 403, 413, 415))
async def login(
    body: Credentials, response: Response, parts: Use, config: Config, visit: CurrentVisit, client: WebClient = None
) -> SignedIn:
    """Sign in with e-mail address and password. After ten wrong passwords for an account, whether there is one or not, or
    fifty from an address, a quarter of an hour has to pass."""
    attempt = await parts.throttle.begin(body.email, visit.address)
    if attempt.wait_seconds is not None:
        raise RefusedRequest(RateLimited(attempt.wait_seconds))
    try:
        found = await parts.accounts.find_by_email(body.email)
        fits, newer_hash = await parts.passwords.check(body.password, found[1] if found else None)
    except (StoreAway, TooBusy):
        await parts.throttle.withdraw(attempt)
        raise
    if found is None or not fits:
        raise RefusedRequest(InvalidCredentials())
    await parts.throttle.succeed(attempt)
    account, known_hash = found
    await _may_sign_in(account, parts, config)
    now = parts.clock()
    family, refresh_token = parts.new_id(), secrets.token_urlsafe(32)
    good_until = Moment(now + config.refresh_token_seconds * SECOND)
    if not await parts.sign_ins.open(family, account.id, known_hash, refresh_token, now, good_until):
        raise RefusedRequest(InvalidCredentials())  # banned, closed or with a new password since it was looked at
    if newer_hash is not None:
        await parts.accounts.renew_password_hash(account.id, known_hash, newer_hash)
    return _signed_in(account, family, refresh_token, client == "web", response, parts, config)


@router.post("/refresh", responses=problems(400, 401, 403, 413, 415))
async def refresh(
    request: Request,
    response: Response,
    parts: Use,
    config: Config,
    body: RefreshRequest | None = None,
    cookie: RefreshCookie = None,
) -> SignedIn:
    """Get a new access token. The refresh token is used up and replaced; using an old one again ends the whole sign-in."""
    said = body.refresh_token if body is not None else None
    token = said or _own_cookie(request, cookie, config)
    if not token:
        raise RefusedRequest(InvalidRefreshToken())
    successor = secrets.token_urlsafe(32)
    rotated = await parts.sign_ins.rotate(token, successor, parts.clock())
    if isinstance(rotated, NotRotated):
        if rotated.family_id is not None:
            await deny_sign_ins([rotated.family_id], parts, config)
        raise RefusedRequest(InvalidRefreshToken())
    account = await parts.accounts.find(rotated.user_id)
    if account is None:
        raise RefusedRequest(InvalidRefreshToken())
    await _may_sign_in(account, parts, config)
    return _signed_in(account, rotated.family_id, successor, said is None, response, parts, config)


@router.post("/logout", status_code=204, responses=problems(400, 403, 413, 415))
async def logout(
    request: Request,
    response: Response,
    parts: Use,
    config: Config,
    visit: CurrentVisit,
    body: RefreshRequest | None = None,
    cookie: RefreshCookie = None,
) -> None:
    """End the sign-ins that the refresh token and the access token belong to; their access tokens are refused at once."""
    token = (body.refresh_token if body is not None else None) or _own_cookie(request, cookie, config)
    ended = [await parts.sign_ins.revoke(token, parts.clock())] if token else []
    if visit.claims is not None:
        await parts.sign_ins.revoke_family(visit.claims.family, parts.clock())
        ended.append(visit.claims.family)
    await deny_sign_ins([family for family in dict.fromkeys(ended) if family is not None], parts, config)
    response.delete_cookie(COOKIE, path="/api/auth", secure=config.secure, httponly=True, samesite="strict")


@router.get("/me", responses=problems(401))
async def get_signed_in_user(me: Me, parts: Use) -> User:
    """The own account."""
    account = await parts.accounts.find(me.user_id)
    if account is None:
        raise RefusedRequest(Unauthenticated())
    return user_of(account)


@router.get("/roles", responses=problems(401))
async def list_roles(_me: Me) -> PageOf[RoleDescription]:
    """The roles there are."""
    return PageOf[RoleDescription](items=_ROLES, next_cursor=None)


_ROLES = [
    RoleDescription(role="student", description="Browses the catalogue, enrols, takes seats in live classes."),
    RoleDescription(role="instructor", description="Makes courses and teaches live classes in them."),
    RoleDescription(role="admin", description="Reviews courses and looks after everything."),
]


async def deny_sign_ins(families: Sequence[str], parts: Parts, config: EdgeConfig) -> None:
    """Have the access tokens of these sign-ins, which were ended, refused everywhere from now on."""
    now = parts.clock()
    until = Moment(now + config.denied_seconds * SECOND)
    await parts.denied.tell([denied_family(family, now, until) for family in families])


def _own_cookie(request: Request, cookie: str | None, config: EdgeConfig) -> str | None:
    """The cookie, if a page of ours sent it. Browsers say from which site a page comes (`Origin`), and only a page that
    may call us can add a header of its own; a form of another site can do neither. Refuses with 403."""
    if cookie is None:
        return None
    origin = request.headers.get("origin")
    if origin is None:
        if "x-lyceum-client" not in request.headers:
            raise RefusedRequest(CrossSite())
    elif not _is_ours(origin, request.headers.get("host", ""), config):
        raise RefusedRequest(CrossSite())
    return cookie


def _is_ours(origin: str, host: str, config: EdgeConfig) -> bool:
    named = {config.http_url.lower(), *(each.lower().rstrip("/") for each in config.allowed_origins)}
    return origin.lower() in named or origin.lower().partition("://")[2] == host.lower()


async def _may_sign_in(account: Account, parts: Parts, config: EdgeConfig) -> None:
    if account.status != "active":
        raise RefusedRequest(AccountDisabled())
    if account.email_verified_at is None and await needs_verified_email(parts, config):
        raise RefusedRequest(EmailUnverified())


def _signed_in(
    account: Account,
    family: str,
    refresh_token: str,
    in_cookie: bool,
    response: Response,
    parts: Parts,
    config: EdgeConfig,
) -> SignedIn:
    if in_cookie:
        response.set_cookie(
            COOKIE,
            refresh_token,
            max_age=config.refresh_token_seconds,
            path="/api/auth",
            secure=config.secure,
            httponly=True,
            samesite="strict",
        )
    caller = Caller(account.id, account.name, account.role)
    return SignedIn(
        access_token=parts.tokens.make(caller, parts.clock(), config.access_token_seconds, family),
        refresh_token=None if in_cookie else refresh_token,
        token_type="Bearer",  # noqa: S106 - the scheme's name (RFC 6750)
        expires_in=config.access_token_seconds,
        user=user_of(account),
    )
