"""Calls between processes of the cluster, over Ray."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import ray
from ray.exceptions import RayError

from actors.dispatch import HostAway
from actors.envelopes import Attached
from actors.outgoing import GatewayAway


class RayCalls:
    """`HostTransport` and `GatewayTransport` over named actors. Handles are looked up once and again after a failure."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._handles: dict[str, Any] = {}
        self._looking: dict[str, asyncio.Task[Any]] = {}

    def call(self, host: str, payload: bytes) -> Awaitable[bytes]:
        """See `HostTransport.call`."""
        handle = self._handles.get(host)
        try:
            sent = handle.execute.remote(payload) if handle is not None else None
        except (RayError, ValueError) as error:
            self._handles.pop(host, None)
            raise HostAway(_why(error)) from error
        return self._replies(host, payload, sent)

    async def _replies(self, host: str, payload: bytes, sent: Any) -> bytes:
        try:
            packed: bytes = await (sent if sent is not None else (await self._handle(host)).execute.remote(payload))
        except (RayError, ValueError) as error:
            self._handles.pop(host, None)
            raise HostAway(_why(error)) from error
        return packed

    async def attach(self, host: str, gateway: str, run: str) -> Attached:
        """See `attachments.Hosts.attach`."""
        try:
            handle = await self._handle(host)
            attached: Attached = await handle.attach.remote(gateway, run)
        except (RayError, ValueError) as error:
            self._handles.pop(host, None)
            raise HostAway(_why(error)) from error
        return attached

    async def is_well(self, name: str) -> bool:
        """Whether a host or gateway answers, in its group for health, that it has started."""
        try:
            handle = await self._handle(name)
            health: dict[str, Any] = await handle.health.options(concurrency_group="health").remote()
        except (RayError, ValueError):
            self._handles.pop(name, None)
            return False
        return bool(health["started"])

    async def deliver(self, gateway: str, parcel: bytes) -> None:
        """See `GatewayTransport.deliver`."""
        try:
            handle = self._handles.get(gateway) or await self._handle(gateway)
            await handle.deliver.remote(parcel)
        except (RayError, ValueError) as error:
            self._handles.pop(gateway, None)
            raise GatewayAway(_why(error)) from error

    async def _handle(self, name: str) -> Any:
        handle = self._handles.get(name)
        if handle is not None:
            return handle
        looking = self._looking.get(name)
        if looking is None:  # once for all who ask meanwhile: they go on in the order in which they came
            looking = self._looking[name] = asyncio.get_running_loop().create_task(self._look_up(name))
            looking.add_done_callback(lambda _: self._looking.pop(name, None))
        return await asyncio.shield(looking)

    async def _look_up(self, name: str) -> Any:
        # A blocking question to Ray's control service; ValueError when nobody has this name.
        handle = self._handles[name] = await asyncio.to_thread(ray.get_actor, name, self._namespace)
        return handle


def wake_self() -> None:
    """Have this actor's own `wake` called once it is made; a restart by Ray calls nothing but the constructor."""
    ray.get_runtime_context().current_actor.wake.remote()


def _why(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:200]
