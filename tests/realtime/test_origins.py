"""Pages that may and may not connect."""

import pytest

from realtime.origins import origin_allowed


@pytest.mark.parametrize(
    ("origin", "host", "allowed", "verdict"),
    [
        (None, "class.example:8001", (), True),
        (None, "class.example:8001", ("https://other.example",), True),
        ("http://class.example:8000", "class.example:8001", (), True),
        ("https://CLASS.example", "class.EXAMPLE:8001", (), True),
        ("http://localhost:8000", "127.0.0.1:8001", (), True),
        ("http://[::1]:8000", "localhost:8001", (), True),
        ("http://evil.example", "class.example:8001", (), False),
        ("http://class.example.evil.example", "class.example", (), False),
        ("http://evil.example@class.example", "evil.example", (), False),
        ("null", "class.example", (), False),
        ("", "class.example", (), False),
        ("http://[bad", "class.example", (), False),
        ("http://class.example", "", (), False),
        ("https://a.example", "gateway.internal", ("https://a.example/", "https://b.example"), True),
        ("https://c.example", "c.example", ("https://a.example",), False),
        ("http://a.example", "a.example", ("https://a.example",), False),
    ],
)
def test_origin(origin: str | None, host: str, allowed: tuple[str, ...], verdict: bool) -> None:
    assert origin_allowed(origin, host, allowed) is verdict
