"""What a class answers to a command: events, or a refusal. Reads the state, changes nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from classroom.callers import Caller
from classroom.live import commands as c
from classroom.live import door, media, polls, recording, schedule, stage, talk
from classroom.live.events import Event
from classroom.live.state import LiveClass
from classroom.refusals import NotFound, Refusal
from classroom.times import Moment


@dataclass(frozen=True)
class Ask:
    """A command, who asks, when, and what the rules cannot know themselves: whether the caller is enrolled (with
    which name), and a fresh id for what the command may bring into being."""

    caller: Caller
    command: c.Command
    now: Moment
    enrolled: bool = False
    fresh_id: str = ""


Decision = tuple[Event, ...] | Refusal

_RULES: dict[type[Any], Callable[[LiveClass, Any, Caller, Ask], Decision]] = {
    c.Revise: lambda state, command, caller, ask: schedule.revise(state, command, caller, ask.now),
    c.Cancel: lambda state, command, caller, ask: schedule.cancel(state, caller),
    c.Start: lambda state, command, caller, ask: schedule.start(state, caller, ask.now),
    c.End: lambda state, command, caller, ask: schedule.end(state, caller, ask.now),
    c.Lock: lambda state, command, caller, ask: schedule.lock(state, caller, ask.now),
    c.Unlock: lambda state, command, caller, ask: schedule.unlock(state, caller, ask.now),
    c.Tick: lambda state, command, caller, ask: schedule.tick(state, ask.now),
    c.TakeSeat: lambda state, command, caller, ask: door.take_seat(state, command, caller, ask.enrolled, ask.now),
    c.Leave: lambda state, command, caller, ask: door.leave(state, caller, ask.now),
    c.Connect: lambda state, command, caller, ask: door.connect(state, command, caller),
    c.Disconnect: lambda state, command, caller, ask: door.disconnect(state, command, caller),
    c.RemoveMember: lambda state, command, caller, ask: door.remove(state, command, caller, ask.now),
    c.Look: lambda state, command, caller, ask: door.look(state, caller, ask.enrolled),
    c.PostChat: lambda state, command, caller, ask: talk.post(state, command, caller, ask.fresh_id),
    c.RemoveChat: lambda state, command, caller, ask: talk.remove(state, command, caller),
    c.RaiseHand: lambda state, command, caller, ask: talk.raise_hand(state, caller),
    c.LowerHand: lambda state, command, caller, ask: talk.lower_hand(state, command, caller),
    c.React: lambda state, command, caller, ask: talk.react(state, command, caller),
    c.Mute: lambda state, command, caller, ask: talk.mute(state, command, caller),
    c.Unmute: lambda state, command, caller, ask: talk.unmute(state, command, caller),
    c.OpenPoll: lambda state, command, caller, ask: polls.open_poll(state, command, caller, ask.fresh_id),
    c.Vote: lambda state, command, caller, ask: polls.vote(state, command, caller),
    c.ClosePoll: lambda state, command, caller, ask: polls.close(state, command, caller),
    c.InviteToStage: lambda state, command, caller, ask: stage.invite(state, command, caller, ask.now),
    c.AcceptStage: lambda state, command, caller, ask: stage.accept(state, caller, ask.now),
    c.LeaveStage: lambda state, command, caller, ask: stage.leave(state, caller),
    c.RemoveFromStage: lambda state, command, caller, ask: stage.remove(state, command, caller),
    c.StartRecording: lambda state, command, caller, ask: recording.start(state, caller, ask.fresh_id, ask.now),
    c.StopRecording: lambda state, command, caller, ask: recording.stop(state, caller),
    c.OpenMedia: lambda state, command, caller, ask: media.open_media(state, command, caller, ask.now),
    c.ShowMedia: lambda state, command, caller, ask: media.show(state, command, caller),
    c.ShowSpeakers: lambda state, command, caller, ask: media.show_speakers(state, command, caller),
    c.CheckMedia: lambda state, command, caller, ask: media.check(caller),
}


def decide(state: LiveClass, ask: Ask) -> Decision:
    """The events that the command brings about now (none when there is nothing to do), or why it is refused."""
    if isinstance(ask.command, c.Schedule):
        return schedule.schedule(state, ask.command)
    if state.plan is None:
        return NotFound("live session", state.session_id)
    return _RULES[type(ask.command)](state, ask.command, ask.caller, ask)
