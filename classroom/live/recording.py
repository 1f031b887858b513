"""Whether a class is recorded: staff start and stop it, everybody is told."""

from classroom.callers import Caller
from classroom.ids import RecordingId
from classroom.live import events as e
from classroom.live import stage_events as s
from classroom.live.over import over
from classroom.live.state import LiveClass, Status
from classroom.refusals import Forbidden, NotLive, Refusal
from classroom.times import Moment

Decision = tuple[e.Event, ...] | Refusal


def start(state: LiveClass, caller: Caller, recording_id: str, now: Moment) -> Decision:
    """Record from now on, under this id; nothing while a recording runs."""
    if not state.is_staff(caller):
        return Forbidden("record this class")
    refusal = over(state, now)
    if refusal is not None:
        return refusal
    if state.status is not Status.LIVE:
        return NotLive()
    return () if state.recording is not None else (s.RecordingStarted(RecordingId(recording_id)),)


def stop(state: LiveClass, caller: Caller) -> Decision:
    """Record no more; nothing when no recording runs."""
    if not state.is_staff(caller):
        return Forbidden("stop the recording of this class")
    return closing(state)


def closing(state: LiveClass) -> tuple[e.Event, ...]:
    """The end of the recording that runs, if one does."""
    return (s.RecordingStopped(state.recording.recording_id),) if state.recording is not None else ()
