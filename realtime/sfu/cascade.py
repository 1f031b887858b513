"""Which classes this node sends on to edges, and which it takes from their origins."""

import asyncio
from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address

import structlog

from realtime.sfu.desk import LinkFrom, LinkOpened, LinkRefused, LinkTo
from realtime.sfu.gates import Gates
from realtime.sfu.link import KEPT_SECONDS, KEY_BYTES, EdgeEnd, OriginEnd
from realtime.sfu.room import Room
from realtime.tasks import Tasks

ASK_SECONDS = 0.5
_ANSWER_SECONDS = 3.0
"""Less than the five that who wants to watch waits for this node: they are told that it is the origin that is slow."""
_MOST_EDGES = 64

_log = structlog.get_logger(__name__)


class _Following:
    """A class that is taken from its origin, or about to be: asked for once, however many wait for it."""

    def __init__(self, origin: str, end: EdgeEnd) -> None:
        self.origin = origin
        self.end = end
        self.settled = asyncio.Event()
        """The origin has answered, or was asked in vain."""
        self.fault: LinkRefused | ConnectionError | TimeoutError | None = None


class Cascade:
    """The links of one node."""

    def __init__(self, gates: Gates, host: str, clock: Callable[[], float], tasks: Tasks) -> None:
        """`host`: the address at which other nodes reach this one."""
        self._gates = gates
        self._host = host
        self._clock = clock
        self._tasks = tasks
        self._edges: dict[str, dict[str, OriginEnd]] = {}
        self._following: dict[str, _Following] = {}

    def open_link(self, room: Room, edge: LinkFrom) -> LinkOpened:
        """Send the class to this edge, or go on doing so. Raises LinkRefused."""
        if room.session_id in self._following:
            raise LinkRefused("This node is an edge of that class itself.")
        ends = self._edges.setdefault(room.session_id, {})
        end = ends.get(edge.edge)
        if end is None or end.edge != edge:
            if end is None and len(ends) >= _MOST_EDGES:
                raise LinkRefused(f"The class has {_MOST_EDGES} edges already.")
            _check(edge)
            if end is not None:
                self._drop(room, end)
            end = ends[edge.edge] = OriginEnd(self._gates, room, edge, self._clock)
            room.links.append(end)
            _log.info("media.link_opened", session_id=room.session_id, edge=edge.edge)
        return end.opened(self._host, self._clock())

    def origin_of(self, session_id: str) -> str | None:
        """The node that this one takes the class from; None: from nobody."""
        following = self._following.get(session_id)
        return None if following is None else following.origin

    async def follow(self, room: Room, origin: LinkTo) -> bool:
        """Take the class from its origin, if it is not done yet, and wait until it comes: False when the room is to take it
        from elsewhere by then, or is no more. Raises what `LinkTo.open_link` does."""
        following = self._following.get(room.session_id)
        if following is None or following.origin != origin.node:
            self.leave(room)
            name = f"{self._host}:{self._gates.mux.port}"
            following = _Following(origin.node, EdgeEnd(self._gates, room, name, self._host, self._clock))
            self._following[room.session_id] = following
            self._tasks.start(self._keep(room, origin, following), f"media.link.{room.session_id}")
        await following.settled.wait()
        if following.fault is not None:
            raise type(following.fault)(*following.fault.args)
        return self._following.get(room.session_id) is following

    def leave(self, room: Room) -> None:
        """Take the class from nobody."""
        before = self._following.pop(room.session_id, None)
        if before is not None:
            before.end.close()

    def expire(self, room: Room) -> bool:
        """Send nothing more to edges that did not ask for seconds; whether some are left."""
        ends = self._edges.get(room.session_id, {})
        for end in [one for one in ends.values() if self._clock() - one.asked_at > KEPT_SECONDS]:
            _log.info("media.link_closed", session_id=room.session_id, edge=end.edge.edge)
            self._drop(room, end)
        return bool(ends)

    def end(self, room: Room) -> None:
        """The room is no more."""
        self.leave(room)
        for end in list(self._edges.get(room.session_id, {}).values()):
            self._drop(room, end)
        self._edges.pop(room.session_id, None)

    def _drop(self, room: Room, end: OriginEnd) -> None:
        del self._edges[room.session_id][end.edge.edge]
        room.links.remove(end)
        end.close()

    async def _keep(self, room: Room, origin: LinkTo, following: _Following) -> None:
        """Open the link, and ask for it again as long as the room follows it; whatever happens, no link stays that nobody
        asks for."""
        try:
            await self._ask_on(room, origin, following)
        finally:
            if self._following.get(room.session_id) is following:
                self.leave(room)
            following.settled.set()

    async def _ask_on(self, room: Room, origin: LinkTo, following: _Following) -> None:
        end = following.end
        while True:
            try:
                opened = await _ask(room, origin, end)
            except (LinkRefused, ConnectionError, TimeoutError) as fault:
                if not following.settled.is_set():
                    following.fault = fault
                    return
                if self._clock() - end.opened_at > KEPT_SECONDS:
                    _log.warning("media.link_lost", session_id=room.session_id, origin=origin.node, reason=str(fault))
                    return
            else:
                if self._following.get(room.session_id) is not following:
                    return
                end.take(opened, self._clock())
                following.settled.set()
            await asyncio.sleep(ASK_SECONDS)
            if self._following.get(room.session_id) is not following:
                return


async def _ask(room: Room, origin: LinkTo, end: EdgeEnd) -> LinkOpened:
    limit = asyncio.timeout(_ANSWER_SECONDS)
    try:
        async with limit:
            return await origin.open_link(room.session_id, end.asks)
    except TimeoutError:
        if limit.expired():
            raise TimeoutError(f"{origin.node} did not answer in {_ANSWER_SECONDS:.0f} s") from None
        raise


def _check(edge: LinkFrom) -> None:
    try:
        IPv4Address(edge.host)
    except AddressValueError:
        raise LinkRefused(f"{edge.host!r} is no IPv4 address.") from None
    if len(edge.key) != KEY_BYTES or not 0 < edge.port < 65536 or not 0 <= edge.label < 1 << 32:
        raise LinkRefused("The key, the port or the label of the edge is not one.")
