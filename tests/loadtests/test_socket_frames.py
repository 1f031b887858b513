"""Frames come out whole however the bytes were cut, fragments joined and control frames between them."""

import pytest
from websockets.frames import Frame, Opcode

from loadtests.socket_frames import CLOSE, PING, TEXT, FrameReader


def _bytes(opcode: Opcode, payload: bytes, fin: bool = True) -> bytes:
    return Frame(opcode, payload, fin).serialize(mask=False)


@pytest.mark.parametrize("step", [1, 3, 70_000])
def test_messages_come_out_however_the_bytes_were_cut(step: int) -> None:
    texts = [b"short", b"x" * 125, b"y" * 126, b"z" * 66_000]
    stream = b"".join(_bytes(Opcode.TEXT, text) for text in texts)
    reader, messages = FrameReader(), list[tuple[int, bytes]]()
    for at in range(0, len(stream), step):
        messages += reader.feed(stream[at : at + step])
    assert messages == [(TEXT, text) for text in texts]


def test_fragments_are_joined_around_a_ping() -> None:
    stream = _bytes(Opcode.TEXT, b"one ", fin=False) + _bytes(Opcode.PING, b"?") + _bytes(Opcode.CONT, b"two")
    assert FrameReader().feed(stream + _bytes(Opcode.CLOSE, b"\x03\xe8")) == [
        (PING, b"?"),
        (TEXT, b"one two"),
        (CLOSE, b"\x03\xe8"),
    ]


def test_a_masked_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="masked"):
        FrameReader().feed(Frame(Opcode.TEXT, b"no").serialize(mask=True))
