"""What can be subscribed to: the names of topics, and the positions inside one."""

from dataclasses import dataclass

from classroom.ids import CourseId, SessionId, Topic, UserId, is_uuid


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
class CourseTopic:
    """A topic of one course: `view` is `""` (everybody in it: announcements) or `progress` (each learner's progress, for the
    owner and admins)."""

    course_id: CourseId
    view: str

    def __str__(self) -> str:
        return f"course:{self.course_id}:{self.view}" if self.view else f"course:{self.course_id}"


@dataclass(frozen=True)
class UserTopic:
    """What concerns one person, wherever it happened."""

    user_id: UserId

    def __str__(self) -> str:
        return f"user:{self.user_id}"


AnyTopic = LiveTopic | CourseTopic | UserTopic


def parse_topic(text: str) -> AnyTopic | None:
    """The topic that `text` names, or None when it names none that exists in this release."""
    kind, _, rest = text.partition(":")
    ident, _, view = rest.partition(":")
    if not is_uuid(ident):
        return None
    if kind == "live" and view in ("", "staff", "queue") and not rest.endswith(":"):
        return LiveTopic(SessionId(ident), view)
    if kind == "course" and view in ("", "progress") and not rest.endswith(":"):
        return CourseTopic(CourseId(ident), view)
    if kind == "user" and rest == ident:
        return UserTopic(UserId(ident))
    return None


def topic_of(topic: AnyTopic) -> Topic:
    """The topic's name on the wire."""
    return Topic(str(topic))
