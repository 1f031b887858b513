"""Histories in made-up time: the same seed always takes the same turns."""

import asyncio
from collections.abc import Callable

import pytest

from tests.actors.virtual import VirtualLoop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Time jumps from timer to timer."""
    return {"virtual": VirtualLoop}
