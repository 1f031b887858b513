"""Counts and tallies are told at most ten times a second, however many joins and votes there are."""

from classroom.live.events import CountChanged, Event
from classroom.live.state import LiveClass, Status
from classroom.live.talk_events import PollTallied
from classroom.times import SECOND, Moment

TELL_EVERY = SECOND // 10


def settle(state: LiveClass, now: Moment) -> tuple[Event, ...]:
    """The counts and tallies that should be told now; none when told lately or nothing changed. Counts that are again what
    they were are told all the same: somebody may have come in between and been shown the others."""
    if now < state.told_at + TELL_EVERY and now >= state.told_at:
        return ()
    return _untold(state)


def settle_due(state: LiveClass) -> Moment | None:
    """When `settle` next has something to say; None when everything was told."""
    return Moment(state.told_at + TELL_EVERY) if _untold(state) else None


def _untold(state: LiveClass) -> tuple[Event, ...]:
    if state.status not in (Status.SCHEDULED, Status.LIVE):
        return ()
    events: list[Event] = []
    if not state.counts_told:
        events.append(CountChanged(len(state.seats), len(state.waitlist)))
    for poll_id, poll in state.polls.items():
        if poll.open and (tuple(poll.tally), len(poll.votes)) != poll.told:
            events.append(PollTallied(poll_id, tuple(poll.tally), len(poll.votes)))
    return tuple(events)
