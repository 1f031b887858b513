"""A feed under everything that can go wrong between host, gateway and subscribers, and each single rule by itself."""

import json
from collections.abc import Sequence

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from classroom.ids import Topic
from classroom.ports import Batch, Entered
from classroom.topics import Position
from realtime.feeds import Feed, FeedCounters, Ring

TOPIC = Topic("live:01910000-0000-7000-8000-000000000001")


def event(offset: int) -> bytes:
    return b'{"offset":%d,"type":"chat.posted","at":"2026-11-21T09:00:00.000000Z","data":{}}' % offset


def batch(first: int, last: int, epoch: int = 1) -> Batch:
    return Batch(TOPIC, epoch, first, tuple(event(offset) for offset in range(first, last + 1)))


def fresh(offset: int, epoch: int = 1) -> Entered:
    return Entered(epoch, offset, recovered=False, events=(), snapshot=b"{}")


def resumed(since: int, offset: int, epoch: int = 1) -> Entered:
    return Entered(epoch, offset, recovered=True, events=batch(since + 1, offset).events, snapshot=None)


class Client:
    """A subscriber that insists on the contract: offsets grow by one from where the subscription stands, and nothing comes
    from an earlier epoch than it was told of."""

    def __init__(self, since: int | None = None) -> None:
        self.since = since
        self.position: int | None = None
        self.epoch = 0
        self.seen: list[int] = []
        self.frames: list[bytes] = []

    def send(self, frame: bytes) -> None:
        self.frames.append(frame)
        body = json.loads(frame)
        assert body["epoch"] >= self.epoch, f"epoch {body['epoch']} after {self.epoch}"
        self.epoch = body["epoch"]
        if body["type"] == "subscribed":
            assert self.position is None, "subscribed twice"
            if body["recovered"]:
                assert self.since is not None
                self.position = self.since
            else:
                self.position = body["offset"]
            return
        assert self.position is not None, "events before subscribed"
        for entry in body["events"]:
            assert entry["offset"] == self.position + 1, f"{entry['offset']} after {self.position}"
            self.position = entry["offset"]
            self.seen.append(entry["offset"])


def make_feed(ring_events: int = 512, ring_bytes: int = 256 * 1024) -> Feed:
    return Feed(TOPIC, FeedCounters(), ring_events, ring_bytes)


def test_first_subscriber_opens_the_feed_and_gets_what_follows() -> None:
    feed, client = make_feed(), Client()
    assert feed.admit(client, fresh(7), "1")
    feed.deliver(batch(8, 9))
    feed.flush()
    assert client.seen == [8, 9]


def test_events_that_came_while_the_first_was_entering_are_not_lost() -> None:
    feed, client = make_feed(), Client()
    feed.deliver(batch(5, 6))
    feed.deliver(batch(7, 8))
    assert feed.admit(client, fresh(6), "1")
    feed.flush()
    assert client.seen == [7, 8]


def test_a_batch_across_the_entering_position_is_cut() -> None:
    feed, client = make_feed(), Client()
    feed.deliver(batch(5, 9))
    assert feed.admit(client, fresh(6), "1")
    feed.flush()
    assert client.seen == [7, 8, 9]


def test_subscriber_behind_the_feed_gets_the_difference_from_the_ring() -> None:
    feed, late = make_feed(), Client()
    feed.admit(Client(), fresh(0), "1")
    feed.deliver(batch(1, 5))
    feed.flush()
    assert feed.admit(late, fresh(3), "2")
    assert late.seen == [4, 5]
    feed.deliver(batch(6, 6))
    feed.flush()
    assert late.seen == [4, 5, 6]


def test_subscriber_ahead_of_the_feed_is_not_told_twice() -> None:
    feed, first, early = make_feed(), Client(), Client()
    feed.admit(first, fresh(0), "1")
    assert feed.admit(early, fresh(3), "2")
    assert feed.has_hole
    feed.deliver(batch(1, 2))
    feed.flush()
    feed.deliver(batch(3, 5))
    feed.flush()
    assert (first.seen, early.seen) == ([1, 2, 3, 4, 5], [4, 5])
    assert not feed.has_hole


