"""The tables of a system that starts."""

import pytest

from serve_app.command import tables
from serve_app.command.refusing import CannotRun
from serve_app.settings import Settings


def test_what_keeps_the_tables_from_being_made_is_said_in_a_sentence() -> None:
    settings = Settings(database_url="postgresql://nobody@127.0.0.1:1/lyceum")
    with pytest.raises(CannotRun, match=r"^The database cannot be reached: "):
        tables.prepare(settings)
