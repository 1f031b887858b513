"""What the actors are told when they are made; nobody here reads the environment."""

from dataclasses import dataclass


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
    namespace: str = "lyceum"
