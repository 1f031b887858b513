"""Questions to the class: opened and closed by staff, answered by the seated."""

from classroom.callers import Caller
from classroom.ids import PollId
from classroom.live import commands as c
from classroom.live import events as e
from classroom.live import talk_events as t
from classroom.live.state import LiveClass, Poll
from classroom.live.talk import may_speak
from classroom.live.wording import is_fit
from classroom.refusals import Forbidden, Malformed, NotFound, NotSeated, PollClosed, Refusal, TooMany

Decision = tuple[e.Event, ...] | Refusal

OPEN_POLLS = 5
OPTIONS = 12


def open_poll(state: LiveClass, command: c.OpenPoll, caller: Caller, poll_id: str) -> Decision:
    """Ask the class."""
    if not state.is_staff(caller):
        return Forbidden("open polls in this class")
    refusal = may_speak(state, caller) or _misshapen(command)
    if refusal is not None:
        return refusal
    if sum(poll.open for poll in state.polls.values()) >= OPEN_POLLS:
        return TooMany("open polls", OPEN_POLLS)
    return (
        t.PollOpened(PollId(poll_id), command.question, command.options, command.multiple, command.quiz, command.correct),
    )


def _misshapen(command: c.OpenPoll) -> Refusal | None:
    wrong = []
    if not is_fit(command.question, 500):
        wrong.append(("question", "A question has 1 to 500 characters."))
    if not 2 <= len(command.options) <= OPTIONS:
        wrong.append(("options", f"A poll has 2 to {OPTIONS} options."))
    elif any(not is_fit(option, 200) for option in command.options):
        wrong.append(("options", "An option has 1 to 200 characters."))
    if len(set(command.correct)) != len(command.correct) or any(
        not 0 <= index < len(command.options) for index in command.correct
    ):
        wrong.append(("correct", "Correct answers are indexes of options."))
    if command.quiz and not command.correct:
        wrong.append(("correct", "A quiz question names its correct answers."))
    return Malformed(tuple(wrong)) if wrong else None


def vote(state: LiveClass, command: c.Vote, caller: Caller) -> Decision:
    """Choose; choosing again replaces, choosing the same adds nothing."""
    refusal = may_speak(state, caller)
    if refusal is not None:
        return refusal
    if caller.user_id not in state.seats:
        return NotSeated(caller.user_id)
    poll = state.polls.get(command.poll_id)
    if poll is None:
        return NotFound("poll", command.poll_id)
    if not poll.open:
        return PollClosed()
    if not _fits(poll, command.choices):
        return Malformed((("choices", "Choose from the options of this poll."),))
    choices = tuple(sorted(command.choices))
    return () if poll.votes.get(caller.user_id) == choices else (t.PollVoted(command.poll_id, caller.user_id, choices),)


def _fits(poll: Poll, choices: tuple[int, ...]) -> bool:
    within = all(0 <= choice < len(poll.options) for choice in choices)
    return within and len(set(choices)) == len(choices) and (len(choices) == 1 or (poll.multiple and len(choices) > 1))


def close(state: LiveClass, command: c.ClosePoll, caller: Caller) -> Decision:
    """Take no more votes and show the result."""
    if not state.is_staff(caller):
        return Forbidden("close polls in this class")
    poll = state.polls.get(command.poll_id)
    if poll is None:
        return NotFound("poll", command.poll_id)
    if not poll.open:
        return ()
    return (t.PollClosed(command.poll_id, tuple(poll.tally), len(poll.votes), poll.correct),)


def results(state: LiveClass) -> tuple[t.PollClosed, ...]:
    """What comes of the polls that are still open when the class is over."""
    return tuple(
        t.PollClosed(poll_id, tuple(poll.tally), len(poll.votes), poll.correct)
        for poll_id, poll in state.polls.items()
        if poll.open
    )
