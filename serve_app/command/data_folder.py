"""The folder under `LYCEUM_DATA_DIR`: its lock, its secrets, and the note that a running `lyceum up` leaves in it."""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil

from persistence.embedded import postgres, redis
from serve_app.command.processes import end_all
from serve_app.command.refusing import CannotRun
from serve_app.settings import local_address, url_host

_LAYOUT = "1"


@dataclass(frozen=True)
class Run:
    """What others need to know about a run. The URLs carry credentials: the file is for its owner alone."""

    pid: int
    process_started: float
    temporary: str
    bind: str
    http_url: str
    http_port: int
    realtime_url: str
    realtime_port: int
    database_url: str
    redis_url: str
    address: str | None = None
    """The Ray cluster that was joined, when the run is not on this machine alone."""
    ready: bool = False

    @property
    def is_alive(self) -> bool:
        """Whether the process that wrote this is still there (and not another one with its number)."""
        try:
            return abs(psutil.Process(self.pid).create_time() - self.process_started) < 1
        except psutil.NoSuchProcess:
            return False

    @property
    def local_url(self) -> str:
        """Where the site answers on this machine, whatever its public address."""
        return f"http://{url_host(local_address(self.bind))}:{self.http_port}"

    @property
    def work_folders(self) -> tuple[Path, ...]:
        """Where the processes of this run, and nobody else's, keep their files open."""
        return (Path(self.temporary) / "ray", Path(self.temporary) / "h")


class DataFolder:
    """The folder, made if need be. Raises `CannotRun` when it cannot be used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            (path / "logs").mkdir(exist_ok=True)
            layout = path / "layout"
            if not layout.exists():
                layout.write_text(_LAYOUT + "\n")
            found = layout.read_text().strip()
        except (PermissionError, NotADirectoryError, FileExistsError, OSError) as error:
            raise CannotRun(f"The data folder {path} cannot be used: {error.strerror}.") from error
        if found != _LAYOUT:
            raise CannotRun(
                f"The data folder {path} belongs to another version of Lyceum (layout {found[:20]}; this is {_LAYOUT})."
            )

    @property
    def postgres(self) -> Path:
        """Where the embedded PostgreSQL keeps its data."""
        return self.path / "postgres"

    @property
    def logs(self) -> Path:
        """Where logs are kept."""
        return self.path / "logs"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else works on this folder inside the block. The lock ends with the process, however it ends."""
        try:
            file = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise CannotRun(f"The data folder {self.path} cannot be used: {error.strerror}.") from error
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                owner = os.pread(file, 32, 0).decode().strip()
                raise CannotRun(
                    f"Lyceum already works on {self.path} (process {owner or 'unknown'}); `lyceum down` stops it."
                ) from error
            os.ftruncate(file, 0)
            os.pwrite(file, str(os.getpid()).encode(), 0)
            yield
        finally:
            os.close(file)

    def secret(self, name: str) -> Path:
        """A file with 64 random hexadecimal digits that only its owner can read; made the first time."""
        path = self.path / name
        try:
            if not path.exists():
                fresh = path.with_name(f"{name}.{os.getpid()}")
                with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123 - with its mode from the start
                    file.write(secrets.token_hex(32))
                fresh.rename(path)
            path.chmod(0o600)
        except OSError as error:
            raise CannotRun(f"The secret {path} cannot be used: {error.strerror}.") from error
        return path

    def find_run(self) -> Run | None:
        """The note of the last run that did not end in order; it may be alive."""
        try:
            return Run(**json.loads((self.path / "run.json").read_text()))
        except FileNotFoundError:
            return None
        except PermissionError as error:
            raise CannotRun(f"The data folder {self.path} belongs to another user.") from error
        except (ValueError, TypeError) as error:
            raise CannotRun(f"The file {self.path / 'run.json'} cannot be read; remove it if nothing runs.") from error

    def note_run(self, run: Run) -> None:
        """Write the note, whole or not at all."""
        fresh = self.path / "run.json.new"
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123 - with its mode from the start
            json.dump(asdict(run), file)
        fresh.rename(self.path / "run.json")

    def note_ready(self) -> None:
        """The run serves."""
        run = self.find_run()
        if run is not None:
            self.note_run(replace(run, ready=True))

    def forget_run(self) -> None:
        """Remove the note and the run's temporary folder; the logs of its Ray are kept until the next run."""
        run = self.find_run()
        if run is not None:
            self._keep_ray_logs(Path(run.temporary))
            shutil.rmtree(run.temporary, ignore_errors=True)
            (self.path / "run.json").unlink(missing_ok=True)

    def clean_up(self) -> bool:
        """End what a killed run left behind; says whether there was anything. Only for the holder of the lock."""
        run = self.find_run()
        if run is not None:
            end_all(run.work_folders, patience_seconds=3)
            redis.end_leftover(Path(run.temporary) / "redis")
        found = postgres.end_leftover(self.postgres)
        self.forget_run()
        return run is not None or found

    def _keep_ray_logs(self, temporary: Path) -> None:
        session = next(iter(sorted((temporary / "ray").glob("session_2*/logs"))), None)
        if session is not None:
            shutil.rmtree(self.logs / "ray", ignore_errors=True)
            shutil.move(session, self.logs / "ray")


def make_temporary() -> Path:
    """A folder of our own for sockets, with a name short enough for them."""
    parent = tempfile.gettempdir()
    if len(parent) > 12:  # a socket's path has room for 97 characters, of which Ray and HAProxy use 75 below this folder
        parent = "/tmp"  # noqa: S108 - made with mkdtemp
    return Path(tempfile.mkdtemp(prefix="lyceum-", dir=parent))
