"""What a gateway is told when it is made: where it listens, who may come, and every bound it keeps."""

from dataclasses import dataclass


@dataclass(frozen=True)
class GatewaySettings:
    """Values for one gateway. Sizes in bytes, times in seconds."""

    name: str
    """What the gateway calls itself in the directory and in logs."""
    bind: str
    port: int
    """0 lets the system choose; `Gateway.port` says which it was."""
    url: str
    """Where browsers reach it, for example `ws://host:8001/ws`; what the directory lists."""
    allowed_origins: tuple[str, ...] = ()
    """Origins a browser's socket may come from; empty: any origin whose host is the one it connects to."""
    path: str = "/ws"

    max_connections: int = 20_000
    connections_per_user: int = 20
    subscriptions_per_connection: int = 64
    commands_in_flight: int = 64
    remembered_replies: int = 64
    message_bytes: int = 64 * 1024
    outbox_bytes: int = 1024 * 1024

    commands_per_second: float = 50.0
    commands_burst: int = 100
    frames_per_second: float = 200.0
    frames_burst: int = 400

    hello_seconds: float = 10.0
    heartbeat_seconds: int = 25
    pong_seconds: float = 10.0
    call_seconds: float = 15.0
    """How long a call over a port may take before the gateway answers `unavailable` itself."""
    closing_seconds: float = 5.0
    """How long a peer may take to answer a close before its socket is dropped."""

    ring_events: int = 512
    ring_bytes: int = 256 * 1024
    window_seconds: float = 0.015
    """Events of a topic that follow each other faster than this share a frame."""
    linger_seconds: float = 5.0
    """How long a topic without subscribers is still followed."""
    register_seconds: float = 5.0
