"""What must hold of a class whatever is done to it: at each event, and after each command."""

from typing import Any

from classroom.ids import CommandId, UserId
from classroom.live import events as e
from classroom.live.codec import event_of, payload_of
from classroom.live.publications import VIEWS, notices, offset_in
from classroom.live.settle import settle
from classroom.live.snapshot import save
from classroom.live.stage import INVITED_AT_MOST, STAGE_PLACES
from classroom.live.state import LiveClass, Status, next_deadline
from classroom.live.views import row_of, session_view
from tests.classroom.live.room import SESSION, Room, fold, through_json


class WatchedRoom(Room):
    """Checks at every single event what must hold at every single event. A second class follows the log."""

    def __init__(self) -> None:
        super().__init__()
        self.follower = LiveClass(SESSION)

    def move(self, events: Any, key: CommandId | None = None) -> None:
        for event in events:
            assert event_of(event.type, through_json(payload_of(event))) == event
            through_json(notices(SESSION, event))
            if isinstance(event, e.SeatPromoted):
                tickets = [waiter.ticket for waiter in self.state.waitlist]
                assert event.ticket == min(tickets), "not the head of the queue"
                assert event.user_id == next(iter(self.state.waitlist)).user_id
            earlier = dict(self.intervals)
            super().move([event], key)
            fold(self.log[-1:], self.follower)
            key = None
            if isinstance(event, e.SeatTaken | e.SeatPromoted):
                assert len(self.state.seats) <= self.state.known.max_students, "more seats than there are"
                assert event.seat <= self.state.known.max_students
            self._check_intervals(earlier)

    def _check_intervals(self, earlier: dict[tuple[UserId, int], Any]) -> None:
        for key, row in self.intervals.items():
            before = earlier.get(key)
            if before == row:
                continue
            user_id, ordinal = key
            if before is None:
                assert ordinal == 1 or earlier[user_id, ordinal - 1].left_at <= row.joined_at, "stays overlap"
                assert (user_id, ordinal + 1) not in earlier
            else:
                assert before.left_at is None, "a stay was closed twice"
                assert row.joined_at == before.joined_at <= row.left_at
                assert row.reason in ("left", "lost", "removed", "ended", "cancelled")


def promises_hold(room: WatchedRoom) -> None:
    """Every promise, by name."""
    nobody_sits_and_waits(room)
    no_seat_is_free_while_somebody_waits(room)
    who_waits_has_places_without_a_hole(room)
    seats_have_different_numbers(room)
    nobody_is_inside_when_it_is_over(room)
    a_stay_lasts_while_one_sits_and_is_not_lost(room)
    only_who_is_inside_has_sockets_hands_or_grace(room)
    who_is_on_the_stage_sits(room)
    a_recording_runs_while_the_class_is_live(room)
    the_log_tells_the_class(room)
    offsets_grow_by_one(room)
    what_people_see_is_json_and_agrees(room)


def nobody_sits_and_waits(room: WatchedRoom) -> None:
    assert not set(room.seated()) & set(room.waiting())


def no_seat_is_free_while_somebody_waits(room: WatchedRoom) -> None:
    state = room.state
    if state.is_open and not state.is_past_its_end(room.now):
        assert not (state.free_seats and len(state.waitlist))


def who_waits_has_places_without_a_hole(room: WatchedRoom) -> None:
    waitlist = room.state.waitlist
    assert [waitlist.place(one.user_id) for one in waitlist] == list(range(1, len(waitlist) + 1))
    tickets = [one.ticket for one in waitlist]
    assert tickets == sorted(set(tickets))


def seats_have_different_numbers(room: WatchedRoom) -> None:
    numbers = [seat.number for seat in room.state.seats]
    assert len(set(numbers)) == len(numbers)


def who_is_on_the_stage_sits(room: WatchedRoom) -> None:
    state = room.state
    assert {*state.stage, *state.invited} <= set(room.seated())
    assert not set(state.stage) & set(state.invited)
    assert len(state.stage) <= STAGE_PLACES
    assert len(state.invited) <= INVITED_AT_MOST


def a_recording_runs_while_the_class_is_live(room: WatchedRoom) -> None:
    state = room.state
    assert state.recording is None or state.status is Status.LIVE
    told = [entry for entry in room.log if entry.type.startswith("recording.")]
    assert [entry.type for entry in told] == ["recording.started", "recording.stopped"] * (len(told) // 2) + [
        "recording.started"
    ] * (state.recording is not None)


def nobody_is_inside_when_it_is_over(room: WatchedRoom) -> None:
    state = room.state
    if state.status in (Status.ENDED, Status.CANCELLED):
        assert (len(state.seats), len(state.waitlist)) == (0, 0)
        assert (state.connections, state.lost, state.hands) == ({}, {}, {})
        assert next_deadline(state) is None
        assert settle(state, room.now) == ()


def a_stay_lasts_while_one_sits_and_is_not_lost(room: WatchedRoom) -> None:
    present = {user_id for (user_id, _), row in room.intervals.items() if row.left_at is None}
    assert present == set(room.seated()) - set(room.state.lost)


def only_who_is_inside_has_sockets_hands_or_grace(room: WatchedRoom) -> None:
    state = room.state
    inside = {*room.seated(), *room.waiting()}
    assert {*state.connections, *state.lost} <= inside
    assert not state.connections.keys() & state.lost.keys()
    assert all(state.connections.values())
    assert set(state.hands) <= set(room.seated())
    assert not state.removed & inside


def the_log_tells_the_class(room: WatchedRoom) -> None:
    assert save(room.follower) == save(room.state)


def offsets_grow_by_one(room: WatchedRoom) -> None:
    state = room.state
    assert state.offsets.log == len(room.log)
    for view in VIEWS:
        told = room.told[view]
        assert [one.offset for one in told] == list(range(1, len(told) + 1))
        assert offset_in(state.offsets, view) == len(told)


def what_people_see_is_json_and_agrees(room: WatchedRoom) -> None:
    state = room.state
    session = session_view(row_of(state))
    assert (session["currentStudents"], session["waitlisted"]) == (len(state.seats), len(state.waitlist))
    assert through_json(session) == session
