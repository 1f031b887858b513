"""How the stage, what is shown, and recordings move a class: one function an event, in a table for `evolve.py`."""

from collections.abc import Callable
from typing import Any

from classroom.live import stage_events as s
from classroom.live.state import LiveClass, Origin, Recording, Shown
from classroom.times import Moment


def _invited(state: LiveClass, event: s.StageInvited, at: Moment) -> None:
    state.invited[event.user_id] = event.name


def _declined(state: LiveClass, event: s.StageDeclined, at: Moment) -> None:
    state.invited.pop(event.user_id, None)


def _on_stage(state: LiveClass, event: s.StageJoined, at: Moment) -> None:
    state.invited.pop(event.user_id, None)
    state.stage[event.user_id] = event.name


def _off_stage(state: LiveClass, event: s.StageLeft, at: Moment) -> None:
    state.stage.pop(event.user_id, None)


def _placed(state: LiveClass, event: s.MediaPlaced, at: Moment) -> None:
    state.origin = Origin(event.node, event.generation, at if state.origin is not None else None)
    state.shown, state.speakers = Shown(), ()


def _media_changed(state: LiveClass, event: s.MediaChanged, at: Moment) -> None:
    state.shown = Shown(event.screen, event.cameras, event.microphones)


def _speaking(state: LiveClass, event: s.MediaSpeaking, at: Moment) -> None:
    state.speakers = event.speakers


def _recording(state: LiveClass, event: s.RecordingStarted, at: Moment) -> None:
    state.recording = Recording(event.recording_id, at)
    state.recorded = event.recording_id


def _recorded(state: LiveClass, event: s.RecordingStopped, at: Moment) -> None:
    state.recording = None


STAGE_MOVES: dict[type[Any], Callable[[LiveClass, Any, Moment], None]] = {
    s.StageInvited: _invited,
    s.StageDeclined: _declined,
    s.StageJoined: _on_stage,
    s.StageLeft: _off_stage,
    s.MediaPlaced: _placed,
    s.MediaChanged: _media_changed,
    s.MediaSpeaking: _speaking,
    s.RecordingStarted: _recording,
    s.RecordingStopped: _recorded,
}
