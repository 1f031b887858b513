"""How what is said moves a class: one function an event, in a table for `evolve.py`."""

from collections.abc import Callable
from typing import Any

from classroom.live import talk_events as t
from classroom.live.state import POLLS_KEPT, Hand, LiveClass, Message, Poll
from classroom.times import Moment


def _chat_posted(state: LiveClass, event: t.ChatPosted, at: Moment) -> None:
    message = Message(event.message_id, event.user_id, event.name, event.text, event.to, at)
    if event.to == "all":
        state.chat.append(message)
    elif event.to == "staff":
        state.staff_chat.append(message)
    else:
        state.aside.append(message)


def _chat_removed(state: LiveClass, event: t.ChatRemoved, at: Moment) -> None:
    for history in (state.chat, state.staff_chat, state.aside):
        kept = [message for message in history if message.message_id != event.message_id]
        history.clear()
        history.extend(kept)


def _hand_raised(state: LiveClass, event: t.HandRaised, at: Moment) -> None:
    state.hands[event.user_id] = Hand(event.name, at)


def _hand_lowered(state: LiveClass, event: t.HandLowered, at: Moment) -> None:
    state.hands.pop(event.user_id, None)


def _reaction(state: LiveClass, event: t.ReactionSent, at: Moment) -> None:
    """Reactions pass by; nothing is kept."""


def _poll_opened(state: LiveClass, event: t.PollOpened, at: Moment) -> None:
    if len(state.polls) >= POLLS_KEPT:
        del state.polls[next(poll_id for poll_id, poll in state.polls.items() if not poll.open)]
    zeros = [0] * len(event.options)
    state.polls[event.poll_id] = Poll(
        event.question,
        tuple(event.options),
        event.multiple,
        event.quiz,
        tuple(event.correct),
        tally=zeros,
        told=(tuple(zeros), 0),
    )


def _poll_voted(state: LiveClass, event: t.PollVoted, at: Moment) -> None:
    poll = state.polls[event.poll_id]
    for choice in poll.votes.get(event.user_id, ()):
        poll.tally[choice] -= 1
    poll.votes[event.user_id] = tuple(event.choices)
    for choice in event.choices:
        poll.tally[choice] += 1


def _poll_tallied(state: LiveClass, event: t.PollTallied, at: Moment) -> None:
    state.polls[event.poll_id].told = (tuple(event.tally), event.votes)
    state.told_at = at


def _poll_closed(state: LiveClass, event: t.PollClosed, at: Moment) -> None:
    poll = state.polls[event.poll_id]
    poll.open = False
    poll.told = (tuple(event.tally), event.votes)


def _muted(state: LiveClass, event: t.MemberMuted, at: Moment) -> None:
    state.muted.add(event.user_id)


def _unmuted(state: LiveClass, event: t.MemberUnmuted, at: Moment) -> None:
    state.muted.discard(event.user_id)


def _removed(state: LiveClass, event: t.MemberRemoved, at: Moment) -> None:
    if event.ban:
        state.removed.add(event.user_id)


TALK_MOVES: dict[type[Any], Callable[[LiveClass, Any, Moment], None]] = {
    t.ChatPosted: _chat_posted,
    t.ChatRemoved: _chat_removed,
    t.HandRaised: _hand_raised,
    t.HandLowered: _hand_lowered,
    t.ReactionSent: _reaction,
    t.PollOpened: _poll_opened,
    t.PollVoted: _poll_voted,
    t.PollTallied: _poll_tallied,
    t.PollClosed: _poll_closed,
    t.MemberMuted: _muted,
    t.MemberUnmuted: _unmuted,
    t.MemberRemoved: _removed,
}
