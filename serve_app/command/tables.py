"""The tables of a system that starts, made ready in a process of its own: meanwhile this one imports Ray."""

import os
import subprocess
import sys

from serve_app.command.refusing import CannotRun
from serve_app.settings import Settings

_SECONDS = 300  # a large table may be rewritten


def prepare(settings: Settings) -> None:
    """Bring the tables up to this release and, without demo mode, shut the demo people out. Raises `CannotRun`."""
    environment = {**os.environ, "LYCEUM_DATABASE_URL": settings.database_url, "LYCEUM_DEMO": str(settings.demo)}
    try:
        done = subprocess.run(  # noqa: S603 - this interpreter and this module
            [sys.executable, "-m", __name__], env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as late:
        raise CannotRun(f"The tables were not ready within {_SECONDS} s.") from late
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise CannotRun(said[-1] if said else f"The tables could not be made: exit code {done.returncode}.")


def main() -> None:
    """What the process does; exit code 1 with a sentence as its last line on standard error."""
    from serve_app.command import demo, storage  # with SQLAlchemy and Alembic

    settings = Settings()
    try:
        storage.migrate(settings.database_url)
        if not settings.demo:
            demo.shut_out(settings)
    except CannotRun as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
