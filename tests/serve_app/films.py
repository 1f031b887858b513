"""Films for tests of renditions, made by ffmpeg."""

import asyncio
import os
import shutil

import pytest

needs_ffmpeg = pytest.mark.skipif(
    shutil.which("ffmpeg") is None and os.environ.get("CI") != "true",  # `.ci/run` installs it: there nothing is passed over
    reason="ffmpeg is not installed, and without it nothing makes renditions; on Debian: apt-get install ffmpeg",
)


async def ffmpeg(*arguments: str) -> None:
    """Run ffmpeg to its end; it must succeed."""
    process = await asyncio.create_subprocess_exec("ffmpeg", "-nostdin", "-v", "error", "-y", *arguments)
    assert await process.wait() == 0
