"""Packets that are sent together are the same as sent one by one, whoever comes and goes in between."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.sfu.egress import Egress
from realtime.sfu.packets import is_rtcp
from realtime.sfu.reports import SenderReport, read_reports
from tests.realtime.sfu.rig import Rig

steps = st.tuples(st.integers(0, 1), st.integers(-4, 3), st.sampled_from((None, None, None, 0, 1)), st.booleans())


def play(told: list[tuple[int, int, int | None, bool]], *, together: bool) -> tuple[list[int], int]:
    """The frames that a line was sent, and how many packets went to everybody; `together`: they are held for a while."""
    rig = Rig()
    try:
        newest = [0, 0]
        for layer, ahead, move, ends in told:
            if together:
                rig.egress.hold()
            if move is not None:
                rig.move(move)
            place = max(0, newest[layer] + ahead)
            newest[layer] = max(newest[layer], place)
            rig.send(layer, place, keyframe=place % 3 == 0)
            if ends:
                rig.egress.release()
        rig.egress.release()
        rig.note()
        assert rig.egress.sent.dropped == 0
        return rig.frames_as_they_came(), rig.egress.sent.packets
    finally:
        rig.close()


@settings(max_examples=200, deadline=None)
@given(st.lists(steps, max_size=40))
def test_who_is_sent_packets_together_gets_the_same_in_the_same_order(told: list[tuple[int, int, int | None, bool]]) -> None:
    assert play(told, together=True) == play(told, together=False)


def test_who_leaves_was_sent_what_came_before_and_who_comes_gets_nothing_twice(rig: Rig) -> None:
    rig.move(0)
    rig.send(0, 0, keyframe=True)
    rig.send(1, 100, keyframe=True)
    rig.egress.hold()
    rig.send(0, 1)
    rig.move(1)
    rig.send(0, 2)
    rig.send(1, 101)
    rig.send(1, 102, keyframe=True)
    rig.send(0, 3)
    rig.send(1, 103)
    rig.egress.release()
    rig.note()
    assert rig.frames_as_they_came() == [0, 1, 2, 102, 103]
    rig.egress.hold()
    rig.send(1, 104)
    rig.streams[1].leave(rig.lane)
    rig.send(1, 105)
    rig.egress.release()
    rig.note()
    assert rig.frames_as_they_came()[5:] == [104]


def test_nothing_is_sent_until_it_is_released(rig: Rig) -> None:
    rig.move(0)
    rig.egress.hold()
    for place in range(5):
        rig.send(0, place, keyframe=place == 0)
    assert rig.arrived == []
    rig.egress.release()
    rig.note()
    assert rig.frames_as_they_came() == [0, 1, 2, 3, 4]
    rig.send(0, 5)
    assert rig.frames_as_they_came() == [0, 1, 2, 3, 4, 5]


def test_a_senders_report_counts_what_was_sent_before_it(rig: Rig) -> None:
    rig.move(0)
    rig.egress.hold()
    rig.send(0, 0, keyframe=True)
    assert rig.arrived == []
    rig.report(0)
    assert not is_rtcp(rig.back.recv(2048))
    (told,) = [one for one in read_reports(rig.reader.unprotect_rtcp(rig.back.recv(2048))) if isinstance(one, SenderReport)]
    assert told.packets == 1


def test_it_is_full_when_so_much_waits_that_nothing_more_should_be_read(rig: Rig) -> None:
    rig.move(0)
    rig.egress.hold()
    rig.send(0, 0, keyframe=True)
    place = 0
    while not rig.egress.is_full:
        place += 1
        assert place < 10_000
        rig.send(0, place)
    rig.egress.release()
    assert not rig.egress.is_full


def test_what_is_little_goes_first(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.send(0, 0, keyframe=True)
    rig.send(1, 0, keyframe=True)
    sizes: list[int] = []
    monkeypatch.setattr(Egress, "send", lambda _self, packets, receivers: sizes.append(len(packets) * len(receivers)))
    rig.egress.hold()
    for place in range(1, 6):
        rig.send(0, place)
    rig.send(1, 1)
    rig.egress.release()
    assert sizes == [1, 5]


def test_a_fault_of_one_group_is_no_other_groups_and_keeps_nothing_back(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.move(0)
    rig.send(0, 0, keyframe=True)
    rig.send(1, 0, keyframe=True)
    before, faults = len(rig.arrived), [OverflowError()]
    send = Egress.send

    def broken(self: Egress, *told: object) -> None:
        if faults:
            raise faults.pop()
        send(self, *told)  # type: ignore[arg-type]  # what it was told

    monkeypatch.setattr(Egress, "send", broken)
    rig.egress.hold()
    rig.send(1, 1)  # to the one who goes first, as it is less
    rig.send(0, 1)
    with pytest.raises(OverflowError):
        rig.egress.release()
    assert rig.egress.sent.dropped == 1
    rig.send(0, 2)
    rig.send(1, 2)
    assert rig.frames_as_they_came()[before:] == [1, 2]
    assert rig.egress.sent.packets == 8
