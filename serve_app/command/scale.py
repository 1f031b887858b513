"""`lyceum demo --scale`: a platform as large as one that has been used for years, to see that it stays fast."""

import asyncio
from collections.abc import Callable

from persistence.scale import AlreadyThere, NotTaken, Size, fill
from serve_app.command.refusing import CannotRun
from serve_app.command.storage import database_url
from serve_app.settings import LOOPBACK, Settings


def enlarge(settings: Settings, size: Size, say: Callable[[str], None]) -> None:
    """Fill the database; nobody of those who come can sign in with a password. Raises `CannotRun`."""
    if settings.bind not in LOOPBACK:
        raise CannotRun("People who do not exist are only for a system on localhost.")
    if size.users < 10 or size.courses <= size.enrollments:
        raise CannotRun(f"It takes at least 10 people and {size.enrollments + 1} courses.")
    with database_url(settings) as url:
        try:
            asyncio.run(fill(url, size, say))
        except (AlreadyThere, NotTaken) as error:
            raise CannotRun(str(error)) from error
