"""What turns of the media comparison say: prices, ratios, void turns, promises."""

import argparse
from dataclasses import replace

import pytest

from loadtests.benchmarks.comparison import NothingMeasured
from loadtests.benchmarks.media_report import Found, Rush, Turn, report
from loadtests.benchmarks.media_servers import JANUS, LYCEUM, RELAY

OURS = Turn(LYCEUM, 102, 0.03, 0.13, 0, 9_000, 0, 25.0, 2.0, 8.0, 0.1, 0.5, 0.3, 650.0, 93.0, "SRTP_AEAD_AES_256_GCM", 1.0)
JANUSES = replace(OURS, contender=JANUS, few=0.02, many=0.22)
RELAYS = replace(OURS, contender=RELAY, viewers=10, few=0.3, many=1.1)
OPTIONS = argparse.Namespace(contenders=[LYCEUM, JANUS, RELAY], rounds=1, seconds=8.0, capacity=300, rush=200)


def verdicts(found: Found) -> dict[str, bool | None]:
    return {target.words: target.is_met for target in report(OPTIONS, "command", found).targets}


def test_a_viewers_price_is_what_more_viewers_cost_more() -> None:
    assert OURS.for_a_viewer == pytest.approx(1.0)
    assert JANUSES.for_a_viewer == pytest.approx(2.0)
    assert RELAYS.for_a_viewer == pytest.approx(100.0)
    assert OURS.added == pytest.approx(7.5)


def test_promises_are_told_from_the_turns() -> None:
    full = replace(OURS, viewers=300, many=0.33, most=20.0)
    janus = replace(full, contender=JANUS, many=1.5, most=99.0, lost=7)
    found = Found([OURS, JANUSES, RELAYS], [full, janus], [Rush(200, 4.0, 5, 1.0, 0)])

    assert list(verdicts(found).values()) == [True, True, True, True, True, True]
    assert "| Lyceum | 102 | 1.00 | 1 |" in report(OPTIONS, "command", found).markdown()


def test_one_lost_packet_a_slow_way_or_requests_too_close_miss_the_promise() -> None:
    full = replace(OURS, viewers=300, many=1.2, most=31.0, lost=1)
    found = Found([OURS, replace(JANUSES, many=0.11), replace(RELAYS, many=0.5)], [full], [Rush(200, 4.0, 9, 0.5, 0)])

    assert set(verdicts(found).values()) == {False}


def test_a_turn_whose_viewers_were_at_their_limit_or_saw_nothing_counts_nowhere() -> None:
    for void in (replace(OURS, generator=0.9), replace(OURS, silent=1)):
        assert void.is_void
        assert verdicts(Found([void, JANUSES, RELAYS]))["processor a viewer against Janus"] is None


def test_nothing_measured_is_no_report() -> None:
    with pytest.raises(NothingMeasured):
        report(OPTIONS, "command", Found())
