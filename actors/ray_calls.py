"""Calls between processes of the cluster, over Ray."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any
from weakref import WeakSet

import ray
from ray.exceptions import RayError

from actors.dispatch import HostAway
from actors.envelopes import Attached
from actors.outgoing import GatewayAway

Send = Callable[[Any], Awaitable[Any]]
"""Calls a method of the actor whose handle it is given; the answer is still to be awaited."""


class RayCalls:
    """`HostTransport` and `GatewayTransport` over named actors. Handles are looked up once, and again after a failure. What
    is to be sent while an actor is looked up is sent, in order, once it is found, and before whatever comes later."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._handles: dict[str, Any] = {}
        self._waiting: dict[str, list[tuple[Send, asyncio.Future[Awaitable[Any]]]]] = {}
        self._looking: set[asyncio.Task[None]] = set()

    def call(self, host: str, payload: bytes) -> Awaitable[bytes]:
        """See `HostTransport.call`."""
        handle = self._handles.get(host)
        try:
            if handle is not None:
                return self._replies(host, handle.execute.remote(payload))
        except (RayError, ValueError) as error:
            self._handles.pop(host, None)
            raise HostAway(_why(error)) from error
        return self._replies(host, self._wait(host, lambda found: found.execute.remote(payload)), is_sent=False)

    async def _replies(self, host: str, sent: Awaitable[Any], is_sent: bool = True) -> bytes:
        try:
            packed: bytes = await (sent if is_sent else await sent)
        except (RayError, ValueError) as error:
            self._handles.pop(host, None)
            raise HostAway(_why(error)) from error
        return packed

    async def attach(self, host: str, gateway: str, run: str) -> Attached:
        """See `attachments.Hosts.attach`."""
        try:
            attached: Attached = await self.send(host, lambda found: found.attach.remote(gateway, run))
        except (RayError, ValueError) as error:
            raise HostAway(_why(error)) from error
        return attached

    async def is_well(self, name: str) -> bool:
        """Whether a host or gateway answers, in its group for health, that it has started."""
        try:
            health: dict[str, Any] = await self.send(
                name, lambda found: found.health.options(concurrency_group="health").remote()
            )
        except (RayError, ValueError):
            return False
        return bool(health["started"])

    async def deliver(self, gateway: str, parcel: bytes) -> None:
        """See `GatewayTransport.deliver`."""
        try:
            await self.send(gateway, lambda found: found.deliver.remote(parcel))
        except (RayError, ValueError) as error:
            raise GatewayAway(_why(error)) from error

    async def send(self, name: str, send: Send) -> Any:
        """What the actor of this name answers. Raises RayError when it does not, ValueError when nobody has this name."""
        handle = self._handles.get(name)
        try:
            return await (send(handle) if handle is not None else await self._wait(name, send))
        except (RayError, ValueError):
            self._handles.pop(name, None)
            raise

    def _wait(self, name: str, send: Send) -> "asyncio.Future[Awaitable[Any]]":
        """Sends once the actor is found; the future is done when that has happened. It fails with ValueError when nobody has
        this name."""
        loop = asyncio.get_running_loop()
        sent: asyncio.Future[Awaitable[Any]] = loop.create_future()
        waiting = self._waiting.setdefault(name, [])
        waiting.append((send, sent))
        if len(waiting) == 1:
            task = loop.create_task(self._look_up(name))
            self._looking.add(task)
            task.add_done_callback(self._looking.discard)
        return sent

    async def _look_up(self, name: str) -> None:
        try:
            handle = await asyncio.to_thread(ray.get_actor, name, self._namespace)  # asks Ray's control service, and blocks
        except Exception as error:
            for _, sent in self._waiting.pop(name):
                _fail(sent, error)
            return
        self._handles[name] = handle
        for send, sent in self._waiting.pop(name):
            if sent.done():
                continue  # nobody wants it any more
            try:
                sent.set_result(send(handle))
            except Exception as error:
                _fail(sent, error)


def _fail(sent: "asyncio.Future[Any]", error: Exception) -> None:
    if not sent.done():
        sent.set_exception(error)
        sent.exception()  # who waited may be gone by now: then nobody need be told


def woken_once(wake: Callable[[Any], Awaitable[None]]) -> Callable[[Any], Awaitable[None]]:
    """The `wake` of an actor: it works in the first call, however often it is called."""
    awake = WeakSet[Any]()

    @wraps(wake)
    async def called(actor: Any) -> None:
        if actor not in awake:
            awake.add(actor)
            await wake(actor)

    return called


def wake_self() -> None:
    """Have this actor's own `wake` called once it is made; a restart by Ray calls nothing but the constructor.

    Ray may tell this process that its own actor is still being restarted, and refuses the call then, or says so of one that
    it made: the call is made again, or the actor would sleep for ever, and `woken_once` keeps a second one from working.
    """
    ray.get_runtime_context().current_actor.wake.options(max_task_retries=-1).remote()


def _why(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:200]
