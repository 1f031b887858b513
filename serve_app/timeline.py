"""The recorded events of a class as its owner and admins read them."""

import msgspec

from classroom.ids import UserId
from classroom.live.talk_events import ChatPosted
from classroom.records import LoggedEvent
from classroom.times import rfc3339

_AUDIBLE = ("all", "staff")
_decode = msgspec.json.Decoder(dict[str, object]).decode
_encode = msgspec.json.Encoder().encode


class RecordedEvent(msgspec.Struct):
    """One event, ready to be encoded."""

    offset: int
    type: str
    at: str
    data: msgspec.Raw


def recorded(event: LoggedEvent, reader: UserId) -> RecordedEvent:
    """The event for this reader. Of what two people said to each other, only they read the `text`; that it was said, by
    whom and to whom, belongs to the record."""
    # The log holds encoded JSON; it goes on as it is.
    payload = event.payload
    if event.type == ChatPosted.type:
        said = _decode(payload)
        if said["to"] not in _AUDIBLE and reader not in (said["userId"], said["to"]):
            del said["text"]
            payload = _encode(said)
    return RecordedEvent(event.offset, event.type, rfc3339(event.at), msgspec.Raw(payload))
