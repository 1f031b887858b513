"""What the HTTP edge is made of: values from the settings, and the parts that do the work."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from actors.media_streams import MediaStreams
from classroom.ports import CourseProgress, GatewayDirectory, LiveSessions, Tickets
from classroom.times import Moment
from persistence.accounts import Accounts
from persistence.command_keys import CommandKeys
from persistence.courses import PostgresCourses
from persistence.denied import Denied
from persistence.enrollments import PostgresEnrollments
from persistence.idempotency import IdempotencyKeys
from persistence.live_records import LiveRecords
from persistence.rate_limits import RateLimits
from persistence.sign_in_throttle import SignInThrottle
from persistence.sign_ins import SignIns
from persistence.tokens import AccessTokens
from serve_app.ice_servers import IceServer
from serve_app.livekit import Livekit
from serve_app.passwords import Passwords
from serve_app.sealing import Seal
from serve_app.stores import Stores

WEB_DIST = Path(__file__).resolve().parent.parent / "web" / "dist"
"""Where `make install` puts the built web application."""


@dataclass(frozen=True)
class EdgeConfig:
    """Values for the edge. `secret_key` is a credential: never log one of these."""

    http_url: str
    """Where browsers reach the site, without a slash at the end."""
    socket_url: str
    """Where browsers reach the gateway when the directory knows none."""
    secret_key: str
    allowed_origins: tuple[str, ...] = ()
    """Other sites whose pages may call the API (CORS)."""
    access_token_seconds: int = 3_600
    refresh_token_seconds: int = 30 * 86_400
    email_verification: bool = False
    course_review: bool = True
    rate_limit_per_minute: int = 100
    live_rate_limit_per_minute: int = 600
    sign_in_tries_per_account: int = 10
    """Wrong passwords in a quarter of an hour."""
    sign_in_tries_per_address: int = 50
    most_at_once: int = 4_000
    """Requests that one replica works on at the same time; more are told to come again."""
    metrics_token: str = ""
    """Bearer token for `/metrics`; empty: only admins may read them."""
    server_adds_request_id: bool = False
    """Whether the server around the application (Serve) puts `X-Request-Id` on answers, so that it need not be here."""
    object_origin: str = ""
    """Where browsers send and fetch files past us (scheme and host); empty: nowhere."""
    media_mode: Literal["embedded", "livekit", "off"] = "embedded"
    ice_servers: tuple[IceServer, ...] = ()
    livekit: Livekit | None = None
    """The LiveKit server that carries the video in our place."""
    web_dist: Path = WEB_DIST
    version: str = "0.1.0"

    @property
    def denied_seconds(self) -> int:
        """How long an access token may still be good that was made just before it was denied: its life, and a minute for
        clocks that differ."""
        return self.access_token_seconds + 60

    @property
    def secure(self) -> bool:
        """Whether browsers reach the site over TLS."""
        return self.http_url.startswith("https://")


@dataclass(frozen=True)
class Parts:
    """Everything a handler may use."""

    accounts: Accounts
    sign_ins: SignIns
    courses: PostgresCourses
    enrollments: PostgresEnrollments
    idempotency: IdempotencyKeys
    command_keys: CommandKeys
    stores: Stores
    """The stores of the platform around the class."""
    live_records: LiveRecords
    live: LiveSessions
    progress: CourseProgress
    streams: MediaStreams
    tickets: Tickets
    gateways: GatewayDirectory
    limits: RateLimits
    denied: Denied
    """Whose access tokens are refused before they expire."""
    throttle: SignInThrottle
    tokens: AccessTokens
    passwords: Passwords
    seal: Seal
    checks: Mapping[str, Callable[[], Awaitable[None]]]
    """One a part that may be down, by its name in `/api/health`; raises when it is."""
    clock: Callable[[], Moment]
    new_id: Callable[[], str]
