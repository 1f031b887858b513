"""Folders of jobs: gone when the job is over, and when its worker was killed, a day later."""

import os
import time
from pathlib import Path

from actors.jobs.work_folders import FORGOTTEN_SECONDS, work_folder


async def test_a_folder_is_gone_with_the_block(tmp_path: Path) -> None:
    async with work_folder(tmp_path, "recording") as folder:
        (folder / "film").write_bytes(b"pictures")
        assert folder.parent == tmp_path / "work"
    assert list((tmp_path / "work").iterdir()) == []


async def test_what_a_killed_worker_left_goes_after_a_day_and_nothing_else_does(tmp_path: Path) -> None:
    old, young = tmp_path / "work" / "recording-old", tmp_path / "work" / "recording-young"
    for each in (old, young):
        each.mkdir(parents=True)
        (each / "film").write_bytes(b"pictures")
    long_ago = time.time() - FORGOTTEN_SECONDS - 60
    os.utime(old, (long_ago, long_ago))
    async with work_folder(tmp_path, "renditions") as folder:
        assert sorted((tmp_path / "work").iterdir()) == sorted((folder, young))
