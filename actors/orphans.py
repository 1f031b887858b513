"""A worker whose raylet has died must not live on: nobody can reach it, and its classes would stay with it."""

import os
import threading
import time

import structlog

LOOK_SECONDS = 0.5

_log = structlog.get_logger(__name__)


def end_with_parent() -> None:
    """End this process, as a crash would, soon after the one that started it has ended. Ray's workers do so only when
    process 1 adopts them, and not when `lyceum up` or another ancestor does."""
    threading.Thread(target=_watch, args=(os.getppid(),), name="orphan-watch", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)  # the kernel has no event for it that a thread of the parent's could not set off too early
    _log.error("parent_ended", parent=parent)
    os._exit(1)
