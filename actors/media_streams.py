"""The way of somebody who wants to publish or watch: the class decides, a media node answers the offer."""

import re
from collections.abc import Awaitable, Callable

import msgspec

from actors.media_nodes import (
    LivingNodes,
    MediaNodeAway,
    MediaNodes,
    MediaNodeSlow,
    NodeFull,
    NodeNow,
    OfferRefused,
    OriginAway,
    choose_for_viewer,
    name_of,
)
from classroom.answers import Refused
from classroom.callers import Caller
from classroom.ids import SessionId
from classroom.live.commands import OpenMedia
from classroom.media_refusals import BadOffer, MediaAway, MediaFull
from classroom.ports import LiveSessions
from realtime.sfu.desk import Opened, Part, Participant, Source

TRIES = 2
"""So many times the class is asked where it is: once more when its node turns out to be gone."""
AT_ONCE = 500
"""So many wait here for a media node at most: one that hangs must not fill the replica, which is the class door, too."""
PREFIX = "media-node-"
_MEDIA_ID = re.compile(r"([0-9a-f]{1,12}-[0-9]{1,3})~([A-Za-z0-9_-]{1,64})")


class Place(msgspec.Struct, frozen=True):
    """What a class answers to `OpenMedia`."""

    node: str
    generation: int
    name: str
    part: Part


class MediaStreams:
    """Media sessions of a deployment. Their ids name the node that they are on."""

    def __init__(self, live: LiveSessions, nodes: MediaNodes, living: LivingNodes) -> None:
        self._live = live
        self._nodes = nodes
        self._living = living
        self._waiting = 0

    async def publish(self, session_id: SessionId, caller: Caller, source: Source, offer: str) -> Opened | Refused:
        """Take in what the caller sends: on the class's origin."""

        async def open_at(place: Place, _nodes: tuple[NodeNow, ...]) -> Opened:
            who = Participant(session_id, caller.user_id, place.name, place.part, source)
            return _named(place.node, await self._asked(place, place.node, self._nodes.publish(place.node, who, offer)))

        return await self._open(session_id, caller, OpenMedia("publish", source, ()), open_at)

    async def watch(self, session_id: SessionId, caller: Caller, offer: str) -> Opened | Refused:
        """Send the caller the class: from its origin, or from an edge when that has no room."""

        async def open_at(place: Place, nodes: tuple[NodeNow, ...]) -> Opened:
            who = Participant(session_id, caller.user_id, place.name, place.part)
            full: set[str] = set()
            while (node := choose_for_viewer(session_id, place.node, nodes, full)) is not None:
                origin = place.node if node != place.node else None
                try:
                    return _named(node, await self._asked(place, node, self._nodes.watch(node, who, offer, origin)))
                except NodeFull:
                    full.add(node)
            raise NodeFull

        return await self._open(session_id, caller, OpenMedia("watch", "camera", ()), open_at)

    async def close_session(self, session_id: SessionId, caller: Caller, media_id: str) -> bool | Refused:
        """End a media session of the caller's; False when there is none of this id."""
        found = _MEDIA_ID.fullmatch(media_id)
        if found is None or not await self._living.has(PREFIX + found[1]):
            return False
        try:
            return await self._nodes.close_session(PREFIX + found[1], session_id, found[2], caller.user_id)
        except MediaNodeAway:
            return Refused(MediaAway())

    async def a_node_is_well(self) -> bool:
        """Whether video can be published and watched somewhere."""
        return bool(await self._living.now())

    async def _open(
        self,
        session_id: SessionId,
        caller: Caller,
        command: OpenMedia,
        open_at: Callable[[Place, tuple[NodeNow, ...]], Awaitable[Opened]],
    ) -> Opened | Refused:
        if self._waiting >= AT_ONCE:
            return Refused(MediaAway())
        self._waiting += 1
        try:
            return await self._try(session_id, caller, command, open_at)
        finally:
            self._waiting -= 1

    async def _try(
        self,
        session_id: SessionId,
        caller: Caller,
        command: OpenMedia,
        open_at: Callable[[Place, tuple[NodeNow, ...]], Awaitable[Opened]],
    ) -> Opened | Refused:
        for _ in range(TRIES):
            nodes = await self._living.now()
            living = tuple(each.node for each in nodes)
            asked = OpenMedia(command.purpose, command.source, living, self._living.silent())
            answer = await self._live.execute(session_id, caller, asked)
            if isinstance(answer, Refused):
                return answer
            try:
                return await open_at(msgspec.json.decode(answer.body, type=Place), nodes)
            except NodeFull:
                return Refused(MediaFull())
            except OfferRefused as error:
                return Refused(BadOffer(str(error)))
            except MediaNodeSlow:
                break  # who asks again does so with a place of their own
            except MediaNodeAway:
                continue
        return Refused(MediaAway())

    async def _asked(self, place: Place, node: str, asking: Awaitable[Opened]) -> Opened:
        try:
            return await asking
        except MediaNodeSlow:
            raise  # its classes stay with it for as long as `LivingNodes` believes in it
        except OriginAway:
            self._living.doubt(place.node)
            raise
        except MediaNodeAway:
            self._living.doubt(node)
            raise


def _named(node: str, opened: Opened) -> Opened:
    return Opened(f"{name_of(node).removeprefix(PREFIX)}~{opened.media_id}", opened.answer)
