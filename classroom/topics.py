"""What can be subscribed to: the names of topics, and the positions inside one."""

from dataclasses import dataclass

from classroom.ids import SessionId, Topic, UserId, is_uuid


@dataclass(frozen=True)
class Position:
    """Where a subscriber stands in a topic. `offset` counts the events of the topic from 1 and never repeats;
    `epoch` names the ownership under which it was read."""

    epoch: int
    offset: int


@dataclass(frozen=True)
class LiveTopic:
    """A topic of one class: `view` is `""` (everybody inside), `staff` or `queue`."""

    session_id: SessionId
    view: str

    def __str__(self) -> str:
        return f"live:{self.session_id}:{self.view}" if self.view else f"live:{self.session_id}"


@dataclass(frozen=True)
class UserTopic:
    """What concerns one person, wherever it happened."""

    user_id: UserId

    def __str__(self) -> str:
        return f"user:{self.user_id}"


def parse_topic(text: str) -> LiveTopic | UserTopic | None:
    """The topic that `text` names, or None when it names none that exists in this release."""
    kind, _, rest = text.partition(":")
    ident, _, view = rest.partition(":")
    if not is_uuid(ident):
        return None
    if kind == "live" and view in ("", "staff", "queue") and not rest.endswith(":"):
        return LiveTopic(SessionId(ident), view)
    if kind == "user" and rest == ident:
        return UserTopic(UserId(ident))
    return None


def topic_of(topic: LiveTopic | UserTopic) -> Topic:
    """The topic's name on the wire."""
    return Topic(str(topic))
