"""A system that may be broken: started for one campaign, ended with it."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from loadtests.prepared import PreparedClass, read_prepared
from tests.end_to_end.operating import RunningLyceum, running, settings_for


@contextmanager
def a_system(small_disk: bool, ports: tuple[int, int] | None = None, logs: Path | None = None) -> Iterator[RunningLyceum]:
    """One of our own, with a grace so long that nobody is sent out meanwhile; if wished, its data on 1 GB of memory that
    can be filled (needs root), and its logs kept in a folder that does not exist yet."""
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    folder.chmod(0o711)
    data_dir = folder / "data"
    data_dir.mkdir()
    chosen = {"LYCEUM_HTTP_PORT": str(ports[0]), "LYCEUM_REALTIME_PORT": str(ports[1])} if ports else {}
    try:
        with _small_disk(data_dir) if small_disk else nullcontext():
            try:
                with running(settings_for(data_dir, LYCEUM_RECONNECT_GRACE_SECONDS="3600", **chosen), folder) as lyceum:
                    yield lyceum
            finally:
                if logs is not None:
                    shutil.copytree(data_dir / "logs", logs)
                    for log in folder.glob("*.log"):
                        shutil.copy(log, logs)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    """1 GB of memory is mounted there; it is taken away whatever happens, and at the latest when nobody uses it any more."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1g,mode=0755", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def prepare(lyceum: RunningLyceum) -> PreparedClass:
    """A course with students; the classes of each trial are made in it."""
    done = lyceum.command("loadtest", "prepare", "--students", "30", "--capacity", "1", timeout=120)
    assert done.returncode == 0, done.stderr
    return read_prepared(done.stdout)
