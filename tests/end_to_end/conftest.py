"""The whole product, started once for all tests of a run exactly as an operator starts it."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.operating import RunningLyceum, running, settings_for


@pytest.fixture(scope="session")
def lyceum() -> Iterator[RunningLyceum]:
    """The running system. It is stopped after the last test, and must leave nothing behind."""
    folder = Path(tempfile.mkdtemp(prefix="lyceum-e2e-"))
    try:
        with running(settings_for(folder / "data"), folder) as started:
            yield started
    finally:
        shutil.rmtree(folder, ignore_errors=True)
