"""What the tests of live video share."""

import pytest

from loadtests.benchmarks.media_clip import Clip, encode


@pytest.fixture(scope="session")
def clip() -> Clip:
    """A second of pictures and sound, encoded once."""
    return encode(1)
