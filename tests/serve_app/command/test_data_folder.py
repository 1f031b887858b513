"""The data folder: one owner at a time, secrets for the owner alone, and a note that survives a kill."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from serve_app.command.data_folder import DataFolder, Run, make_temporary
from serve_app.command.refusing import CannotRun


def run_of(process: psutil.Process, temporary: Path) -> Run:
    return Run(
        pid=process.pid,
        process_started=process.create_time(),
        temporary=str(temporary),
        bind="127.0.0.1",
        http_url="http://localhost:8000",
        http_port=8000,
        realtime_url="ws://localhost:8001/ws",
        realtime_port=8001,
        database_url="postgresql://u:secret@h/d",
        redis_url="redis://h",
    )


def test_second_owner_is_refused_and_told_who_is_first(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    with folder.locked(), pytest.raises(CannotRun, match=f"process {os.getpid()}"), DataFolder(tmp_path / "data").locked():
        pass
    with folder.locked():
        pass


def test_lock_ends_with_its_process(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from serve_app.command.data_folder import DataFolder\n"
        f"with DataFolder(pathlib.Path({str(tmp_path / 'data')!r})).locked():\n"
        "    print('locked', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "locked\n"
    with pytest.raises(CannotRun, match=f"process {other.pid}"), DataFolder(tmp_path / "data").locked():
        pass
    other.kill()
    other.communicate()
    with DataFolder(tmp_path / "data").locked():
        pass


def test_secrets_are_made_once_for_the_owner_alone(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    first = folder.secret("secret_key")
    assert first.stat().st_mode & 0o777 == 0o600
    assert len(first.read_text()) == 64
    assert folder.secret("secret_key").read_text() == first.read_text()
    assert folder.secret("ray_token").read_text() != first.read_text()


def test_note_is_read_back_and_for_the_owner_alone(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    assert folder.find_run() is None
    run = run_of(psutil.Process(), tmp_path)
    folder.note_run(run)
    assert folder.find_run() == run
    assert (tmp_path / "data/run.json").stat().st_mode & 0o777 == 0o600
    assert run.is_alive
    assert not replace(run, process_started=run.process_started - 60).is_alive


def test_unreadable_note_is_one_sentence(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(CannotRun, match="remove it if nothing runs"):
        folder.find_run()


def test_what_a_killed_run_left_is_ended_and_nothing_else(tmp_path: Path) -> None:
    temporary = make_temporary()
    (temporary / "ray/session_2026/logs").mkdir(parents=True)
    (temporary / "ray/session_2026/logs/worker.out").write_text("last words")
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    with (temporary / "ray/worker.log").open("w") as log:
        titled = subprocess.Popen([*sleep], stdout=log)
    named = subprocess.Popen([*sleep, f"{temporary}/h/haproxy.cfg"])
    client = subprocess.Popen([*sleep, f"postgresql://u@/d?host={temporary}/pg"])
    folder = DataFolder(tmp_path / "data")
    folder.note_run(run_of(psutil.Process(titled.pid), temporary))
    try:
        assert folder.clean_up() is True
        assert not psutil.pid_exists(titled.pid)
        assert not psutil.pid_exists(named.pid)
        assert client.poll() is None
        assert not temporary.exists()
        assert (tmp_path / "data/logs/ray/worker.out").read_text() == "last words"
        assert folder.clean_up() is False
    finally:
        for each in (titled, named, client):
            each.kill()
            each.wait(10)


def test_temporary_folder_has_room_for_the_names_of_sockets() -> None:
    temporary = make_temporary()
    try:
        deepest = temporary / "h" / ("f" * 56) / "admin.sock"
        assert len(str(deepest)) < 97
        assert temporary.stat().st_mode & 0o077 == 0
    finally:
        temporary.rmdir()
