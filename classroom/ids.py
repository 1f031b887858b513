"""Names of things, as distinct types, and the layout of the ids themselves."""

import re
from typing import NewType

UserId = NewType("UserId", str)
SessionId = NewType("SessionId", str)
CourseId = NewType("CourseId", str)
LessonId = NewType("LessonId", str)
CommandId = NewType("CommandId", str)
ConnectionId = NewType("ConnectionId", str)
MessageId = NewType("MessageId", str)
PollId = NewType("PollId", str)
RecordingId = NewType("RecordingId", str)
Topic = NewType("Topic", str)


def uuid7(unix_ms: int, entropy: int) -> str:
    """A UUID version 7 as text (RFC 9562, section 5.7): 48 bits of `unix_ms`, 74 bits of `entropy`."""
    bits = (unix_ms & (1 << 48) - 1) << 80
    bits |= 0x7 << 76
    bits |= (entropy >> 62 & 0xFFF) << 64
    bits |= 0b10 << 62
    bits |= entropy & (1 << 62) - 1
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.ASCII)


def is_uuid(text: str) -> bool:
    """Whether `text` is a UUID in its canonical, lower-case form."""
    return _UUID.fullmatch(text) is not None
