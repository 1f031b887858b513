"""Folders in which jobs work on large files; what a worker that was killed left in one goes with the next."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

FORGOTTEN_SECONDS = 86_400.0
"""No job takes so long: an older folder is nobody's."""


@asynccontextmanager
async def work_folder(data_dir: Path, name: str) -> AsyncIterator[Path]:
    """A new folder below `work/`, removed with all that is in it when the block ends."""
    work = data_dir / "work"
    folder = await asyncio.to_thread(_begin, work, name)
    try:
        yield folder
    finally:
        await asyncio.to_thread(shutil.rmtree, folder)


def _begin(work: Path, name: str) -> Path:
    work.mkdir(parents=True, exist_ok=True)
    for left in work.iterdir():
        # Another worker of this machine may clear the same one away.
        if left.is_dir() and time.time() - _changed_at(left) > FORGOTTEN_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=work))


def _changed_at(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:
        return time.time()
