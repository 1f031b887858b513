"""A topic's watch names gaps, repeats and steps back, and marks what was seen so that subscribers can be compared."""

from collections.abc import Callable
from typing import Any

import pytest

from loadtests.answers import read_frame
from loadtests.promises import BrokenPromise
from loadtests.topic_watch import SharedTopics, TopicWatch


def _subscribed(offset: int, recovered: str = "false", epoch: int = 1) -> bytes:
    return b'{"type":"subscribed","id":"1","topic":"t","epoch":%d,"offset":%d,"recovered":%b,"snapshot":{}}' % (
        epoch,
        offset,
        recovered.encode(),
    )


def _events(*offsets: int, epoch: int = 1, text: str = "hi") -> bytes:
    events = ",".join(f'{{"offset":{each},"type":"said","at":"","data":{{"text":"{text}"}}}}' for each in offsets)
    return b'{"type":"events","topic":"t","epoch":%d,"events":[%b]}' % (epoch, events.encode())


def _feed(watch: TopicWatch, *frames: bytes) -> TopicWatch:
    for frame in frames:
        watch.take(read_frame(frame))
    return watch


def test_events_in_order_pass_across_a_resumed_cut() -> None:
    heard: list[Any] = []
    watch = TopicWatch("t", lambda kind, data: heard.append((kind, data["text"])))
    _feed(watch, _subscribed(5), _events(6, 7), _subscribed(9, "true"))
    assert not watch.caught_up
    _feed(watch, _events(8, 9), _events(10, epoch=2))
    assert watch.caught_up
    assert len(heard) == 5
    assert (watch.resumed, watch.snapshots, watch.position) == (1, 1, (2, 10))


def test_a_snapshot_after_a_cut_begins_anew() -> None:
    snapshots: list[Any] = []
    watch = _feed(TopicWatch("t", None, snapshots.append), _subscribed(5), _events(6), _subscribed(9), _events(10))
    assert (watch.snapshots, watch.resumed, len(snapshots)) == (2, 0, 2)


@pytest.mark.parametrize(
    ("frames", "sentence"),
    [
        ([_subscribed(5), _events(6, 8)], "a gap: offset 8 came where 7 was due"),
        ([_subscribed(5), _events(6), _events(6)], "a repeat: offset 6 came where 7 was due"),
        ([_subscribed(5), _events(6), _subscribed(6, "true"), _events(8)], "a gap: offset 8"),
        ([_subscribed(5), _events(6), _subscribed(4)], "went back from offset 6 to 4"),
        ([_subscribed(5, epoch=3), _events(6, epoch=2)], "went back from epoch 3 to 2"),
        ([_subscribed(5, epoch=3), _subscribed(7, epoch=2)], "went back from epoch 3 to 2"),
        ([_subscribed(5, "true")], "had seen nothing"),
        ([_events(1)], "before it was subscribed to"),
    ],
)
def test_what_breaks_is_named(frames: list[bytes], sentence: str) -> None:
    with pytest.raises(BrokenPromise, match=sentence):
        _feed(TopicWatch("t"), *frames)


@pytest.fixture
def seen() -> Callable[[str], TopicWatch]:
    def watch(text: str) -> TopicWatch:
        return _feed(TopicWatch("t"), _subscribed(5), _events(6, 7, text=text))

    return watch


def test_who_saw_the_same_agrees_and_who_was_told_otherwise_is_found(seen: Callable[[str], TopicWatch]) -> None:
    topics = SharedTopics()
    for text in ("hi", "hi"):
        topics.compare("t", list(seen(text).marks), list(seen(text).marks.values()))
    assert topics.events == 4
    with pytest.raises(BrokenPromise, match="different events as offset 6"):
        topics.compare("t", list(seen("ho").marks), list(seen("ho").marks.values()))
