"""What is to be done later because of what happened in a class: jobs that are enqueued with the class's own commit."""

from collections.abc import Iterable

import msgspec

from classroom.ids import SessionId
from classroom.live.events import Event, SessionEnded
from classroom.live.stage_events import RecordingStopped
from classroom.records import JobRow

ATTENDED = "class.attended"
"""The job of a class that is over: its course hears who was there."""
RECORDED = "recording.finish"
"""The job of a recording that is over: its pieces become a lesson."""

_CAUSES = frozenset((SessionEnded, RecordingStopped))
_encode = msgspec.json.Encoder().encode


def jobs_of(session_id: SessionId, events: Iterable[Event]) -> list[JobRow]:
    """The jobs that these events of the class ask for; most ask for none."""
    return [_job_of(session_id, event) for event in events if type(event) in _CAUSES]


def _job_of(session_id: SessionId, event: Event) -> JobRow:
    if isinstance(event, RecordingStopped):
        payload = {"sessionId": session_id, "recordingId": event.recording_id}
        return JobRow(RECORDED, _encode(payload), event.recording_id)
    return JobRow(ATTENDED, _encode({"sessionId": session_id}), session_id)
