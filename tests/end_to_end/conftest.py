"""The whole product, started once for all tests of a run exactly as an operator starts it."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.operating import (
    STOP_SECONDS,
    RunningLyceum,
    assert_nothing_left,
    settings_for,
    spawn_up,
    stop,
    wait_ready,
)


@pytest.fixture(scope="session")
def lyceum() -> Iterator[RunningLyceum]:
    """The running system. It is stopped after the last test, and must leave nothing behind."""
    folder = Path(tempfile.mkdtemp(prefix="lyceum-e2e-"))
    data_dir, log = folder / "data", folder / "up.log"
    env = settings_for(data_dir)
    process = spawn_up(env, log)
    try:
        run = wait_ready(process, data_dir, log)
        yield RunningLyceum(
            http_url=f"http://127.0.0.1:{run['http_port']}",
            realtime_url=f"ws://127.0.0.1:{run['realtime_port']}/ws",
            data_dir=data_dir,
            pid=process.pid,
            database_url=str(run["database_url"]),
            redis_url=str(run["redis_url"]),
            env=env,
        )
        stop(process, log)
        assert_nothing_left(run, data_dir)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(STOP_SECONDS)
        shutil.rmtree(folder, ignore_errors=True)
