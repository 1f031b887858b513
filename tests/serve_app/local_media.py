"""A media node in the tests' own process: a real `MediaServer` on a UDP port of loopback, without Ray."""

import asyncio
from collections.abc import Awaitable, Sequence

from actors.media_desk import GrainDesk
from actors.media_nodes import MediaNodeAway, NodeFull, NodeNow, OfferRefused
from classroom.ports import LiveSessions
from realtime.sfu.desk import LinkFrom, LinkOpened, MediaFull, MediaSettings, Opened, Participant
from realtime.sfu.sdp import BadOffer
from realtime.sfu.server import MediaServer

NAME = "media-node-0123456789ab-0"


class LocalMedia:
    """`actors.media_nodes.MediaNodes` of one node. It is away until `revive`, and then starts when it is first looked at;
    `kill` ends it as a crash does."""

    def __init__(self, live: LiveSessions, most_viewers: int = 300) -> None:
        self._live = live
        self._most_viewers = most_viewers
        self._runs = 0
        self._server: MediaServer | None = None
        self.is_alive = False

    async def names(self) -> Sequence[str]:
        """The names of all media nodes."""
        return (NAME,)

    @property
    def node(self) -> str:
        """Name and run of now."""
        return f"{NAME}@{self._runs}"

    async def kill(self) -> None:
        """It is gone, with all that it carried."""
        self.is_alive = False
        await self.close()

    def revive(self) -> None:
        """It may start again."""
        self.is_alive = True

    async def close(self) -> None:
        """End it."""
        if self._server is not None:
            server, self._server = self._server, None
            await server.close()

    async def look(self, name: str) -> NodeNow:
        """See `MediaNodes.look`."""
        load = (await self._serving(name)).load()
        return NodeNow(self.node, load.viewers, load.publishers, self._most_viewers, frozenset(load.classes))

    async def publish(self, node: str, who: Participant, offer: str) -> Opened:
        """See `MediaNodes.publish`."""
        server = await self._meant(node)
        return await _answered(server.publish(who, offer))

    async def watch(self, node: str, who: Participant, offer: str, origin: str | None) -> Opened:
        """See `MediaNodes.watch`."""
        server = await self._meant(node)
        return await _answered(server.watch(who, offer, None))

    async def close_session(self, name: str, session_id: str, media_id: str, user_id: str) -> bool:
        """See `MediaNodes.close_session`."""
        return await (await self._serving(name)).close_session(session_id, media_id, user_id)

    async def open_link(self, node: str, session_id: str, edge: LinkFrom) -> LinkOpened:
        """See `MediaNodes.open_link`."""
        return await (await self._meant(node)).open_link(session_id, edge)

    async def _meant(self, node: str) -> MediaServer:
        if node != self.node:
            raise MediaNodeAway(f"{node} is another run")
        return await self._serving(NAME)

    async def _serving(self, name: str) -> MediaServer:
        if not self.is_alive or name != NAME:
            raise MediaNodeAway(f"{name} is away")
        if self._server is None:
            self._runs += 1
            settings = MediaSettings("127.0.0.1", "127.0.0.1", most_viewers=self._most_viewers)
            desk = GrainDesk(self._live, self.node)
            self._server = MediaServer(settings, desk, None, asyncio.get_running_loop().time)
            await self._server.start()
        return self._server


async def _answered(asking: Awaitable[Opened]) -> Opened:
    try:
        return await asking
    except BadOffer as error:
        raise OfferRefused(str(error)) from error
    except MediaFull as error:
        raise NodeFull(str(error)) from error
