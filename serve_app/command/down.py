"""`lyceum down`: stop what `lyceum up` started, from another terminal."""

import os
import signal

import psutil
from rich.console import Console

from serve_app.command.data_folder import DataFolder
from serve_app.command.processes import wait_gone
from serve_app.command.refusing import CannotRun
from serve_app.settings import Settings

_SECONDS = 60


def down(settings: Settings, console: Console) -> None:
    """Ask the run on this data folder to stop and wait for it; clean up after one that was killed. Raises `CannotRun`."""
    folder = DataFolder(settings.data_dir)
    run = folder.find_run()
    if run is None or not run.is_alive:
        with folder.locked():
            cleaned = folder.clean_up()
        console.print("Cleaned up after a run that was killed." if cleaned else f"Nothing runs on {settings.data_dir}.")
        return
    try:
        os.kill(run.pid, signal.SIGTERM)
    except PermissionError as error:
        raise CannotRun(f"Lyceum runs as another user (process {run.pid}); stop it as that user.") from error
    if not wait_gone([psutil.Process(run.pid)], _SECONDS):
        raise CannotRun(f"Lyceum (process {run.pid}) did not stop within {_SECONDS} s.")
    console.print("Stopped; the data is kept.")