def test_subscriber_too_far_behind_is_sent_nothing_and_must_enter_again() -> None:
    feed, late = make_feed(ring_events=2), Client()
    feed.admit(Client(), fresh(0), "1")
    feed.deliver(batch(1, 5))
    feed.flush()
    assert not feed.admit(late, fresh(2), "2")
    assert late.frames == []
    assert feed.admit(late, fresh(3), "2")
    assert late.seen == [4, 5]


def test_resumed_subscriber_gets_missed_events_then_the_feed() -> None:
    feed, client = make_feed(), Client(since=2)
    assert feed.admit(client, resumed(2, 6), "1")
    feed.deliver(batch(6, 8))
    feed.flush()
    assert client.seen == [3, 4, 5, 6, 7, 8]


def test_missed_events_come_under_the_epoch_of_the_answer_that_brought_them() -> None:
    feed, client = make_feed(), Client(since=2)
    feed.admit(Client(), fresh(2), "1")
    assert feed.admit(client, resumed(2, 6, epoch=2), "2"), "its host was restarted, and the feed has not heard of it"
    assert client.seen == [3, 4, 5, 6]
    assert [json.loads(frame)["epoch"] for frame in client.frames] == [2, 2]


def test_repeated_events_are_dropped_and_counted() -> None:
    counters, client = FeedCounters(), Client()
    feed = Feed(TOPIC, counters, 10, 10_000)
    feed.admit(client, fresh(0), "1")
    feed.deliver(batch(1, 3))
    feed.deliver(batch(2, 4))
    feed.deliver(batch(1, 1))
    feed.flush()
    assert client.seen == [1, 2, 3, 4]
    assert counters.duplicates == 3


def test_hole_holds_events_back_until_it_is_filled() -> None:
    feed, client = make_feed(), Client()
    feed.admit(client, fresh(0), "1")
    feed.deliver(batch(3, 4))
    feed.flush()
    assert client.seen == []
    assert feed.has_hole
    assert feed.where() == Position(1, 0)
    feed.deliver(batch(1, 2, epoch=2))
    feed.flush()
    assert client.seen == [1, 2, 3, 4]
    assert not feed.has_hole
    assert feed.where() == Position(2, 4)


def test_hole_of_one_event_is_a_hole() -> None:
    feed, client = make_feed(), Client()
    feed.admit(client, fresh(0), "1")
    feed.deliver(batch(2, 3))
    feed.flush()
    assert (feed.position, client.seen) == (0, [])


def test_hole_is_remembered_when_the_events_after_it_were_too_many_to_keep() -> None:
    feed = make_feed(ring_events=2)
    feed.admit(Client(), fresh(0), "1")
    for offset in (9, 7, 5, 3):
        feed.deliver(batch(offset, offset))
    feed.deliver(batch(1, 2))
    assert feed.position == 3
    assert feed.has_hole


def test_one_frame_is_shared_by_all_aligned_subscribers() -> None:
    feed, clients = make_feed(), [Client() for _ in range(3)]
    for client in clients:
        feed.admit(client, fresh(0), "1")
    feed.deliver(batch(1, 1))
    feed.deliver(batch(2, 2))
    feed.flush()
    assert len(clients[0].frames) == 2, "subscribed, and one frame for both events"
    assert all(client.frames[1] is clients[0].frames[1] for client in clients)


def test_leaving_ends_delivery() -> None:
    feed, stays, leaves = make_feed(), Client(), Client()
    feed.admit(stays, fresh(0), "1")
    feed.admit(leaves, fresh(1), "2")
    feed.leave(leaves)
    feed.leave(leaves)
    feed.deliver(batch(1, 3))
    feed.flush()
    assert (stays.seen, leaves.seen, feed.subscribers) == ([1, 2, 3], [], 1)


