"""The grain of one person's own topic: what concerns them, in one order, wherever it happened."""

from collections import deque
from collections.abc import Sequence

import msgspec

from actors.envelopes import INBOX, Deliver, Enter, Quit
from actors.rings import Ring
from actors.turns import Item, Resume, Turn
from classroom.answers import Accepted, Refused
from classroom.ids import Topic
from classroom.ports import Batch, Entered
from classroom.records import LoggedEvent
from classroom.refusals import Forbidden
from classroom.times import Moment, rfc3339
from persistence.batches import Write

KNOWN_DELIVERIES = 1_000
MISSED_AT_MOST = 1_000

_encode = msgspec.json.Encoder().encode
_DONE = Accepted("done", b"{}")


class InboxGrain:
    """A person's log. A delivery with a known id adds nothing (the last 1,000 are known)."""

    kind = INBOX

    def __init__(self, grain_id: str, shard_id: int, epoch: int, head: int, recent: Sequence[LoggedEvent]) -> None:
        self.id = grain_id
        self.epoch = epoch
        self.offset = head
        self.followers: dict[str, set[str]] = {"": set()}
        self.rings = {"": Ring()}
        self._shard_id = shard_id
        self._delivered: dict[str, None] = {entry.command_id: None for entry in recent if entry.command_id is not None}
        self._at = max((entry.at for entry in recent), default=Moment(0))

    @property
    def is_nobody(self) -> bool:
        """Whether nothing was ever delivered here."""
        return self.offset == 0

    def wake_at(self) -> Moment | None:
        """An inbox does nothing by itself."""
        return None

    def work(self, mailbox: deque[Item], now: Moment, turn: Turn, at_most: int) -> None:
        """Take in what is delivered, let the person's gateways follow."""
        self._at = now = Moment(max(now, self._at))
        logged: list[LoggedEvent] = []
        while mailbox and len(turn.taken) < at_most:
            item = mailbox.popleft()
            turn.taken.append(item)
            body = item.envelope.body
            if isinstance(body, Deliver):
                self._deliver(item.envelope.command_id, body, now, logged)
                turn.replies.append((item, _DONE))
            elif isinstance(body, Enter):
                self._enter(item, body, turn)
            elif isinstance(body, Quit):
                self.followers[""].discard(body.gateway)
                turn.replies.append((item, _DONE))
            else:
                turn.replies.append((item, Refused(Forbidden("do this with an inbox"))))
        if logged:
            turn.write = Write(INBOX, self.id, self._shard_id, self.epoch, logged, None, (), None, deadline_changed=False)
            if self.followers[""]:
                batch = Batch(Topic(f"user:{self.id}"), self.epoch, logged[0].offset, [told(entry) for entry in logged])
                turn.batches.append(("", batch))

    def _deliver(self, command_id: str | None, body: Deliver, now: Moment, logged: list[LoggedEvent]) -> None:
        if command_id is not None:
            if command_id in self._delivered:
                return
            self._delivered[command_id] = None
            if len(self._delivered) > KNOWN_DELIVERIES:
                del self._delivered[next(iter(self._delivered))]
        self.offset += 1
        logged.append(LoggedEvent(self.offset, body.type, body.data, now, command_id, ()))

    def _enter(self, item: Item, enter: Enter, turn: Turn) -> None:
        if enter.connection is not None and item.envelope.caller.user_id != self.id:
            turn.replies.append((item, Refused(Forbidden("follow what concerns somebody else"))))
            return
        self.followers[""].add(enter.gateway)
        since = enter.since
        if since is not None and self.offset - MISSED_AT_MOST <= since.offset <= self.offset:
            turn.resumes.append(Resume(item, "", since, self.epoch, self.offset))
            return
        turn.replies.append((item, Entered(self.epoch, self.offset, recovered=False, events=(), snapshot=b"{}")))


def told(entry: LoggedEvent) -> bytes:
    """A logged event as the person's topic tells it, encoded."""
    return _encode({"offset": entry.offset, "type": entry.type, "at": rfc3339(entry.at), "data": msgspec.Raw(entry.payload)})
