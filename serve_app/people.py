"""How accounts look on the wire, and what may be written into them."""

from typing import Annotated, Literal
from zoneinfo import available_timezones

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, Field, StringConstraints

from classroom.notifications import KINDS, Channel, wants
from persistence.accounts import Account
from serve_app.wire import Line, Prose, Time, Wire


def _email(text: str) -> str:
    try:
        # Whether mail arrives there is found out by sending some; here only the form counts, so `a@lyceum.test` is one.
        return validate_email(text, check_deliverability=False, globally_deliverable=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise ValueError("is not an e-mail address") from error


def _timezone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("is not the name of a time zone, such as Europe/Berlin")
    return name


def _kind(name: str) -> str:
    if name not in KINDS:
        raise ValueError(f"is not a kind of notice: {', '.join(KINDS)}")
    return name


def _web_address(url: str) -> str:
    if not url.startswith(("https://", "http://")):
        raise ValueError("must start with https:// or http://")
    return url


Email = Annotated[
    str, StringConstraints(max_length=254), AfterValidator(_email), Field(json_schema_extra={"format": "email"})
]
NewPassword = Annotated[str, StringConstraints(min_length=8, max_length=128)]
NoticeKind = Annotated[str, StringConstraints(max_length=64), AfterValidator(_kind)]
WebAddress = Annotated[str, StringConstraints(max_length=2_000, pattern=r"^[^\x00-\x20]+$"), AfterValidator(_web_address)]
Locale = Annotated[
    str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35), Field(description="Such as `pt-BR`.")
]
TimezoneName = Annotated[str, StringConstraints(max_length=64), AfterValidator(_timezone)]


class Channels(Wire):
    """Whether notices of a kind are wanted in the app and by mail; what is left out is as the kind has it by itself."""

    in_app: Annotated[bool, Field(strict=True)] | None = None
    mail: Annotated[bool, Field(strict=True)] | None = None


class Preferences(Wire):
    """What a person chose. `notifications` are by kind: see `GET /api/users/me/preferences` for those there are."""

    theme: Literal["system", "light", "dark"] = "system"
    locale: Locale | None = None
    notifications: dict[NoticeKind, Channels] = Field(default_factory=dict, max_length=len(KINDS))


class User(Wire):
    """The own account."""

    id: str
    email: str
    name: str
    role: str = Field(json_schema_extra={"enum": ["student", "instructor", "admin"]})
    email_verified: bool
    headline: str
    bio: str
    avatar_url: str | None
    timezone: str
    locale: str
    preferences: Preferences
    created_at: Time


class PublicProfile(Wire):
    """What anybody may know about a person."""

    id: str
    name: str
    role: str = Field(json_schema_extra={"enum": ["student", "instructor", "admin"]})
    headline: str
    bio: str
    avatar_url: str | None


class ProfileChanges(Wire):
    """What a person changes about the own account; what is left out stays."""

    name: Line | None = None
    headline: Annotated[Prose, StringConstraints(max_length=200)] | None = None
    bio: Annotated[Prose, StringConstraints(max_length=5_000)] | None = None
    avatar_url: WebAddress | None = None
    timezone: TimezoneName | None = None
    locale: Locale | None = None


def user_of(account: Account) -> User:
    """The account as its owner sees it."""
    return User(
        id=account.id,
        email=account.email,
        name=account.name,
        role=account.role.value,
        email_verified=account.email_verified_at is not None,
        headline=account.headline,
        bio=account.bio,
        avatar_url=account.avatar_url,
        timezone=account.timezone,
        locale=account.locale,
        preferences=preferences_of(account),
        created_at=account.created_at,
    )


def preferences_of(account: Account) -> Preferences:
    """What the person chose, and for every kind of notice where it is told; what is kept and no longer known is left out."""
    kept = account.preferences
    theme = kept.get("theme")
    return Preferences(
        theme=theme if theme in ("system", "light", "dark") else "system",
        locale=account.locale,
        notifications={
            kind: Channels(in_app=wants(kind, Channel.IN_APP, kept), mail=wants(kind, Channel.MAIL, kept)) for kind in KINDS
        },
    )


def profile_of(account: Account) -> PublicProfile:
    """The account as everybody sees it."""
    return PublicProfile(
        id=account.id,
        name=account.name,
        role=account.role.value,
        headline=account.headline,
        bio=account.bio,
        avatar_url=account.avatar_url,
    )
