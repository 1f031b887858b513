"""Close codes keep to the contract."""

import pytest

from realtime import closing
from realtime.closing import Close, close_for


def test_codes_of_the_contract() -> None:
    named = {close.name: close.code for close in vars(closing).values() if isinstance(close, Close)}
    promised = {
        "slow_consumer": 4000,
        "resync": 4001,
        "moved": 4002,
        "unauthenticated": 4500,
        "forbidden": 4501,
        "removed": 4502,
        "ended": 4503,
        "replaced": 4504,
        "malformed": 4505,
    }
    assert promised.items() <= named.items()


def test_every_named_close_is_found_by_its_code() -> None:
    named = [close for close in vars(closing).values() if isinstance(close, Close)]
    assert all(close_for(close.code) is close for close in named)
    assert close_for(4999) == Close(4999, "other")


@pytest.mark.parametrize("detail", ["", "x" * 500, "é" * 500])
def test_reason_fits_a_control_frame_and_is_utf8(detail: str) -> None:
    reason = closing.MALFORMED.reason(detail)
    assert len(reason) <= 123
    assert reason.decode().startswith("malformed")
