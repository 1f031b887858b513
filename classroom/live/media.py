"""Live video as the class sees it: who may publish and watch, on which node the class is, and what that node shows."""

from collections.abc import Iterable
from typing import Any

from classroom.callers import Caller, Role
from classroom.ids import UserId
from classroom.live import commands as c
from classroom.live import events as e
from classroom.live import stage_events as s
from classroom.live.over import over
from classroom.live.state import LiveClass, Shown, Status
from classroom.media_refusals import MediaAway
from classroom.refusals import Forbidden, Malformed, NotOnStage, NotSeated, Refusal
from classroom.times import SECOND, Moment

Decision = tuple[e.Event, ...] | Refusal

CAMERAS = 4
MICROPHONES = 6
SPEAKERS = 6
MOVED_FOR = 2 * SECOND
"""A class that was moved stays for so long, whoever cannot see its new node: those who see different nodes, for a moment or
for good, must not have everybody begin anew again and again."""
MEDIA_NODE = Caller(UserId("media-node"), "media node", Role.ADMIN)
"""As whom a MediaNode speaks with a class. No account has this id: accounts have UUIDs."""


def open_media(state: LiveClass, command: c.OpenMedia, caller: Caller, now: Moment) -> Decision:
    """Whether the caller may publish or watch; a class without a living origin is placed on the first of the nodes."""
    refusal = over(state, now) or _kept_out(state, command, caller)
    if refusal is not None:
        return refusal
    if not command.nodes:
        return MediaAway()
    origin = state.origin
    if origin is None:
        return (s.MediaPlaced(command.nodes[0], 1),)
    if origin.node in command.nodes:
        return ()
    if origin.node.partition("@")[0] in command.silent:
        return MediaAway()
    if origin.moved_at is not None and now < origin.moved_at + MOVED_FOR:
        return MediaAway()
    return (s.MediaPlaced(command.nodes[0], origin.generation + 1),)


def _kept_out(state: LiveClass, command: c.OpenMedia, caller: Caller) -> Refusal | None:
    if state.is_staff(caller):
        return None
    if command.purpose == "watch":
        return None if caller.user_id in state.seats else NotSeated(caller.user_id)
    if caller.role is not Role.STUDENT:
        return Forbidden("publish in this class")
    return None if caller.user_id in state.stage else NotOnStage()


def opened(state: LiveClass, caller: Caller) -> dict[str, Any]:
    """What the caller of an accepted `OpenMedia` is told: where the class is, and as what it has them."""
    part = "staff" if state.is_staff(caller) else "stage" if caller.user_id in state.stage else "viewer"
    return {**_placed(state), "name": caller.name, "part": part}


def _placed(state: LiveClass) -> dict[str, Any]:
    if state.origin is None:
        raise ValueError(f"class {state.session_id} was never placed")
    return {"node": state.origin.node, "generation": state.origin.generation}


def show(state: LiveClass, command: c.ShowMedia, caller: Caller) -> Decision:
    """What is in which slot now, as the origin has it; nothing from another node, and nothing of a class that is over."""
    if caller != MEDIA_NODE:
        return Forbidden("say what is shown in this class")
    if len(command.cameras) > CAMERAS or len(command.microphones) > MICROPHONES:
        return Malformed((("cameras", f"There are {CAMERAS} cameras and {MICROPHONES} microphones at most."),))
    shown = Shown(command.screen, command.cameras, command.microphones)
    if not _is_origin(state, command.node) or shown == state.shown:
        return ()
    return (s.MediaChanged(shown.screen, shown.cameras, shown.microphones),)


def show_speakers(state: LiveClass, command: c.ShowSpeakers, caller: Caller) -> Decision:
    """Who speaks, the loudest first; of more than six, the first six."""
    if caller != MEDIA_NODE:
        return Forbidden("say who speaks in this class")
    speakers = command.speakers[:SPEAKERS]
    if not _is_origin(state, command.node) or speakers == state.speakers:
        return ()
    return (s.MediaSpeaking(speakers),)


def _is_origin(state: LiveClass, node: str) -> bool:
    goes_on = state.status in (Status.SCHEDULED, Status.LIVE)
    return goes_on and state.origin is not None and state.origin.node == node


def check(caller: Caller) -> Decision:
    """A node may always ask; `verdict` is the answer."""
    return () if caller == MEDIA_NODE else Forbidden("check who is in this class")


def verdict(state: LiveClass, command: c.CheckMedia) -> dict[str, Any]:
    """What has changed for a node that serves this class: whether it is over, whether another node is the origin now, who of
    those named may no longer watch or publish, and the recording that runs."""
    recording = state.recording
    return {
        "over": state.status in (Status.ENDED, Status.CANCELLED),
        "moved": state.origin is None or state.origin.node != command.node,
        "viewersGone": _gone(state, command.viewers, state.seats),
        "publishersGone": _gone(state, command.publishers, state.stage),
        "recording": None if recording is None else {"recordingId": recording.recording_id, "title": state.known.title},
    }


def _gone(state: LiveClass, named: Iterable[UserId], allowed: Any) -> list[UserId]:
    teacher = state.known.instructor_id
    return [user_id for user_id in named if user_id not in allowed and user_id != teacher]
