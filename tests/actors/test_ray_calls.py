"""Calls keep their order, also while the actor is still looked up. In real time: threads know no other."""

import asyncio
import threading
from typing import Any

import pytest

from actors.dispatch import HostAway
from actors.outgoing import GatewayAway
from actors.ray_calls import RayCalls, woken_once
from tests.actors.school import turns, until


class Method:
    """A method of an actor: what it is sent, in order."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def remote(self, payload: bytes) -> "asyncio.Future[bytes]":
        self.sent.append(payload)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        answer.set_result(b"answer to " + payload)
        return answer


class Actor:
    """The handle of one."""

    def __init__(self) -> None:
        self.execute = self.deliver = Method()


class ControlService:
    """In place of Ray's: knows one actor, and tells when the test lets it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.actor = Actor()
        self.may_tell = threading.Event()
        self.asked = 0
        monkeypatch.setattr("ray.get_actor", self.get_actor)

    def get_actor(self, name: str, namespace: str) -> Any:
        self.asked += 1
        assert self.may_tell.wait(30)
        if name != "known":
            raise ValueError(f"nobody is called {name}")
        return self.actor


def test_what_is_sent_while_an_actor_is_looked_up_arrives_before_what_is_sent_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asyncio.run(_send_in_every_turn(ControlService(monkeypatch)))


async def _send_in_every_turn(ray: ControlService) -> None:
    calls = RayCalls("lyceum")
    loop = asyncio.get_running_loop()
    tasks: list[asyncio.Task[Any]] = []
    sent: list[bytes] = []

    def send() -> None:
        payload = f"{len(sent)}".encode()
        sent.append(payload)
        if len(sent) % 3:

            async def receive(call: Any) -> bytes:
                return bytes(await call)

            tasks.append(loop.create_task(receive(calls.call("known", payload))))
        else:
            tasks.append(loop.create_task(calls.deliver("known", payload)))

    def send_in_every_turn() -> None:
        send()
        if len(ray.actor.execute.sent) < 20:
            loop.call_soon(send_in_every_turn)

    for _ in range(5):
        send()
    await turns()
    ray.may_tell.set()
    send_in_every_turn()
    await until(lambda: len(ray.actor.execute.sent) >= 20, "they arrive")
    await asyncio.gather(*tasks)
    arrived = ray.actor.execute.sent
    calls_alone = [each for each in sent if (int(each) + 1) % 3]
    assert [each for each in arrived if (int(each) + 1) % 3] == calls_alone
    assert [each for each in arrived if not (int(each) + 1) % 3] == [each for each in sent if each not in calls_alone]
    assert ray.asked == 1
    assert tasks[0].result() == b"answer to 0"


def test_who_asks_for_nobody_is_told_so_and_the_next_looks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asyncio.run(_ask_for_nobody(ControlService(monkeypatch)))


async def _ask_for_nobody(ray: ControlService) -> None:
    calls = RayCalls("lyceum")
    asking = asyncio.ensure_future(calls.call("unknown", b"1"))
    delivering = asyncio.ensure_future(calls.deliver("unknown", b"2"))
    leaver = asyncio.ensure_future(calls.call("unknown", b"3"))
    await turns()
    leaver.cancel()
    ray.may_tell.set()
    await until(lambda: asking.done() and delivering.done(), "both are told")
    assert isinstance(asking.exception(), HostAway)
    assert isinstance(delivering.exception(), GatewayAway)
    again = asyncio.ensure_future(calls.call("unknown", b"4"))
    await until(again.done, "so is the next")
    assert isinstance(again.exception(), HostAway)
    assert ray.asked == 2


class Sleeper:
    """An actor that is woken, and goes on until it is let go."""

    def __init__(self) -> None:
        self.woken = 0
        self.may_end = asyncio.Event()

    @woken_once
    async def wake(self) -> None:
        self.woken += 1
        await self.may_end.wait()


async def test_an_actor_whose_waking_is_repeated_wakes_once() -> None:
    one, other = Sleeper(), Sleeper()
    first = asyncio.ensure_future(one.wake())
    await until(lambda: one.woken == 1)
    await one.wake()
    assert (one.woken, first.done()) == (1, False)
    one.may_end.set()
    await first
    await one.wake()
    other.may_end.set()
    await other.wake()
    assert (one.woken, other.woken) == (1, 1)
