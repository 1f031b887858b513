"""Tokens that are mailed to prove an address or to set a new password: each good once, and kept as a digest."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.ids import UserId
from classroom.times import MINUTE, Moment
from persistence.accounts import normal_email
from persistence.database import Database
from persistence.jobs import enqueue
from persistence.models import MomentType, User
from persistence.sign_ins import digest_of, end_all
from persistence.tables.jobs import AccountToken

HOUR = 60 * MINUTE
VERIFY = "verify_email"
RESET = "reset_password"
AN_HOUR_AT_MOST = 5
"""So many of a purpose are made for a person within an hour: nobody's mailbox is flooded from here."""


@dataclass(frozen=True)
class Addressee:
    """Somebody with an account that may be used."""

    id: UserId
    name: str
    email: str
    verified: bool


@dataclass(frozen=True)
class PasswordReset:
    """A new password was set, and these sign-ins ended with the old one."""

    user_id: UserId
    families: Sequence[str]


class AccountTokens:
    """The table `account_tokens`. Every call raises StoreAway when Postgres is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_addressee(self, *, user_id: str | None = None, email: str | None = None) -> Addressee | None:
        """Whom to write to, by one of both; None when there is nobody, or the account is disabled."""
        chosen = User.id == user_id if user_id is not None else User.email == normal_email(email or "")
        statement = select(User.id, User.name, User.email, User.email_verified_at).where(
            chosen, User.deleted_at.is_(None), User.status == "active"
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(statement)).one_or_none()
        return None if row is None else Addressee(UserId(row.id), row.name, row.email, row.email_verified_at is not None)

    async def issue(self, to: Addressee, purpose: str, token: str, now: Moment, expires_at: Moment) -> bool:
        """Make the token good for the address that it is mailed to. False when the person had five within the hour."""
        async with self._database.writing() as connection:
            # The person's row is the lock: of several at once the sixth is too many.
            await connection.execute(select(User.id).where(User.id == to.id).with_for_update())
            since = select(func.count()).where(
                AccountToken.user_id == to.id, AccountToken.purpose == purpose, AccountToken.created_at > now - HOUR
            )
            if (await connection.execute(since)).scalar_one() >= AN_HOUR_AT_MOST:
                return False
            await connection.execute(
                insert(AccountToken).values(
                    digest=digest_of(token),
                    user_id=to.id,
                    purpose=purpose,
                    email=to.email,
                    created_at=now,
                    expires_at=expires_at,
                )
            )
        return True

    async def is_good(self, purpose: str, token: str, now: Moment) -> bool:
        """Whether `token` would be taken. Nothing is used up."""
        async with self._database.reading() as connection:
            found = await connection.execute(select(AccountToken.user_id).where(*_good(purpose, token, now)))
            return found.one_or_none() is not None

    async def verify_email(self, token: str, now: Moment) -> UserId | None:
        """Use the token up and take the address for its owner's; None when it is not good, or the address is another now."""
        async with self._database.writing() as connection:
            user_id = await _use(connection, VERIFY, token, now)
            if user_id is not None:
                await connection.execute(update(User).where(User.id == user_id).values(email_verified_at=_proved(now)))
        return user_id

    async def reset_password(self, token: str, password_hash: str, now: Moment) -> PasswordReset | None:
        """Use the token up, set the password, and end every sign-in of its owner, whose other tokens for this are void with
        it; the address is proved as well. None when the token is not good, and then nothing is changed."""
        async with self._database.writing() as connection:
            user_id = await _use(connection, RESET, token, now)
            if user_id is None:
                return None
            changes = {"password_hash": password_hash, "email_verified_at": _proved(now)}
            await connection.execute(update(User).where(User.id == user_id).values(**changes))
            await connection.execute(
                update(AccountToken)
                .where(AccountToken.user_id == user_id, AccountToken.purpose == RESET, AccountToken.used_at.is_(None))
                .values(used_at=now)
            )
            families = await end_all(connection, user_id, now, "reset")
        return PasswordReset(user_id, families)

    async def withdraw(self, token: str) -> None:
        """The token could not be mailed: it is none, and does not count."""
        async with self._database.writing() as connection:
            await connection.execute(delete(AccountToken).where(AccountToken.digest == digest_of(token)))

    async def ask(self, kind: str, email: str) -> None:
        """Have a job of this kind look whether there is somebody with this address, and write there. It takes as long
        whether there is or not."""
        named = normal_email(email)
        async with self._database.writing() as connection:
            await enqueue(connection, kind, {"email": named}, key=hashlib.sha256(named.encode()).hexdigest())

    async def forget_old(self, now: Moment) -> None:
        """Drop tokens that expired a day ago."""
        async with self._database.writing() as connection:
            await connection.execute(delete(AccountToken).where(AccountToken.expires_at < now - 24 * HOUR))


async def _use(connection: AsyncConnection, purpose: str, token: str, now: Moment) -> UserId | None:
    statement = update(AccountToken).where(*_good(purpose, token, now)).values(used_at=now).returning(AccountToken.user_id)
    found = (await connection.execute(statement)).scalar_one_or_none()
    return None if found is None else UserId(found)


def _good(purpose: str, token: str, now: Moment) -> tuple[ColumnElement[bool], ...]:
    """Not used, not expired, and its owner still has the address that it was mailed to."""
    owner = select(User.id).where(
        User.id == AccountToken.user_id, User.email == AccountToken.email, User.deleted_at.is_(None)
    )
    return (
        AccountToken.digest == digest_of(token),
        AccountToken.purpose == purpose,
        AccountToken.used_at.is_(None),
        AccountToken.expires_at > now,
        owner.exists(),
    )


def _proved(now: Moment) -> ColumnElement[Moment]:
    return func.coalesce(User.email_verified_at, literal(now, MomentType()))
