"""A class read back from its log: its state, and what its last events had to tell that may not have been told."""

from collections.abc import Sequence

import msgspec

from actors.envelopes import EvictNotice
from actors.turns import Notice
from classroom.ids import CommandId, SessionId
from classroom.live.codec import event_of
from classroom.live.events import Event
from classroom.live.evolve import evolve, fresh_id
from classroom.live.publications import VIEWS, notices, publication
from classroom.live.snapshot import load
from classroom.live.state import LiveClass
from classroom.live.talk_events import MemberRemoved
from classroom.records import LoggedEvent
from classroom.times import Moment, rfc3339
from persistence.live_log import Loaded

SEPARATOR = "\n"
"""Between the ids that one event carries; no id has a control character in it."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def restore(session_id: SessionId, loaded: Loaded, recent: Sequence[LoggedEvent], grace: int) -> LiveClass:
    """The class after everything that was logged; `recent` are the commands it must know again."""
    state = load(_decode(loaded.snapshot), grace) if loaded.snapshot is not None else LiveClass(session_id, grace)
    for entry in loaded.tail:
        evolve(state, event_in(entry), entry.at)
    for entry in recent:
        if entry.command_id is not None:
            *unchanging, key = entry.command_id.split(SEPARATOR)
            for each in unchanging:
                state.remember(CommandId(each), "")
            state.remember(CommandId(key), fresh_id(event_in(entry)))
    return state


def tail_notices(session_id: SessionId, loaded: Loaded) -> list[Notice]:
    """What the tail had to tell single persons; their inboxes know what they were told already."""
    return [notice for entry in loaded.tail for notice in notices_of(session_id, event_in(entry), entry.offset)]


def tail_evictions(state: LiveClass, loaded: Loaded) -> list[EvictNotice]:
    """Whom the tail sent out, unless they are inside again: their sockets may still be open."""
    removed = [event.user_id for event in map(event_in, loaded.tail) if isinstance(event, MemberRemoved)]
    return [EvictNotice(state.session_id, user_id) for user_id in removed if not state.is_inside(user_id)]


def notices_of(session_id: SessionId, event: Event, offset: int) -> list[Notice]:
    """What the event at `offset` has to tell single persons."""
    key = f"{session_id}:{offset}"
    return [Notice(user_id, kind, _encode(data), key) for user_id, kind, data in notices(session_id, event)]


def event_in(entry: LoggedEvent) -> Event:
    """The event that was logged."""
    return event_of(entry.type, _decode(entry.payload))


def published(entry: LoggedEvent, view: str) -> bytes:
    """A logged event as the topic of `view` tells it, encoded."""
    return publish(event_in(entry), view, entry.topic_offsets[VIEWS.index(view)], entry.at)


def publish(event: Event, view: str, offset: int, at: Moment) -> bytes:
    """An event as the topic of `view` tells it at `offset`, encoded."""
    kind, data = publication(event, view)
    return _encode({"offset": offset, "type": kind, "at": rfc3339(at), "data": data})
