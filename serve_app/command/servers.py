"""The PostgreSQL and Redis of a run: embedded ones that are started, watched and stopped here, or external ones."""

from collections.abc import Callable
from pathlib import Path
from threading import Lock

from persistence.embedded import postgres, redis
from persistence.embedded.server import RunningServer, ServerFailed
from serve_app.command.data_folder import DataFolder
from serve_app.settings import Settings

_MOST_FAILURES = 20


class Servers:
    """Where both are, and the life of those that are ours."""

    def __init__(self, folder: DataFolder, temporary: Path, settings: Settings) -> None:
        self._folder = folder
        self._temporary = temporary
        self._settings = settings
        self._running: dict[str, tuple[RunningServer, Callable[[], RunningServer]]] = {}
        self._lock = Lock()
        self._failures = 0

    @property
    def database_url(self) -> str:
        """Where PostgreSQL answers once it is started."""
        return self._settings.database_url or postgres.url_of(self._temporary / "pg")

    @property
    def redis_url(self) -> str:
        """Where Redis answers once it is started."""
        return self._settings.redis_url or redis.url_of(self._temporary / "redis")

    @property
    def pids(self) -> set[int]:
        """The processes that are watched here."""
        return {server.process.pid for server, _ in self._running.values()}

    def start_postgres(self) -> None:
        """Start the embedded PostgreSQL unless an external one is set. Raises `ServerFailed`."""
        log = self._folder.logs / "postgres.log"
        if not self._settings.database_url:
            self._start("postgres", lambda: postgres.start(self._folder.postgres, self._temporary / "pg", log))

    def start_redis(self) -> None:
        """Start the embedded Redis unless an external one is set. Raises `ServerFailed`."""
        log = self._folder.logs / "redis.log"
        if not self._settings.redis_url:
            self._start("redis", lambda: redis.start(self._temporary / "redis", log))

    def revive(self) -> list[str]:
        """Start again what died by itself, at the same address; says which. To be called every now and then.

        Raises `ServerFailed` when that has failed 20 times in a row.
        """
        dead = [name for name, (server, _) in self._running.items() if server.process.poll() is not None]
        for name in dead:
            try:
                self._start(name, self._running[name][1])
                self._failures = 0
            except ServerFailed:
                self._failures += 1
                if self._failures >= _MOST_FAILURES:
                    raise
        return dead

    def stop(self) -> None:
        """Stop what is ours, PostgreSQL last."""
        for name in ("redis", "postgres"):
            if name in self._running:
                self._running[name][0].stop(timeout_seconds=20)

    def _start(self, name: str, start: Callable[[], RunningServer]) -> None:
        server = start()
        with self._lock:
            self._running[name] = (server, start)
