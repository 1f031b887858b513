"""Whether a class is recorded."""

import pytest

from classroom.callers import Caller
from classroom.live import commands as c
from classroom.live import stage_events as s
from classroom.live.publications import EVERYBODY, QUEUE, STAFF
from classroom.refusals import AlreadyEnded, ClassCancelled, Forbidden, NotLive
from tests.classroom.live.room import ADMIN, TEACHER, Room, scheduled, started, student

ada = student("ada")


@pytest.fixture
def room() -> Room:
    """Ada sits."""
    room = started()
    room.join(ada)
    return room


@pytest.mark.parametrize("staff", [TEACHER, ADMIN])
def test_staff_start_and_stop_it_and_everybody_is_told(room: Room, staff: Caller) -> None:
    [begun] = room.do(staff, c.StartRecording())
    assert isinstance(begun, s.RecordingStarted)
    assert room.do(staff, c.StopRecording()) == (s.RecordingStopped(begun.recording_id),)
    assert room.state.recording is None
    told = [told for told in room.told[EVERYBODY] if told.type.startswith("recording.")]
    assert [one.type for one in told] == ["recording.started", "recording.stopped"]
    assert all(one.data == {"recordingId": begun.recording_id} for one in told)
    assert not [told for view in (STAFF, QUEUE) for told in room.told[view] if told.type.startswith("recording.")]


def test_students_do_not_record(room: Room) -> None:
    assert isinstance(room.ask(ada, c.StartRecording()), Forbidden)
    assert isinstance(room.ask(ada, c.StopRecording()), Forbidden)


def test_a_second_start_changes_nothing_and_answers_the_one_that_runs(room: Room) -> None:
    first = room.answer(TEACHER, c.StartRecording(), command_id="one")
    assert room.do(ADMIN, c.StartRecording()) == ()
    assert room.answer(ADMIN, c.StartRecording(), command_id="two") == first
    assert room.state.recording is not None
    assert first == {"recordingId": room.state.recording.recording_id}


def test_a_start_that_is_repeated_answers_its_own_recording(room: Room) -> None:
    first = room.answer(TEACHER, c.StartRecording(), command_id="one")
    room.do(TEACHER, c.StopRecording())
    second = room.answer(TEACHER, c.StartRecording(), command_id="two")
    assert second != first
    assert room.answer(TEACHER, c.StartRecording(), command_id="one") == first


def test_stopping_what_does_not_run_changes_nothing(room: Room) -> None:
    assert room.do(TEACHER, c.StopRecording()) == ()


def test_only_a_class_that_is_live_is_recorded() -> None:
    room = scheduled()
    assert room.ask(TEACHER, c.StartRecording()) == NotLive()
    room.do(TEACHER, c.Cancel())
    assert room.ask(TEACHER, c.StartRecording()) == ClassCancelled()


def test_the_end_of_the_class_ends_the_recording_and_none_begins_after_it() -> None:
    for end in (lambda room: room.do(TEACHER, c.End()), lambda room: [room.wait(3600), room.tick()]):
        room = started()
        room.do(TEACHER, c.StartRecording())
        end(room)
        assert room.state.recording is None
        assert [told.type for told in room.told[EVERYBODY]][-2:] == ["recording.stopped", "session.ended"]
        assert room.ask(TEACHER, c.StartRecording()) == AlreadyEnded()
        assert room.do(TEACHER, c.StopRecording()) == ()


def test_time_that_is_up_lets_no_recording_begin(room: Room) -> None:
    room.wait(3600)
    assert room.ask(TEACHER, c.StartRecording()) == AlreadyEnded()
