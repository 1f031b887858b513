"""Sign-ins: families of rotating refresh tokens (RFC 9700, section 4.14.2), each token known by its digest only."""

import hashlib
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.ids import UserId
from classroom.times import SECOND, Moment
from persistence.database import Database
from persistence.models import RefreshFamily, RefreshToken, User

DAY = 86_400 * SECOND


@dataclass(frozen=True)
class Rotated:
    """The old token was good and is used up now; the new one stands in its place."""

    user_id: UserId
    family_id: str
    expires_at: Moment


@dataclass(frozen=True)
class NotRotated:
    """No new token. `reused` says that the old one had been used before: its whole family, `family_id`, is revoked now."""

    reused: bool
    family_id: str | None = None


class SignIns(Protocol):
    """The sign-ins. Every call raises StoreAway when Postgres is away."""

    async def open(
        self, family_id: str, user_id: UserId, password_hash: str, token: str, now: Moment, expires_at: Moment
    ) -> bool:
        """Begin a family with its first token; good until `expires_at`, however often it rotates. False when the account is
        not active any more, or its password is not the one of this hash: whoever was let in by it stays outside."""
        ...

    async def rotate(self, token: str, successor: str, now: Moment) -> Rotated | NotRotated:
        """Use `token` up and put `successor` in its place. Of two at once with the same token one is a reuse."""
        ...

    async def revoke(self, token: str, now: Moment) -> str | None:
        """End the family that `token` belongs to; which it is, also when it had ended before. None when unknown."""
        ...

    async def revoke_family(self, family_id: str, now: Moment) -> None:
        """End this family; nothing when there is none."""
        ...

    async def forget_expired(self, now: Moment, limit: int = 1_000) -> int:
        """Drop up to `limit` families that expired a day ago, with their tokens; how many went."""
        ...


class PostgresSignIns:
    """`SignIns` in the tables `refresh_families` and `refresh_tokens`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(
        self, family_id: str, user_id: UserId, password_hash: str, token: str, now: Moment, expires_at: Moment
    ) -> bool:
        """See `SignIns.open`."""
        # Whatever ends all sign-ins changes the account first: it waits for this family and ends it, or this waits for it.
        standing = (
            select(User.id)
            .where(
                User.id == user_id,
                User.status == "active",
                User.deleted_at.is_(None),
                User.password_hash == password_hash,
            )
            .with_for_update(read=True)
        )
        async with self._database.writing() as connection:
            if (await connection.execute(standing)).one_or_none() is None:
                return False
            await connection.execute(
                insert(RefreshFamily).values(id=family_id, user_id=user_id, created_at=now, expires_at=expires_at)
            )
            await connection.execute(
                insert(RefreshToken).values(digest=digest_of(token), family_id=family_id, issued_at=now)
            )
        return True

    async def rotate(self, token: str, successor: str, now: Moment) -> Rotated | NotRotated:
        """See `SignIns.rotate`."""
        async with self._database.writing() as connection:
            # The family's row is the lock: rotations of one family happen one after another.
            row = (
                await connection.execute(
                    select(RefreshFamily)
                    .with_only_columns(*RefreshFamily.__table__.columns)
                    .join(RefreshToken, RefreshToken.family_id == RefreshFamily.id)
                    .where(RefreshToken.digest == digest_of(token))
                    .with_for_update(of=RefreshFamily)
                )
            ).one_or_none()
            if row is None or row.revoked_at is not None or row.expires_at <= now:
                return NotRotated(reused=False)
            used = await connection.execute(
                update(RefreshToken)
                .where(RefreshToken.digest == digest_of(token), RefreshToken.used_at.is_(None))
                .values(used_at=now)
            )
            if used.rowcount == 0:
                await connection.execute(
                    update(RefreshFamily).where(RefreshFamily.id == row.id).values(revoked_at=now, revoked_for="reuse")
                )
                return NotRotated(reused=True, family_id=row.id)
            await connection.execute(
                insert(RefreshToken).values(digest=digest_of(successor), family_id=row.id, issued_at=now)
            )
            return Rotated(UserId(row.user_id), row.id, row.expires_at)

    async def revoke(self, token: str, now: Moment) -> str | None:
        """See `SignIns.revoke`."""
        family = select(RefreshToken.family_id).where(RefreshToken.digest == digest_of(token))
        async with self._database.writing() as connection:
            family_id = (await connection.execute(family)).scalar_one_or_none()
            if family_id is not None:
                await connection.execute(
                    update(RefreshFamily)
                    .where(RefreshFamily.id == family_id, RefreshFamily.revoked_at.is_(None))
                    .values(revoked_at=now, revoked_for="logout")
                )
        return family_id

    async def revoke_family(self, family_id: str, now: Moment) -> None:
        """See `SignIns.revoke_family`."""
        async with self._database.writing() as connection:
            await connection.execute(
                update(RefreshFamily)
                .where(RefreshFamily.id == family_id, RefreshFamily.revoked_at.is_(None))
                .values(revoked_at=now, revoked_for="logout")
            )

    async def forget_expired(self, now: Moment, limit: int = 1_000) -> int:
        """See `SignIns.forget_expired`."""
        old = select(RefreshFamily.id).where(RefreshFamily.expires_at < now - DAY).limit(limit)
        statement = delete(RefreshFamily).where(RefreshFamily.id.in_(old.with_for_update(skip_locked=True)))
        async with self._database.writing() as connection:
            return (await connection.execute(statement)).rowcount


async def end_all(connection: AsyncConnection, user_id: UserId, now: Moment, why: str) -> list[str]:
    """End every sign-in of this person that still stands, in the transaction of the cause (`why`, one word); the families,
    whose access tokens are then to be denied."""
    ended = await connection.execute(
        update(RefreshFamily)
        .where(RefreshFamily.user_id == user_id, RefreshFamily.revoked_at.is_(None), RefreshFamily.expires_at > now)
        .values(revoked_at=now, revoked_for=why)
        .returning(RefreshFamily.id)
    )
    return list(ended.scalars())


def digest_of(token: str) -> bytes:
    """What is stored of a token: its SHA-256. The token is 256 random bits, so no salt is needed."""
    return hashlib.sha256(token.encode(errors="replace")).digest()
