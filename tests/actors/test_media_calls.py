"""What comes back from a media node over Ray, and what it means to who asked."""

import asyncio
from typing import Any

import pytest
from ray.exceptions import ActorDiedError, ActorUnavailableError

from actors.config import MediaValues
from actors.media_calls import ANSWER_SECONDS, RayLinks, RayMediaNodes
from actors.media_node import Turned, media_settings, own_address
from actors.media_nodes import MediaNodeAway, MediaNodeSlow, NodeFull, NodeNow, OfferRefused, OriginAway
from realtime.sfu.desk import LinkFrom, LinkOpened, LinkRefused, Opened, Participant

NODE = "media-node-00000000000a-0@run"
WHO = Participant("class", "tess", "Tess", "staff")
EDGE: Any = object()


class Calls:
    """`RayCalls.send` of an actor that answers, fails or hangs as a test says."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str, tuple[Any, ...]]] = []

    async def send(self, name: str, send: Any) -> Any:
        send(Actor(name, self.asked))
        if isinstance(self.answer, BaseException):
            raise self.answer
        if self.answer is None:
            await asyncio.Event().wait()
        return self.answer


class Actor:
    """Notes which of its methods was called."""

    def __init__(self, name: str, asked: list[tuple[str, str, tuple[Any, ...]]]) -> None:
        self._name, self._asked = name, asked

    def __getattr__(self, method: str) -> Any:
        name, asked = self._name, self._asked

        class Method:
            @staticmethod
            def remote(*arguments: Any) -> None:
                asked.append((name, method, arguments))

        return Method


def over(answer: Any) -> tuple[RayMediaNodes, Calls]:
    calls = Calls(answer)
    return RayMediaNodes(calls), calls  # type: ignore[arg-type]  # of which it needs one method


async def test_a_node_is_asked_by_its_name_and_told_which_run_was_meant() -> None:
    nodes, calls = over(Opened("m", "v=0"))
    assert await nodes.publish(NODE, WHO, "offer") == Opened("m", "v=0")
    await nodes.watch(NODE, WHO, "offer", "other@run")
    name = NODE.partition("@")[0]
    assert calls.asked == [(name, "publish", ("run", WHO, "offer")), (name, "watch", ("run", WHO, "offer", "other@run"))]
    nodes, calls = over(answer=True)
    assert await nodes.close_session(name, "class", "m", "tess") is True
    assert calls.asked == [(name, "close_session", ("class", "m", "tess"))]


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        (Turned("offer", "The offer has no lines."), OfferRefused),
        (Turned("full", "full"), NodeFull),
        (Turned("away", "closing"), MediaNodeAway),
        (Turned("origin", "The origin is away"), OriginAway),
        (Turned("slow", "The origin gives no answer"), MediaNodeSlow),
        (ActorDiedError(), MediaNodeAway),
        (ActorUnavailableError("restarting", None), MediaNodeAway),
        (ValueError("nobody has this name"), MediaNodeAway),
    ],
)
async def test_what_a_node_does_not_do_has_a_reason(answer: Any, raised: type[Exception]) -> None:
    with pytest.raises(raised):
        await over(answer)[0].publish(NODE, WHO, "offer")


async def test_a_node_that_hangs_is_away_after_five_seconds_and_slow_when_it_is_only_looked_at() -> None:
    nodes, _ = over(None)
    began = asyncio.get_running_loop().time()
    with pytest.raises(MediaNodeSlow, match="no answer"):
        await nodes.watch(NODE, WHO, "offer", None)
    assert asyncio.get_running_loop().time() - began == pytest.approx(ANSWER_SECONDS, abs=0.01)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2):
            await nodes.look("media-node-00000000000a-0")


async def test_a_look_is_what_the_node_carries() -> None:
    now = NodeNow(NODE, 1, 2, 300, frozenset({"class"}))
    assert await over(now)[0].look("media-node-00000000000a-0") == now


async def test_a_link_is_opened_at_the_run_of_the_origin() -> None:
    opened: Any = ["what the origin says"]
    calls = Calls(opened)
    link = RayLinks(calls).to(NODE)  # type: ignore[arg-type]  # see above
    assert link.node == NODE
    assert await link.open_link("class", EDGE) == opened
    assert calls.asked == [("media-node-00000000000a-0", "open_link", ("run", "class", EDGE))]
    calls.answer = Turned("link", "This class is not carried here.")
    with pytest.raises(LinkRefused, match="not carried"):
        await link.open_link("class", EDGE)
    calls.answer = Turned("away", "was started again")
    with pytest.raises(ConnectionError, match="started again"):
        await link.open_link("class", EDGE)


def test_browsers_are_told_an_address_that_they_can_reach() -> None:
    assert own_address("127.0.0.1") == "127.0.0.1"
    assert own_address("10.0.0.5") == "10.0.0.5"
    assert own_address("0.0.0.0") not in ("0.0.0.0", "")
    settings = media_settings(MediaValues(1, "0.0.0.0", "localhost", 8002), 8003)
    assert (settings.address, settings.public_address, settings.udp_port) == ("0.0.0.0", "127.0.0.1", 8003)
    settings = media_settings(MediaValues(1, "127.0.0.1", "", 8002, 7), 8002)
    assert (settings.address, settings.public_address, settings.most_viewers) == ("127.0.0.1", "127.0.0.1", 7)
    with pytest.raises(OSError, match=r"."):
        media_settings(MediaValues(1, "0.0.0.0", "nowhere.invalid", 8002), 8002)


def test_the_keys_of_a_link_are_in_no_log() -> None:
    key = b"SECRETSECRETSECRETSECRETSECR"
    told = (LinkFrom("edge", "127.0.0.1", 9, key, 7), LinkOpened("127.0.0.1", 9, key, (), ()))
    assert "SECRET" not in repr(told)
