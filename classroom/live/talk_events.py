"""What is said in a live class: chat, hands, reactions, polls, and who may not. The rules of `events.py` hold here too."""

from dataclasses import dataclass
from typing import ClassVar

from classroom.ids import MessageId, PollId, UserId


@dataclass(frozen=True)
class ChatPosted:
    """Somebody said something to `all`, to `staff` or to one person."""

    type: ClassVar[str] = "chat.posted"
    message_id: MessageId
    user_id: UserId
    name: str
    text: str
    to: str


@dataclass(frozen=True)
class ChatRemoved:
    """A message was taken back. `to` is whom it had been for."""

    type: ClassVar[str] = "chat.removed"
    message_id: MessageId
    to: str
    by: UserId
    author: UserId


@dataclass(frozen=True)
class HandRaised:
    """Somebody asks to speak."""

    type: ClassVar[str] = "hand.raised"
    user_id: UserId
    name: str


@dataclass(frozen=True)
class HandLowered:
    """A hand went down."""

    type: ClassVar[str] = "hand.lowered"
    user_id: UserId


@dataclass(frozen=True)
class ReactionSent:
    """An emoji, for a moment."""

    type: ClassVar[str] = "reaction.sent"
    user_id: UserId
    emoji: str


@dataclass(frozen=True)
class PollOpened:
    """A question to the class. `correct` is for staff until the poll closes."""

    type: ClassVar[str] = "poll.opened"
    poll_id: PollId
    question: str
    options: tuple[str, ...]
    multiple: bool
    quiz: bool
    correct: tuple[int, ...]


@dataclass(frozen=True)
class PollVoted:
    """One student's choice, replacing an earlier one."""

    type: ClassVar[str] = "poll.voted"
    poll_id: PollId
    user_id: UserId
    choices: tuple[int, ...]


@dataclass(frozen=True)
class PollTallied:
    """The count so far; told at most ten times a second."""

    type: ClassVar[str] = "poll.tallied"
    poll_id: PollId
    tally: tuple[int, ...]
    votes: int


@dataclass(frozen=True)
class PollClosed:
    """The result."""

    type: ClassVar[str] = "poll.closed"
    poll_id: PollId
    tally: tuple[int, ...]
    votes: int
    correct: tuple[int, ...]


@dataclass(frozen=True)
class MemberMuted:
    """This person may not post to everybody."""

    type: ClassVar[str] = "member.muted"
    user_id: UserId


@dataclass(frozen=True)
class MemberUnmuted:
    """This person may post again."""

    type: ClassVar[str] = "member.unmuted"
    user_id: UserId


@dataclass(frozen=True)
class MemberRemoved:
    """Staff sent this person out; with `ban` for good."""

    type: ClassVar[str] = "member.removed"
    user_id: UserId
    ban: bool
