"""What a media server is told, what it answers, and the ports through which it asks: no socket and no packet in here."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

Source = Literal["camera", "screen"]
"""What one person sends: the camera with the microphone, or the screen with its sound."""
Part = Literal["staff", "stage", "viewer"]


class MediaFull(Exception):
    """There is no room for one more; the sentence says where. Somebody else's session is never ended for it."""


class MediaClosed(Exception):
    """The media server is closing, or was never started: publish or watch on another node."""


class LinkRefused(Exception):
    """The origin does not open this link; the sentence says why."""


@dataclass(frozen=True)
class MediaSettings:
    """Where one media server listens, and its bounds. Sizes in bytes, times in seconds."""

    address: str
    """The IPv4 address to bind, for example `0.0.0.0`."""
    public_address: str
    """The IPv4 address that browsers are told."""
    udp_port: int = 0
    """0 lets the system choose; `MediaServer.port` says which it was."""
    most_viewers: int = 300
    most_publishers: int = 60
    sessions_a_person: int = 6
    """Of one class: a page has one to watch and two to publish; twice that, because a page that begins anew overlaps."""
    receive_buffer: int = 4 << 20
    send_buffer: int = 8 << 20
    connect_seconds: float = 20.0
    """How long a browser may take from the answer to its first packet."""
    silence_seconds: float = 30.0
    check_seconds: float = 1.0


@dataclass(frozen=True)
class Participant:
    """Who publishes or watches, as the class has decided it. `source` says nothing of who watches."""

    session_id: str
    user_id: str
    name: str
    part: Part
    source: Source = "camera"


@dataclass(frozen=True)
class Opened:
    """A session of this media server, by an id that only its owner knows, and the SDP answer."""

    media_id: str
    answer: str


@dataclass(frozen=True)
class Person:
    """Who is in a slot."""

    user_id: str
    name: str


@dataclass(frozen=True)
class Shown:
    """Who is in which slot: the screen, `camera-0` to `camera-3`, `microphone-0` to `microphone-5`."""

    screen: Person | None
    cameras: tuple[Person | None, ...]
    microphones: tuple[Person | None, ...]


@dataclass(frozen=True)
class Recording:
    """The recording that should run."""

    recording_id: str
    title: str


@dataclass(frozen=True)
class Verdict:
    """What the class says of those who are here. `moved`: another node is the origin now."""

    over: bool = False
    moved: bool = False
    viewers_gone: frozenset[str] = frozenset()
    publishers_gone: frozenset[str] = frozenset()
    recording: Recording | None = None


class MediaDesk(Protocol):
    """What a media server asks and tells a class. A class that is away is no fault of this: it changes nothing."""

    async def check(
        self, session_id: str, origin: str | None, viewers: Sequence[str], publishers: Sequence[str]
    ) -> Verdict | None:
        """Whether these people still may be here, where the class comes from `origin` (None: it is here itself); None: the
        class cannot be asked now."""
        ...

    async def show(self, session_id: str, shown: Shown) -> None:
        """Say who is in which slot. Told again after some seconds, as it may not have been heard."""
        ...

    async def speakers(self, session_id: str, user_ids: Sequence[str]) -> None:
        """Say who speaks, the loudest first, at most six."""
        ...


@dataclass(frozen=True)
class LinkFrom:
    """An edge that asks for a class: its UDP address, the key of what it sends (16 bytes and 12 of salt, AES-128-GCM), and
    the SSRC of its reports, which tells links between the same two nodes apart."""

    edge: str
    host: str
    port: int
    key: bytes = field(repr=False)
    label: int


@dataclass(frozen=True)
class LinkStream:
    """One layer of one track on a link."""

    kind: str
    layer: str
    codec: str
    ssrc: int


@dataclass(frozen=True)
class LinkSource:
    """A source on a link."""

    media_id: str
    who: Participant
    streams: tuple[LinkStream, ...]


@dataclass(frozen=True)
class LinkOpened:
    """What the origin answers: its UDP address, the key of what it sends, what there is, and what is in which slot (the
    slot, whose, and which source)."""

    host: str
    port: int
    key: bytes = field(repr=False)
    sources: tuple[LinkSource, ...]
    holds: tuple[tuple[str, str, str], ...]


class LinkTo(Protocol):
    """The way to a class's origin; over Ray in the product."""

    @property
    def node(self) -> str:
        """The origin's name and run."""
        ...

    async def open_link(self, session_id: str, edge: LinkFrom) -> LinkOpened:
        """Have the origin send the class to the edge, or go on sending it: asked again twice a second, which keeps the link.

        Raises LinkRefused, ConnectionError when the origin is gone, and TimeoutError when it gives no answer.
        """
        ...


@dataclass(frozen=True)
class Load:
    """What a media server carries now, and what it has carried since it began. `classes`: the session ids here."""

    viewers: int = 0
    publishers: int = 0
    rooms: int = 0
    classes: tuple[str, ...] = ()
    packets_in: int = 0
    packets_out: int = 0
    bytes_out: int = 0
    dropped: int = 0
