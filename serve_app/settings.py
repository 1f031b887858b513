"""Every setting of Lyceum and the only reader of the environment: `LYCEUM_*` variables, or the same names in `./.env`."""

from email.errors import MessageError
from email.headerregistry import Address
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from actors.config import ActorConfig, JobValues, MediaValues
from persistence.object_urls import parse_object_url
from serve_app.ice_servers import IceServer, read_ice_servers
from serve_app.livekit import Livekit

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""Addresses that nobody outside this machine can reach."""

Port = Annotated[int, Field(ge=1, le=65_535)]


class Settings(BaseSettings):
    """What an operator may choose. URLs and the secret key carry credentials: never log one.

    Raises `pydantic.ValidationError` when a value cannot be meant.
    """

    model_config = SettingsConfigDict(
        env_prefix="LYCEUM_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    data_dir: Path = Path("var")
    bind: str = "127.0.0.1"
    http_port: Port = 8000
    realtime_port: Port = 8001
    public_url: str = ""
    realtime_url: str = ""
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = ()

    database_url: str = Field(default="", repr=False)
    redis_url: str = Field(default="", repr=False)
    secret_key: str = Field(default="", repr=False)
    object_store_url: str = Field(default="", repr=False)

    media: Literal["embedded", "livekit", "off"] = "embedded"
    media_udp_port: Port = 8002
    media_workers: int = Field(default=2, ge=1, le=64)
    media_most_viewers: int = Field(default=300, ge=1, le=10_000)
    media_address: str = Field(default="", pattern=r"^[A-Za-z0-9.\-]{0,253}$")
    ice_servers: Annotated[tuple[IceServer, ...], NoDecode] = Field(default=(), repr=False)
    livekit_url: str = ""
    livekit_api_key: str = ""
    livekit_api_secret: str = Field(default="", repr=False)

    smtp_url: str = Field(default="", repr=False)
    mail_from: str = "Lyceum <no-reply@localhost>"

    grain_hosts: int = Field(default=2, ge=1, le=64)
    api_replicas: int = Field(default=2, ge=1, le=64)
    reconnect_grace_seconds: int = Field(default=60, ge=1, le=3_600)

    access_token_minutes: int = Field(default=60, ge=1, le=1_440)
    refresh_token_days: int = Field(default=30, ge=1, le=365)
    email_verification: bool | None = None
    notification_days: int = Field(default=365, ge=30, le=36_500)
    delivery_log_days: int = Field(default=90, ge=7, le=36_500)
    course_review: bool = True
    rate_limit_per_minute: int = Field(default=100, ge=1)
    live_rate_limit_per_minute: int = Field(default=600, ge=1)
    sign_in_tries_per_account: int = Field(default=10, ge=1)
    sign_in_tries_per_address: int = Field(default=50, ge=1)

    metrics_token: str = Field(default="", repr=False)

    demo: bool = False

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())
        return value

    @field_validator("ice_servers", mode="before")
    @classmethod
    def _ice(cls, value: object) -> object:
        return read_ice_servers(value) if isinstance(value, str) else value

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, value: str) -> str:
        if value and len(value) < 32:
            raise ValueError("must have at least 32 characters (for example from: openssl rand -hex 32)")
        return value

    @field_validator("mail_from")
    @classmethod
    def _address(cls, value: str) -> str:
        sentence = "must be an e-mail address, such as: Lyceum <no-reply@lyceum.example.org>"
        try:
            address = Address(addr_spec=parseaddr(value)[1])
        except (MessageError, ValueError, IndexError) as error:
            raise ValueError(sentence) from error
        if not (value.isprintable() and address.username and address.domain):
            raise ValueError(sentence)
        return value

    @field_validator("public_url", "realtime_url", "database_url", "redis_url", "smtp_url", "livekit_url")
    @classmethod
    def _known_scheme(cls, value: str, info: object) -> str:
        schemes = _SCHEMES[getattr(info, "field_name", "")]
        if value and (urlsplit(value).scheme not in schemes or "://" not in value):
            raise ValueError(f"must start with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return value.rstrip("/")

    @field_validator("smtp_url")
    @classmethod
    def _server(cls, value: str) -> str:
        if value and not urlsplit(value).hostname:
            raise ValueError("must name a server: smtp://user:password@host:587")
        if value:
            _ = urlsplit(value).port  # raises ValueError when it is none
        return value

    @field_validator("object_store_url")
    @classmethod
    def _is_store(cls, value: str) -> str:
        if value:
            parse_object_url(value)
        return value

    @model_validator(mode="after")
    def _consistent(self) -> "Settings":
        if self.http_port == self.realtime_port:
            raise ValueError("LYCEUM_HTTP_PORT and LYCEUM_REALTIME_PORT must differ")
        if self.media_udp_port + self.media_workers - 1 > 65_535:
            raise ValueError("LYCEUM_MEDIA_WORKERS needs a port each from LYCEUM_MEDIA_UDP_PORT on, and 65535 is the last")
        if self.media == "livekit" and not (self.livekit_url and self.livekit_api_key and self.livekit_api_secret):
            raise ValueError(
                "LYCEUM_MEDIA=livekit needs LYCEUM_LIVEKIT_URL, LYCEUM_LIVEKIT_API_KEY and LYCEUM_LIVEKIT_API_SECRET"
            )
        if self.demo and self.bind not in LOOPBACK:
            raise ValueError(
                f"demo mode has sign-ins that everybody knows and therefore listens on this machine only, "
                f"not on LYCEUM_BIND={self.bind}"
            )
        return self

    def actor_config(self) -> ActorConfig:
        """What the actors are told. Only of complete settings: both database URLs and the secret key are set."""
        return ActorConfig(
            database_url=self.database_url,
            redis_url=self.redis_url,
            secret_key=self.secret_key,
            grain_hosts=self.grain_hosts,
            realtime_bind=self.bind,
            realtime_port=self.realtime_port,
            realtime_url=self.socket_url,
            allowed_origins=self.allowed_origins,
            reconnect_grace_seconds=self.reconnect_grace_seconds,
            access_token_seconds=self.access_token_minutes * 60,
            jobs=JobValues(
                self.http_url,
                self.data_dir,
                self.smtp_url,
                self.mail_from,
                self.object_store_url,
                self.notification_days,
                self.delivery_log_days,
            ),
            media=MediaValues(
                len(self.media_ports),
                self.media_bind,
                self.media_address,
                self.media_udp_port,
                self.media_most_viewers,
            ),
        )

    @property
    def media_ports(self) -> range:
        """The UDP ports of the media nodes of one machine; none when video does not go through here."""
        return range(self.media_udp_port, self.media_udp_port + (self.media_workers if self.media == "embedded" else 0))

    @property
    def media_bind(self) -> str:
        """The IPv4 address that media nodes listen on: that of the site. With a public address every one, since a site on
        loopback stands behind a proxy then, through which no packets come."""
        if self.media_address and self.bind in LOOPBACK and not _is_loopback(self.media_address):
            return "0.0.0.0"  # noqa: S104 - what the operator asks for
        if self.bind in LOOPBACK:
            return "127.0.0.1"
        return self.bind if ":" not in self.bind else "0.0.0.0"  # noqa: S104 - the site listens there, too

    @property
    def livekit(self) -> Livekit | None:
        """The LiveKit server that carries the video."""
        if self.media != "livekit":
            return None
        return Livekit(self.livekit_url, self.livekit_api_key, self.livekit_api_secret)

    @property
    def verifies_email(self) -> bool:
        """Whether signing in needs a verified address: as the operator says, or else exactly when mail can be sent."""
        return self.email_verification if self.email_verification is not None else bool(self.smtp_url)

    @property
    def object_origin(self) -> str:
        """Scheme and host to which browsers send files and from which they fetch them past us; empty: none."""
        store = parse_object_url(self.object_store_url) if self.object_store_url else None
        if store is None or store.scheme == "file":
            return ""
        known = {"gs": "https://storage.googleapis.com", "az": f"https://{store.key_id}.blob.core.windows.net"}
        parts = urlsplit(store.endpoint or known[store.scheme])
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def public_host(self) -> str:
        """Address and port that the site listens on, as HAProxy writes it."""
        return f"{url_host(self.bind)}:{self.http_port}"

    @property
    def http_url(self) -> str:
        """Where browsers reach the site, without a slash at the end."""
        return self.public_url or f"http://{_reachable(self.bind)}:{self.http_port}"

    @property
    def socket_url(self) -> str:
        """Where browsers reach the gateway."""
        return self.realtime_url or f"ws://{_reachable(self.bind)}:{self.realtime_port}/ws"


_SCHEMES = {
    "public_url": ("http", "https"),
    "realtime_url": ("ws", "wss"),
    "database_url": ("postgresql", "postgres"),
    "redis_url": ("redis", "rediss", "unix"),
    "smtp_url": ("smtp", "smtps"),
    "livekit_url": ("ws", "wss"),
}


def local_address(bind: str) -> str:
    """An address of this machine on which a listener bound to `bind` answers."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind, bind)  # noqa: S104 - compared with, not listened on


def _is_loopback(address: str) -> bool:
    return address in LOOPBACK or address.startswith("127.")


def url_host(address: str) -> str:
    """An address as it stands in a URL: IPv6 in brackets."""
    return f"[{address}]" if ":" in address else address


def _reachable(bind: str) -> str:
    """The address to print for a listener on `bind`: the same name for the site and its sockets, as origins need it."""
    local = local_address(bind)
    return "localhost" if local in LOOPBACK else url_host(local)
