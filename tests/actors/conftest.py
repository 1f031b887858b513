"""Hosts, gateways and dispatchers of one deployment in one loop, whose time is made up."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from classroom.progress.course import Part
from tests.actors.desk import ARTICLES, Desk
from tests.actors.school import School, a_school
from tests.actors.virtual import VirtualLoop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Time jumps from timer to timer."""
    return {"virtual": VirtualLoop}


@pytest.fixture
async def school() -> AsyncIterator[School]:
    """Two hosts on stores in memory."""
    async with a_school() as house:
        yield house


@pytest.fixture
def desk(school: School) -> Desk:
    """A course of four articles."""
    made = Desk(school)
    made.outline(*map(Part, ARTICLES))
    return made
