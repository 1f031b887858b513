"""An outbox in front of a transport that takes, pauses and takes again."""

from realtime.outbox import Outbox


class Wire:
    """A transport with room for so many frames."""

    def __init__(self, room: int, limit: int) -> None:
        self.written: list[bytes] = []
        self.room = room
        self.overflows = 0
        self.outbox = Outbox(self.write, self.overflowed, limit)

    def write(self, frame: bytes) -> None:
        self.written.append(frame)
        self.room -= 1
        if self.room <= 0:
            self.outbox.block()

    def overflowed(self) -> None:
        self.overflows += 1

    def drain(self, room: int) -> None:
        self.room = room
        self.outbox.unblock()


def test_frames_go_straight_through_while_there_is_room() -> None:
    wire = Wire(room=10, limit=0)
    for frame in (b"1", b"2"):
        wire.outbox.send(frame)
    assert wire.written == [b"1", b"2"]


def test_blocked_frames_wait_in_order_and_share_their_bytes() -> None:
    wire, frame = Wire(room=1, limit=100), b"x" * 10
    wire.outbox.send(b"1")
    wire.outbox.send(frame)
    wire.outbox.send(b"2")
    assert wire.written == [b"1"]
    assert wire.outbox.waiting_bytes == 11
    wire.drain(room=1)
    assert wire.written[1] is frame
    assert wire.outbox.waiting_bytes == 1
    wire.drain(room=1)
    assert wire.written == [b"1", frame, b"2"]
    assert wire.outbox.waiting_bytes == 0


def test_later_frames_do_not_overtake() -> None:
    wire = Wire(room=1, limit=100)
    for frame in (b"1", b"2", b"3"):
        wire.outbox.send(frame)
    wire.drain(room=1)
    wire.outbox.send(b"4")
    wire.drain(room=10)
    assert wire.written == [b"1", b"2", b"3", b"4"]


def test_overflow_is_told_once_and_frees_what_waited() -> None:
    wire = Wire(room=1, limit=10)
    wire.outbox.send(b"1")
    for _ in range(5):
        wire.outbox.send(b"x" * 6)
    assert wire.overflows == 1
    assert wire.outbox.waiting_bytes == 0
    wire.drain(room=10)
    wire.outbox.send(b"2")
    assert wire.written == [b"1"]
