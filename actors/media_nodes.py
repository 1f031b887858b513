"""The media nodes as others see them: which live, what they carry, and which of them serves a viewer."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from realtime.sfu.desk import LinkFrom, LinkOpened, Opened, Participant

FRESH_SECONDS = 1.0
"""So long what is known of the nodes is not asked again."""
NOBODY_SECONDS = 0.2
"""The same while none lives, so that one that comes back is found at once."""
LOOK_SECONDS = 2.0
PATIENCE_SECONDS = 0.25
"""So long one waits for the answer of a node while another is known to live."""
SILENT_SECONDS = 6.0
"""A node that is slow to answer, and has not died, is believed in for so long: its classes stay with it."""

_log = structlog.get_logger(__name__)


class MediaNodeAway(Exception):
    """A media node did not answer, or is not the one any more that was meant."""


class MediaNodeSlow(MediaNodeAway):
    """A media node, or the origin that it asked, gave no answer in time. It may live: whether it does, `look` finds out."""


class OriginAway(MediaNodeAway):
    """A media node lives, and the origin of the class is gone."""


class NodeFull(Exception):
    """A media node has no room for one more."""


class OfferRefused(Exception):
    """An offer cannot be answered; the sentence is for people."""


@dataclass(frozen=True)
class NodeNow:
    """A media node that lives: `node` is its name and run (`name@run`), `classes` are those that it carries."""

    node: str
    viewers: int
    publishers: int
    most_viewers: int
    classes: frozenset[str] = frozenset()

    @property
    def weight(self) -> tuple[int, int, str]:
        """Orders nodes by what they carry."""
        return self.viewers, self.publishers, self.node


class MediaNodes(Protocol):
    """Carries a question to a media node. Each raises MediaNodeAway within five seconds; `node` is `name@run`."""

    async def look(self, name: str) -> NodeNow:
        """What a node carries. Here TimeoutError says that it lives and is slow."""
        ...

    async def publish(self, node: str, who: Participant, offer: str) -> Opened:
        """Take in what somebody sends. Raises NodeFull, OfferRefused."""
        ...

    async def watch(self, node: str, who: Participant, offer: str, origin: str | None) -> Opened:
        """Send a class to somebody, over a link from `origin` when that is another node. Raises NodeFull, OfferRefused
        and OriginAway."""
        ...

    async def close_session(self, name: str, session_id: str, media_id: str, user_id: str) -> bool:
        """End a session; whether it was there and this person's."""
        ...

    async def open_link(self, node: str, session_id: str, edge: LinkFrom) -> LinkOpened:
        """Have an origin send a class to an edge. Raises LinkRefused."""
        ...


class LivingNodes:
    """Which media nodes live, asked for when somebody needs it, and at most once a second while any lives."""

    def __init__(self, nodes: MediaNodes, names: Callable[[], Awaitable[Sequence[str]]]) -> None:
        self._nodes = nodes
        self._find = names
        self._names: tuple[str, ...] = ()
        self._known: dict[str, tuple[float, NodeNow]] = {}
        self._silent: dict[str, float] = {}
        self._looked_at: float | None = None
        self._looking: asyncio.Task[None] | None = None
        self._looks: dict[str, asyncio.Task[None]] = {}

    async def now(self) -> tuple[NodeNow, ...]:
        """Those that live, the least loaded first."""
        loop = asyncio.get_running_loop()
        fresh = FRESH_SECONDS if self._known else NOBODY_SECONDS
        if self._looked_at is None or loop.time() - self._looked_at >= fresh:
            if self._looking is None or self._looking.done():
                self._looking = loop.create_task(self._look())
            await asyncio.shield(self._looking)
        return tuple(sorted((node for _, node in self._known.values()), key=lambda node: node.weight))

    def silent(self) -> tuple[str, ...]:
        """Names of those that have neither answered nor turned out to be gone: they may live, and carry classes."""
        since = asyncio.get_running_loop().time() - SILENT_SECONDS
        return tuple(name for name, began in self._silent.items() if name not in self._known and began > since)

    async def has(self, name: str) -> bool:
        """Whether a node of this name belongs to the deployment, dead or alive."""
        if name not in self._names:
            await self.now()
        return name in self._names

    def doubt(self, node: str) -> None:
        """A node did not do what it was asked: it counts as gone until it has answered again. What is said of
        an earlier run than the one that is known to live changes nothing."""
        known = self._known.get(name_of(node))
        if known is not None and known[1].node == node:
            self._give_up(name_of(node))
            self._looked_at = None

    async def _look(self) -> None:
        self._names = tuple(await self._find())
        loop = asyncio.get_running_loop()
        for name in self._names:
            if name not in self._looks:
                self._looks[name] = loop.create_task(self._look_at(name))
        await self._patiently([self._looks[name] for name in self._names])
        for name in self._looks.keys() - self._known.keys():
            self._silent.setdefault(name, loop.time())
        for name in (self._known.keys() | self._silent.keys()) - set(self._names):
            self._known.pop(name, None)
            self._silent.pop(name, None)
        self._looked_at = loop.time()

    async def _patiently(self, looks: Collection[asyncio.Task[None]]) -> None:
        """Until all have answered, or one is known to live and the others were waited for: one that has just been started
        again may have no time to say so."""
        waiting = set(looks)
        done: set[asyncio.Task[None]] = set()
        if waiting:
            done, waiting = await asyncio.wait(waiting, timeout=PATIENCE_SECONDS)
        while waiting and not self._known:
            more, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            done |= more
        for look in done:
            look.result()  # nothing that a look may raise is left

    async def _look_at(self, name: str) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                self._known[name] = (loop.time(), await self._nodes.look(name))
            self._silent.pop(name, None)
        except TimeoutError:
            seen = self._known.get(name)
            began = self._silent.setdefault(name, loop.time() if seen is None else seen[0])
            if seen is not None and loop.time() - began >= SILENT_SECONDS:
                self._give_up(name)
                _log.warning("media_node_silent", node=name)
        except MediaNodeAway as error:
            if name in self._known:
                _log.warning("media_node_away", node=name, reason=str(error))
            self._give_up(name)
        finally:
            del self._looks[name]

    def _give_up(self, name: str) -> None:
        """It is gone until it answers: its silence from now on says nothing new."""
        self._known.pop(name, None)
        self._silent[name] = -SILENT_SECONDS


def name_of(node: str) -> str:
    """The name in `name@run`."""
    return node.partition("@")[0]


def choose_for_viewer(session_id: str, origin: str, nodes: Sequence[NodeNow], without: Collection[str] = ()) -> str | None:
    """The node that serves one more viewer of a class: the origin while it has room, then the fullest edge of the class that
    has room (so that few nodes carry it), then the least loaded node; None when no node has room. `without` are those that
    said they are full."""
    able = [each for each in nodes if each.node not in without and each.viewers < each.most_viewers]
    if any(each.node == origin for each in able):
        return origin
    edges = [each for each in able if session_id in each.classes]
    if edges:
        return max(edges, key=lambda each: each.weight).node
    return min(able, key=lambda each: each.weight).node if able else None
