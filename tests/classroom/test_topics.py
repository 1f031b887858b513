"""Names of topics, read back as they were written."""

import pytest

from classroom.ids import CourseId, SessionId, UserId
from classroom.topics import AnyTopic, CourseTopic, LiveTopic, UserTopic, parse_topic, topic_of

IDENT = "019a0000-0000-7000-8000-000000000001"


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        (f"live:{IDENT}", LiveTopic(SessionId(IDENT), "")),
        (f"live:{IDENT}:staff", LiveTopic(SessionId(IDENT), "staff")),
        (f"live:{IDENT}:queue", LiveTopic(SessionId(IDENT), "queue")),
        (f"user:{IDENT}", UserTopic(UserId(IDENT))),
        (f"course:{IDENT}", CourseTopic(CourseId(IDENT), "")),
        (f"course:{IDENT}:progress", CourseTopic(CourseId(IDENT), "progress")),
    ],
)
def test_topics_are_read_as_they_are_written(text: str, topic: AnyTopic) -> None:
    assert parse_topic(text) == topic
    assert topic_of(topic) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "live",
        "live:",
        "live:none",
        f"live:{IDENT}:",
        f"live:{IDENT}:all",
        f"live:{IDENT}:staff:",
        f"live:{IDENT}:staff:x",
        f"live:{IDENT}:Staff",
        f"Live:{IDENT}",
        f"live:{IDENT.upper()}",
        f"user:{IDENT}:",
        f"user:{IDENT}:staff",
        f"users:{IDENT}",
        f"{IDENT}",
        f" live:{IDENT}",
    ],
)
def test_other_text_names_no_topic(text: str) -> None:
    assert parse_topic(text) is None
