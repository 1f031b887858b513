"""A peer of `fanout.py`: Django Channels, one group. Run by daphne with CHANNELS_REDIS_URL in the environment.

Of its two layers on Redis the one on publish/subscribe: the quicker, and the other drops what a channel cannot hold.
"""

# Channels and Django have no annotations.
# mypy: disable-error-code="import-untyped,import-not-found,misc"
import json
import os
from typing import Any

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="only-for-the-benchmark",
    CHANNEL_LAYERS={
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [os.environ["CHANNELS_REDIS_URL"]]},
        }
    },
)
django.setup()

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402 - it wants Django set up
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402

from loadtests.benchmarks.fanout_servers import chat  # noqa: E402

_GROUP = "class"


class Room(AsyncWebsocketConsumer):
    """One socket in the group."""

    async def connect(self) -> None:
        await self.channel_layer.group_add(_GROUP, self.channel_name)
        await self.accept()
        await self.send(text_data='{"type":"ready"}')

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(_GROUP, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.channel_layer.group_send(_GROUP, {"type": "posted", "text": json.dumps(chat(text_data or ""))})

    async def posted(self, event: dict[str, Any]) -> None:
        """A message for the group."""
        await self.send(text_data=event["text"])


application = ProtocolTypeRouter({"websocket": URLRouter([path("ws", Room.as_asgi())])})
