"""What must hold of a school's stores after any storm, and the patience of a client."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from actors.restoring import SEPARATOR
from classroom.answers import Answer, Refused
from classroom.ids import SessionId, UserId
from classroom.live.codec import event_of, parse_time
from classroom.live.evolve import evolve
from classroom.live.snapshot import save
from classroom.live.state import LiveClass
from classroom.live.views import row_of
from classroom.records import IntervalRow, LoggedEvent
from classroom.times import SECOND, Moment
from tests.actors.school import Class, School

Stays = dict[tuple[UserId, int], IntervalRow]


async def insist(ask: Callable[[], Awaitable[Answer]], give_up_at: float = float("inf")) -> Answer:
    """As a client does: the same command with the same id until there is an answer. Raises TimeoutError when there is none
    by then, on the loop's clock: nobody knows what became of it."""
    while asyncio.get_running_loop().time() < give_up_at:
        answer = await ask()
        if not (isinstance(answer, Refused) and answer.refusal.retry):
            return answer
        await asyncio.sleep(0.2)
    raise TimeoutError


def check_log(school: School, room: Class) -> LiveClass:
    """The log of a school's class keeps the promises, and the rows beside it say the same."""
    state, stays = replay(room.id, school.tables.live_events[room.id])
    assert school.tables.sessions[room.id] == row_of(state)
    check_stays(school.tables.intervals[room.id], stays)
    return state


def replay(session_id: SessionId, entries: Sequence[LoggedEvent]) -> tuple[LiveClass, Stays]:
    """The class and its attendance as the log alone tells them; every prefix of it keeps the promises."""
    state = LiveClass(session_id, 60 * SECOND)
    carried = Counter(each for entry in entries if entry.command_id for each in entry.command_id.split(SEPARATOR))
    assert not [each for each, times in carried.items() if times > 1], "a command is in the log twice"
    at = 0
    for number, entry in enumerate(entries, start=1):
        assert entry.offset == number, f"offset {entry.offset} where {number} is due"
        assert entry.at >= at, f"time goes back at {number}"
        at = entry.at
        if entry.command_id is not None:  # what the command before brought about is complete
            _check_nobody_waits_for_a_free_seat(state, entry.at, number)
        event: Any = event_of(entry.type, json.loads(entry.payload))
        before = len(state.seats) if state.plan is not None else 0
        _check_beside_the_door(state, entry.type, number)
        if entry.type == "seat.promoted":
            head = next(iter(state.waitlist), None)
            assert head is not None, f"nobody waited who could be promoted at {number}"
            assert (head.user_id, head.ticket) == (event.user_id, event.ticket), f"promoted out of turn at {number}"
        evolve(state, event, entry.at)
        offsets = state.offsets
        assert entry.topic_offsets == (offsets.everybody, offsets.staff, offsets.queue)
        # Fewer seats than people send nobody out.
        assert len(state.seats) <= max(state.known.max_students, before), f"more seated than seats at {number}"
        assert not {seat.user_id for seat in state.seats} & {waiter.user_id for waiter in state.waitlist}
    _check_nobody_waits_for_a_free_seat(state, Moment(at), len(entries))
    return state, stays_in(session_id, entries)


def _check_beside_the_door(state: LiveClass, kind: str, number: int) -> None:
    if kind.startswith("recording."):
        assert (state.recording is None) == (kind == "recording.started"), f"{kind} at {number}"
    seated = {seat.user_id for seat in state.seats}
    assert {*state.stage, *state.invited} <= seated, f"on the stage without a seat before {number}"


def _check_nobody_waits_for_a_free_seat(state: LiveClass, at: Moment, number: int) -> None:
    if state.plan is not None and state.is_open and not state.is_past_its_end(at):
        assert not (state.free_seats and len(state.waitlist)), f"a free seat waits at {number}"


class _Register:
    """Who was there from when to when."""

    def __init__(self, session_id: SessionId) -> None:
        self.stays: Stays = {}
        self.seated: set[UserId] = set()
        self.away: set[UserId] = set()
        self._session_id = session_id
        self._latest: dict[UserId, int] = {}

    def is_there(self, user_id: UserId) -> bool:
        return user_id in self._latest and self.stays[user_id, self._latest[user_id]].left_at is None

    def come(self, user_id: UserId, at: Moment) -> None:
        self._latest[user_id] = number = self._latest.get(user_id, 0) + 1
        self.stays[user_id, number] = IntervalRow(self._session_id, user_id, number, at, None, None)

    def go(self, user_id: UserId, at: Moment, reason: str) -> None:
        if self.is_there(user_id):
            row = self.stays[user_id, self._latest[user_id]]
            self.stays[user_id, row.ordinal] = replace(row, left_at=max(at, row.joined_at), reason=reason)


def stays_in(session_id: SessionId, entries: Iterable[LoggedEvent]) -> Stays:
    """Attendance, told from the words of the log alone: from the seat, or the first socket of who had none when promoted,
    until the last socket is gone, the seat is given back, or the class is over."""
    register = _Register(session_id)
    for entry in entries:
        kind, at, data = entry.type, entry.at, json.loads(entry.payload)
        user_id = data.get("userId")
        if kind in ("seat.taken", "seat.promoted"):
            register.seated.add(user_id)
            if user_id not in register.away:
                register.come(user_id, at)
        elif kind == "presence.connected":
            register.away.discard(user_id)
            if user_id in register.seated and not register.is_there(user_id):
                register.come(user_id, at)
        elif kind == "presence.lost" and data["last"]:
            register.away.add(user_id)
            register.go(user_id, at, "lost")
        elif kind in ("seat.released", "waitlist.left"):
            register.go(user_id, at, data["reason"])
            register.seated.discard(user_id)
            register.away.discard(user_id)
        elif kind in ("session.ended", "session.cancelled"):
            over = parse_time(data["endedAt"]) if data.get("endedAt") else at
            for each in register.seated:
                register.go(each, over, kind.removeprefix("session."))
            register.seated, register.away = set(), set()
    return register.stays


def check_stays(rows: Mapping[tuple[UserId, int], IntervalRow], told: Stays) -> None:
    """The table holds what the events of the log brought about; a person's stays are counted from 1 and never overlap."""
    assert rows == told, "attendance and log differ"
    until: dict[str, tuple[int, int]] = {}
    for (user_id, ordinal), row in sorted(rows.items()):
        before, left_at = until.get(user_id, (0, 0))
        assert ordinal == before + 1
        assert left_at <= row.joined_at
        assert row.left_at is None or row.left_at >= row.joined_at
        until[user_id] = ordinal, row.left_at if row.left_at is not None else 1 << 62


def check_seated(session_id: SessionId, entries: Sequence[LoggedEvent], seated: Iterable[str]) -> None:
    """Everyone who was told "seated" has been there, unless the seat came while they had no socket."""
    there = {user_id for user_id, _ in stays_in(session_id, entries)}
    away = {json.loads(entry.payload)["userId"] for entry in entries if entry.type == "presence.lost"}
    lost = {*seated} - there - away
    assert not lost, f"told to be seated, but without attendance: {sorted(lost)}"


def comparable_state(state: LiveClass) -> dict[str, Any]:
    """A class through JSON."""
    saved: dict[str, Any] = json.loads(json.dumps(save(state)))
    return saved
