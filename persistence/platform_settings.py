"""Settings that admins change while the platform runs. Every replica reads them from the table, a moment late at most."""

import asyncio
import time
from dataclasses import dataclass, fields, replace
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as pg_insert

from classroom.ids import UserId
from classroom.times import Moment
from persistence.audit import Act, write_act
from persistence.database import Database
from persistence.tables.events import PlatformSetting

CACHE_SECONDS = 2.0
"""So long a replica may go by what it read last."""


@dataclass(frozen=True)
class PlatformSettings:
    """What admins may choose; None: as the operator's environment says."""

    registration_open: bool | None = None
    email_verification: bool | None = None
    course_review: bool | None = None
    event_retention_months: int | None = None


NAMES = tuple(field.name for field in fields(PlatformSettings))


class PlatformSettingsStore:
    """The settings. `current` asks at most once in `CACHE_SECONDS`; every call may raise StoreAway."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known = PlatformSettings()
        self._good_until = 0.0
        self._reading = asyncio.Lock()

    async def current(self) -> PlatformSettings:
        """What holds now, or held a moment ago."""
        if time.monotonic() < self._good_until:
            return self._known
        async with self._reading:
            if time.monotonic() >= self._good_until:
                self._keep(await self.read())
        return self._known

    async def read(self) -> PlatformSettings:
        """What holds now."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(select(PlatformSetting.name, PlatformSetting.value))).all()
        return PlatformSettings(**{row.name: row.value for row in rows if row.name in NAMES})

    async def change(self, changes: dict[str, Any], actor: UserId, now: Moment) -> PlatformSettings:
        """Set these; None gives one back to the environment. Goes on record with what was before."""
        async with self._database.writing() as connection:
            rows = (await connection.execute(select(PlatformSetting).with_for_update())).all()
            before = {row.name: row.value for row in rows}
            moved = {name: value for name, value in changes.items() if name in NAMES and before.get(name) != value}
            for name, value in moved.items():
                if value is None:
                    await connection.execute(delete(PlatformSetting).where(PlatformSetting.name == name))
                    continue
                set_ = {"value": value, "updated_at": now, "updated_by": actor}
                await connection.execute(
                    pg_insert(PlatformSetting)
                    .values(name=name, **set_)
                    .on_conflict_do_update(index_elements=[PlatformSetting.name], set_=set_)
                )
            if moved:
                details = {"before": {name: before.get(name) for name in moved}, "after": moved}
                await write_act(connection, Act(actor, "settings.change", "settings", None, details), now)
        settings = await self.read()
        self._keep(settings)
        return settings

    def _keep(self, settings: PlatformSettings) -> None:
        self._known = replace(settings)
        self._good_until = time.monotonic() + CACHE_SECONDS
