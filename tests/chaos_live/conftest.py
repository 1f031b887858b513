"""The mark of the tests that break a running system."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """`-m "not chaos"` leaves them out."""
    config.addinivalue_line("markers", "chaos: kills parts of a running system, by a seed")
