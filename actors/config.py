"""What the actors are told when they are made; nobody here reads the environment."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class JobValues:
    """Values for jobs. `smtp_url` and `object_store_url` are credentials: never log one of these."""

    public_url: str
    """Where browsers reach the site, without a slash at the end."""
    data_dir: Path
    smtp_url: str = ""
    """Empty: mails become files in the data folder."""
    mail_from: str = "Lyceum <no-reply@localhost>"
    object_store_url: str = ""
    """Carries credentials. Empty: a folder in the data folder."""
    notification_days: int = 365
    delivery_log_days: int = 90

    @property
    def objects_url(self) -> str:
        """Where files are kept."""
        return self.object_store_url or (self.data_dir.absolute() / "objects").as_uri()


@dataclass(frozen=True)
class MediaValues:
    """Values for live video."""

    nodes: int = 0
    """Media nodes on each machine; 0: video is switched off, or another server's."""
    address: str = "127.0.0.1"
    """IPv4 address to listen on."""
    public_address: str = ""
    """Address or name that browsers are told; empty: each machine's own."""
    udp_port: int = 8002
    """Of a machine's first media node; the next one has the next port."""
    most_viewers: int = 300
    """That one media node takes; a class with more is carried by several."""


@dataclass(frozen=True)
class ActorConfig:
    """Values for every actor. URLs carry credentials: never log one."""

    database_url: str
    redis_url: str
    secret_key: str
    grain_hosts: int
    realtime_bind: str
    """Address the gateway listens on, for example `127.0.0.1`."""
    realtime_port: int
    realtime_url: str
    """Where browsers reach the gateway: `ws://host:8001/ws`."""
    allowed_origins: tuple[str, ...] = ()
    """Origins a browser's socket may come from; empty: any origin whose host is the one it connects to."""
    reconnect_grace_seconds: int = 60
    access_token_seconds: int = 3_600
    namespace: str = "lyceum"
    jobs: JobValues = JobValues("http://localhost:8000", Path("var"))
    media: MediaValues = MediaValues()
