"""Which media nodes live, and which of them serves a viewer."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from actors.media_nodes import FRESH_SECONDS, SILENT_SECONDS, NodeNow, choose_for_viewer
from tests.actors.carriers import Carrier, Carriers

NODES = st.lists(
    st.builds(
        NodeNow,
        st.sampled_from([f"n{number}@1" for number in range(6)]),
        st.integers(0, 4),
        st.integers(0, 2),
        st.just(3),
        st.sampled_from([frozenset(), frozenset({"class"}), frozenset({"other"})]),
    ),
    unique_by=lambda node: node.node,
)


def names(nodes: tuple[NodeNow, ...]) -> list[str]:
    return [each.node.removeprefix("media-node-") for each in nodes]


@given(NODES, st.sets(st.sampled_from([f"n{number}@1" for number in range(6)])))
def test_a_viewer_goes_to_the_origin_then_to_an_edge_then_to_who_has_least(nodes: list[NodeNow], full: set[str]) -> None:
    chosen = choose_for_viewer("class", "n0@1", nodes, full)
    able = {each.node: each for each in nodes if each.viewers < each.most_viewers and each.node not in full}
    if chosen is None:
        assert not able
    elif chosen != "n0@1":
        assert "n0@1" not in able
        edges = [each for each in able.values() if "class" in each.classes]
        if edges:
            assert able[chosen].viewers == max(each.viewers for each in edges)
            assert "class" in able[chosen].classes
        else:
            assert able[chosen].viewers == min(each.viewers for each in able.values())


async def test_nodes_are_looked_at_once_a_second_however_many_ask() -> None:
    carriers = Carriers(a=Carrier(viewers=1), b=Carrier())
    living = carriers.living()
    for _ in range(3):
        answers = await asyncio.gather(*(living.now() for _ in range(20)))
        assert {tuple(names(answer)) for answer in answers} == {("b@1", "a@1")}
    assert carriers.looks == 2
    await asyncio.sleep(FRESH_SECONDS)
    await living.now()
    assert carriers.looks == 4


async def test_a_node_that_died_is_gone_at_once_and_back_as_another_run() -> None:
    carriers = Carriers(a=Carrier(), b=Carrier())
    living = carriers.living()
    await living.now()
    carriers.nodes["a"].is_alive = False
    await asyncio.sleep(FRESH_SECONDS)
    assert names(await living.now()) == ["b@1"]
    carriers.nodes["a"] = Carrier(run=2)
    await asyncio.sleep(FRESH_SECONDS)
    assert names(await living.now()) == ["a@2", "b@1"]
    del carriers.nodes["b"]
    await asyncio.sleep(FRESH_SECONDS)
    assert names(await living.now()) == ["a@2"]


async def test_a_slow_node_keeps_its_classes_for_some_seconds() -> None:
    carriers = Carriers(a=Carrier(), b=Carrier())
    living = carriers.living()
    await living.now()
    began = asyncio.get_running_loop().time()
    carriers.nodes["a"].hangs = True
    while "a@1" in names(await living.now()):
        passed = asyncio.get_running_loop().time() - began
        assert passed <= SILENT_SECONDS + 5, "a silent node is believed in for ever"
        await asyncio.sleep(0.2)
    assert asyncio.get_running_loop().time() - began >= SILENT_SECONDS
    assert names(await living.now()) == ["b@1"]


async def test_a_node_that_has_not_answered_yet_is_not_gone_for_some_seconds() -> None:
    carriers = Carriers(a=Carrier(hangs=True), b=Carrier())
    living = carriers.living()
    began = asyncio.get_running_loop().time()
    while names(await living.now()) == ["b@1"] and living.silent() == ("media-node-a",):
        assert asyncio.get_running_loop().time() - began <= SILENT_SECONDS + 5, "a silent node is waited for for ever"
        await asyncio.sleep(0.2)
    assert asyncio.get_running_loop().time() - began >= SILENT_SECONDS
    assert (names(await living.now()), living.silent()) == (["b@1"], ())
    carriers.nodes["a"].hangs = False
    await asyncio.sleep(FRESH_SECONDS)
    assert (names(await living.now()), living.silent()) == (["a@1", "b@1"], ())


async def test_who_has_a_node_does_not_wait_for_another_that_gives_no_answer() -> None:
    carriers = Carriers(a=Carrier(), b=Carrier())
    living = carriers.living()
    await living.now()
    living.doubt("media-node-a@1")
    carriers.nodes["a"].hangs = True
    assert names(await living.now()) == ["b@1"]
    assert carriers.waiting == 1
    looks = carriers.looks
    await asyncio.sleep(FRESH_SECONDS)
    assert names(await living.now()) == ["b@1"]
    assert carriers.looks == looks + 1, "it was asked again, while its answer was awaited"


async def test_a_node_that_was_away_and_is_silent_now_is_gone() -> None:
    carriers = Carriers(a=Carrier(), b=Carrier(is_alive=False))
    living = carriers.living()
    assert names(await living.now()) == ["a@1"]
    living.doubt("media-node-a@1")
    for carrier in carriers.nodes.values():
        carrier.is_alive, carrier.hangs = True, True
    await asyncio.sleep(FRESH_SECONDS)
    assert (await living.now(), living.silent()) == ((), ())


async def test_a_node_in_doubt_counts_as_gone_until_it_has_answered() -> None:
    carriers = Carriers(a=Carrier(), b=Carrier())
    living = carriers.living()
    await living.now()
    carriers.nodes["a"].is_alive = False
    living.doubt("media-node-a@1")
    assert names(await living.now()) == ["b@1"]
    assert await living.has("media-node-a")
    assert not await living.has("media-node-c")


async def test_what_an_earlier_run_did_not_do_is_not_held_against_the_one_that_lives() -> None:
    carriers = Carriers(a=Carrier(run=2), b=Carrier())
    living = carriers.living()
    await living.now()
    living.doubt("media-node-a@1")  # asked before it was started again
    assert names(await living.now()) == ["a@2", "b@1"]
    assert carriers.looks == 2
