"""Snapshots of a class's topics, encoded. What all who enter see alike is encoded once, however many they are."""

import msgspec

from classroom.callers import Caller
from classroom.live.publications import EVERYBODY
from classroom.live.state import LiveClass
from classroom.live.views import own_part, shared_part, snapshot

_encode = msgspec.json.Encoder().encode


class Snapshots:
    """Of one class. `shared_part` moves only with an event on the topic itself, so its bytes are good for one offset."""

    def __init__(self) -> None:
        self._offset = -1
        self._shared = b""

    def of(self, state: LiveClass, view: str, caller: Caller, session: bytes) -> bytes:
        """The encoded snapshot of a view for one subscriber; `session` is the class's encoded LiveSession of now."""
        if view != EVERYBODY:
            return _encode(snapshot(state, view, caller))
        if self._offset != state.offsets.everybody:
            self._offset, self._shared = state.offsets.everybody, _encode(shared_part(state))[1:]
        return b'%b,"session":%b,%b' % (_encode(own_part(state, caller))[:-1], session, self._shared)