def test_frames_stay_under_64_kib() -> None:
    feed, client = make_feed(ring_events=2000), Client()
    feed.admit(client, fresh(0), "1")
    feed.deliver(batch(1, 2000))
    feed.flush()
    assert client.seen == list(range(1, 2001))
    assert max(map(len, client.frames)) <= 64 * 1024


def test_ring_is_bounded_by_bytes_too() -> None:
    ring = Ring(0, 100, 50)
    ring.extend([b"x" * 20] * 5)
    assert ring.last == 5
    assert ring.after(3) == [b"x" * 20] * 2
    assert ring.after(2) is None
    assert ring.after(5) == []
    assert ring.after(9) == []


class AnyOrder(RuleBasedStateMachine):
    """A host with a log; batches that arrive late, twice, out of order or never; clients that come, go and resume.

    Whatever happens, no client sees a gap or a repeat (`Client` asserts it), and once the feed has caught up every client
    has everything.
    """

    @initialize(ring=st.integers(1, 6), start=st.integers(0, 3))
    def begin(self, ring: int, start: int) -> None:
        self.log = start
        self.epoch = 1
        self.feed = make_feed(ring_events=ring)
        self.under_way: list[Batch] = []
        self.answers: list[tuple[Client, Entered]] = []
        self.clients: list[Client] = []
        self.cut: list[int] = []
        self.ask_fresh()

    @rule(count=st.integers(1, 3), lost=st.sampled_from([False, False, True]), restart=st.booleans())
    def happen(self, count: int, lost: bool, restart: bool) -> None:
        self.epoch += restart
        first, self.log = self.log + 1, self.log + count
        if not lost:
            self.under_way.append(batch(first, self.log, self.epoch))

    @precondition(lambda self: self.under_way)
    @rule(index=st.integers(0, 2), again=st.booleans(), flush=st.booleans())
    def arrive(self, index: int, again: bool, flush: bool) -> None:
        index = min(index, len(self.under_way) - 1)
        self.feed.deliver(self.under_way[index] if again else self.under_way.pop(index))
        if flush:
            self.feed.flush()

    @rule()
    def ask_fresh(self) -> None:
        self.answers.append((Client(), fresh(self.log, self.epoch)))

    @precondition(lambda self: self.cut)
    @rule(data=st.data())
    def ask_resumed(self, data: st.DataObject) -> None:
        since = self.cut.pop(data.draw(st.integers(0, len(self.cut) - 1)))
        self.answers.append((Client(since), resumed(since, self.log, self.epoch)))

    @precondition(lambda self: self.answers)
    @rule(data=st.data())
    def enter(self, data: st.DataObject) -> None:
        client, entered = self.answers.pop(data.draw(st.integers(0, len(self.answers) - 1)))
        if self.feed.admit(client, entered, "x"):
            self.clients.append(client)
        else:
            assert client.frames == []
            again = fresh(self.log, self.epoch) if client.since is None else resumed(client.since, self.log, self.epoch)
            self.answers.append((client, again))

    @precondition(lambda self: self.clients)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        client = self.clients.pop(data.draw(st.integers(0, len(self.clients) - 1)))
        self.feed.leave(client)
        assert client.position is not None
        self.cut.append(client.position)

    @precondition(lambda self: self.feed.position is not None)
    @rule()
    def catch_up(self) -> None:
        where = self.feed.where()
        assert where is not None
        assert where.offset <= self.log
        self.feed.deliver(batch(where.offset + 1, self.log, self.epoch))
        assert self.feed.position == self.log
        assert not self.feed.has_hole
        self.feed.flush()
        for client in self.clients:
            assert client.position == self.log

    @invariant()
    def nobody_is_further_than_the_log(self) -> None:
        positions: Sequence[int] = [client.position for client in self.clients if client.position is not None]
        assert len(positions) == len(self.clients)
        assert all(position <= self.log for position in positions)


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=2 * settings.default.max_examples)
