"""Fragments, whole messages, and frames that fit neither."""

import pytest

from realtime.closing import MALFORMED, PROTOCOL_ERROR, TOO_BIG
from realtime.messages import BINARY, CONTINUATION, TEXT, Assembler


def test_whole_message_passes() -> None:
    assert Assembler(3).add(TEXT, fin=True, payload=b"abc") == b"abc"


def test_fragments_become_one_message_and_then_another() -> None:
    assembler = Assembler(6)
    for _ in range(2):
        assert assembler.add(TEXT, fin=False, payload=b"ab") is None
        assert assembler.add(CONTINUATION, fin=False, payload=b"") is None
        assert assembler.add(CONTINUATION, fin=False, payload=b"cd") is None
        assert assembler.add(CONTINUATION, fin=True, payload=b"ef") == b"abcdef"


@pytest.mark.parametrize("fin", [True, False])
def test_fragments_are_bounded_together(fin: bool) -> None:
    assembler = Assembler(3)
    assembler.add(TEXT, fin=False, payload=b"ab")
    outcome = assembler.add(CONTINUATION, fin=fin, payload=b"cd")
    assert isinstance(outcome, tuple)
    assert outcome[0] is TOO_BIG


def test_one_frame_is_bounded() -> None:
    outcome = Assembler(3).add(TEXT, fin=True, payload=b"abcd")
    assert isinstance(outcome, tuple)
    assert outcome[0] is TOO_BIG


@pytest.mark.parametrize(
    ("begun", "opcode", "close"),
    [
        (False, CONTINUATION, PROTOCOL_ERROR),
        (False, BINARY, MALFORMED),
        (False, 0x3, PROTOCOL_ERROR),
        (True, TEXT, PROTOCOL_ERROR),
        (True, BINARY, MALFORMED),
    ],
)
def test_frame_that_does_not_fit_says_so(begun: bool, opcode: int, close: object) -> None:
    assembler = Assembler(10)
    if begun:
        assembler.add(TEXT, fin=False, payload=b"ab")
    outcome = assembler.add(opcode, fin=True, payload=b"cd")
    assert isinstance(outcome, tuple)
    assert outcome[0] is close
