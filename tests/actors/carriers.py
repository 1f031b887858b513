"""Media nodes that carry nothing: they live, die, hang and fill up as a test says."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from actors.media_nodes import LivingNodes, MediaNodeAway, MediaNodeSlow, NodeFull, NodeNow, OfferRefused, OriginAway
from actors.media_streams import PREFIX
from realtime.sfu.desk import LinkFrom, LinkOpened, LinkRefused, Opened, Participant


@dataclass
class Carrier:
    """A node: its run, who is on it, and what is wrong with it."""

    run: int = 1
    viewers: int = 0
    publishers: int = 0
    most_viewers: int = 2
    classes: set[str] = field(default_factory=set)
    is_alive: bool = True
    hangs: bool = False
    stalls: bool = False
    """Answers that it lives, and to nothing else."""
    is_full: bool = False
    is_cut_off: bool = False
    """Gets no class from another node."""
    sessions: list[tuple[Participant, str | None]] = field(default_factory=list)


class Carriers:
    """`MediaNodes` over `nodes`, by their name without its prefix."""

    def __init__(self, **nodes: Carrier) -> None:
        self.nodes = nodes
        self.looks = 0
        self.waiting = 0
        """Questions that a node which hangs has not answered."""
        self.stalled = asyncio.Semaphore(0)
        """Released by each question to a node that stalls."""
        self.let_go = asyncio.Event()
        """Ends the wait of those who ask a node that stalls: it was too slow."""

    async def names(self) -> Sequence[str]:
        """The names of all."""
        return tuple(PREFIX + name for name in self.nodes)

    def living(self) -> LivingNodes:
        """As a replica sees them."""
        return LivingNodes(self, self.names)

    async def look(self, name: str) -> NodeNow:
        """See `MediaNodes.look`."""
        self.looks += 1
        it = await self._reach(name)
        return NodeNow(f"{name}@{it.run}", it.viewers, it.publishers, it.most_viewers, frozenset(it.classes))

    async def publish(self, node: str, who: Participant, offer: str) -> Opened:
        """See `MediaNodes.publish`."""
        return await self._open(node, who, offer, None)

    async def watch(self, node: str, who: Participant, offer: str, origin: str | None) -> Opened:
        """See `MediaNodes.watch`."""
        return await self._open(node, who, offer, origin)

    async def close_session(self, name: str, session_id: str, media_id: str, user_id: str) -> bool:
        """See `MediaNodes.close_session`."""
        it = await self._reach(name)
        who = it.sessions[int(media_id)][0] if int(media_id) < len(it.sessions) else None
        return who is not None and (who.session_id, who.user_id) == (session_id, user_id)

    async def open_link(self, node: str, session_id: str, edge: LinkFrom) -> LinkOpened:
        """See `MediaNodes.open_link`."""
        raise LinkRefused("nothing is carried here")

    async def _open(self, node: str, who: Participant, offer: str, origin: str | None) -> Opened:
        name, _, run = node.partition("@")
        it = await self._reach(name)
        if it.stalls:
            self.stalled.release()
            await self.let_go.wait()
            raise MediaNodeSlow(f"{name} gave no answer")
        if str(it.run) != run:
            raise MediaNodeAway(f"{node} was started again")
        if it.is_full:
            raise NodeFull("full")
        if offer == "bad":
            raise OfferRefused("The offer has no lines.")
        if it.is_cut_off and origin is not None:
            raise OriginAway(f"{origin} is away")
        it.sessions.append((who, origin))
        it.classes.add(who.session_id)
        return Opened(str(len(it.sessions) - 1), f"answer of {node}")

    async def _reach(self, name: str) -> Carrier:
        it = self.nodes[name.removeprefix(PREFIX)]
        if it.hangs:
            self.waiting += 1
            try:
                await asyncio.sleep(5)
            finally:
                self.waiting -= 1
            raise MediaNodeSlow(f"{name} gave no answer")
        if not it.is_alive:
            raise MediaNodeAway(f"{name} is dead")
        return it
