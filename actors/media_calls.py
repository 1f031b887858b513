"""Calls to media nodes, over Ray."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from ray.exceptions import RayError

from actors.config import ActorConfig
from actors.discovery import Names
from actors.media_node import Turned
from actors.media_nodes import LivingNodes, MediaNodeAway, MediaNodeSlow, NodeFull, NodeNow, OfferRefused, OriginAway
from actors.media_streams import MediaStreams
from actors.nodes import media_names
from actors.ray_calls import RayCalls
from classroom.ports import LiveSessions
from realtime.sfu.desk import LinkFrom, LinkOpened, LinkRefused, Opened, Participant

ANSWER_SECONDS = 5.0

_RAISED = {
    "offer": OfferRefused,
    "full": NodeFull,
    "away": MediaNodeAway,
    "origin": OriginAway,
    "slow": MediaNodeSlow,
    "link": LinkRefused,
}


class RayMediaNodes:
    """`MediaNodes` over named actors."""

    def __init__(self, calls: RayCalls) -> None:
        self._calls = calls

    async def look(self, name: str) -> NodeNow:
        """See `MediaNodes.look`."""
        now: NodeNow = await self._call(name, lambda found: found.look.remote())
        return now

    async def publish(self, node: str, who: Participant, offer: str) -> Opened:
        """See `MediaNodes.publish`."""
        name, _, run = node.partition("@")
        opened: Opened = await self._answer(name, lambda found: found.publish.remote(run, who, offer))
        return opened

    async def watch(self, node: str, who: Participant, offer: str, origin: str | None) -> Opened:
        """See `MediaNodes.watch`."""
        name, _, run = node.partition("@")
        opened: Opened = await self._answer(name, lambda found: found.watch.remote(run, who, offer, origin))
        return opened

    async def close_session(self, name: str, session_id: str, media_id: str, user_id: str) -> bool:
        """See `MediaNodes.close_session`."""
        closed: bool = await self._answer(name, lambda found: found.close_session.remote(session_id, media_id, user_id))
        return closed

    async def open_link(self, node: str, session_id: str, edge: LinkFrom) -> LinkOpened:
        """See `MediaNodes.open_link`."""
        name, _, run = node.partition("@")
        opened: LinkOpened = await self._answer(name, lambda found: found.open_link.remote(run, session_id, edge))
        return opened

    async def _answer(self, name: str, send: Callable[[Any], Any]) -> Any:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._call(name, send)
        except TimeoutError as error:
            raise MediaNodeSlow(f"{name} gave no answer within {ANSWER_SECONDS:.0f} s") from error

    async def _call(self, name: str, send: Callable[[Any], Any]) -> Any:
        try:
            answer = await self._calls.send(name, send)
        except (RayError, ValueError) as error:
            reason = str(error).splitlines()[0] if str(error) else ""
            raise MediaNodeAway(f"{name}: {type(error).__name__}: {reason}"[:200]) from error
        if isinstance(answer, Turned):
            raise _RAISED[answer.why](answer.sentence)
        return answer


def connect_streams(config: ActorConfig, live: LiveSessions) -> MediaStreams:
    """The media sessions of a running deployment, from a process that Ray knows."""
    nodes = RayMediaNodes(RayCalls(config.namespace))
    return MediaStreams(live, nodes, LivingNodes(nodes, Names(partial(media_names, config)).latest))


class RayLinks:
    """Makes the ways from this node to origins."""

    def __init__(self, calls: RayCalls) -> None:
        self._nodes = RayMediaNodes(calls)

    def to(self, origin: str) -> "RayLink":
        """The way to an origin (`name@run`)."""
        return RayLink(self._nodes, origin)


class RayLink:
    """`realtime.sfu.desk.LinkTo` over Ray."""

    def __init__(self, nodes: RayMediaNodes, origin: str) -> None:
        self._nodes = nodes
        self._origin = origin

    @property
    def node(self) -> str:
        """See `LinkTo.node`."""
        return self._origin

    async def open_link(self, session_id: str, edge: LinkFrom) -> LinkOpened:
        """See `LinkTo.open_link`."""
        try:
            return await self._nodes.open_link(self._origin, session_id, edge)
        except MediaNodeSlow as error:
            raise TimeoutError(str(error)) from error
        except MediaNodeAway as error:
            raise ConnectionError(str(error)) from error
