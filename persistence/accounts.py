"""People: who has an account, and what others may read about them."""

from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Row, Select, insert, select, update
from sqlalchemy.exc import IntegrityError

from classroom.callers import Role
from classroom.ids import UserId
from classroom.times import Moment
from persistence.database import Database
from persistence.jobs import enqueue
from persistence.models import User


@dataclass(frozen=True)
class Account:
    """A person as the platform knows them. `status` is `active` or `banned`; `locale` a language tag such as `en` or
    `pt-BR`; `preferences` what they chose, by area."""

    id: UserId
    email: str
    name: str
    role: Role
    status: str
    headline: str
    bio: str
    avatar_url: str | None
    timezone: str
    locale: str
    preferences: dict[str, Any]
    email_verified_at: Moment | None
    created_at: Moment
    status_changed_at: Moment | None
    ban_reason: str | None


@dataclass(frozen=True)
class NewAccount:
    """What it takes to open an account."""

    id: UserId
    email: str
    name: str
    role: Role
    password_hash: str
    now: Moment
    email_verified_at: Moment | None = None
    mail_verification: bool = False
    """Whether a mail that lets the owner prove the address is sent, if and only if the account is made."""


class Accounts(Protocol):
    """The people. Every call raises StoreAway when Postgres is away. Deleted accounts are not found."""

    async def create(self, new: NewAccount) -> Account | None:
        """Open the account; None when an account with this e-mail address exists.

        The same id again is answered with the account that it made, so that a repeated request opens one account.
        """
        ...

    async def find(self, user_id: UserId) -> Account | None:
        """The account, or None."""
        ...

    async def find_by_email(self, email: str) -> tuple[Account, str] | None:
        """The account with this address, whatever its case, and its password hash; or None."""
        ...

    async def revise(self, user_id: UserId, changes: dict[str, Any], now: Moment) -> Account | None:
        """Set some of what `REVISABLE` names; None when there is no such account."""
        ...

    async def renew_password_hash(self, user_id: UserId, old: str, new: str) -> None:
        """Replace the password's hash by another of the same password; nothing when it is not `old` any more."""
        ...


class PostgresAccounts:
    """`Accounts` in the table `users`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, new: NewAccount) -> Account | None:
        """See `Accounts.create`."""
        try:
            async with self._database.writing() as connection:
                await connection.execute(
                    insert(User).values(
                        id=new.id,
                        email=normal_email(new.email),
                        name=new.name,
                        role=new.role.value,
                        password_hash=new.password_hash,
                        email_verified_at=new.email_verified_at,
                        created_at=new.now,
                        updated_at=new.now,
                    )
                )
                if new.mail_verification:
                    await enqueue(connection, "account.verify", {"userId": new.id})
        except IntegrityError:
            made = await self.find(new.id)
            return made if made is not None and made.email == normal_email(new.email) else None
        return await self.find(new.id)

    async def find(self, user_id: UserId) -> Account | None:
        """See `Accounts.find`."""
        async with self._database.reading() as connection:
            row = (await connection.execute(accounts().where(User.id == user_id))).one_or_none()
        return account_of(row) if row is not None else None

    async def find_by_email(self, email: str) -> tuple[Account, str] | None:
        """See `Accounts.find_by_email`."""
        async with self._database.reading() as connection:
            row = (await connection.execute(accounts().where(User.email == normal_email(email)))).one_or_none()
        return (account_of(row), row.password_hash) if row is not None else None

    async def revise(self, user_id: UserId, changes: dict[str, Any], now: Moment) -> Account | None:
        """See `Accounts.revise`."""
        async with self._database.writing() as connection:
            await connection.execute(
                update(User)
                .where(User.id == user_id, User.deleted_at.is_(None))
                .values(**{name: changes[name] for name in changes if name in REVISABLE}, updated_at=now)
            )
        return await self.find(user_id)

    async def renew_password_hash(self, user_id: UserId, old: str, new: str) -> None:
        """See `Accounts.renew_password_hash`."""
        statement = update(User).where(User.id == user_id, User.password_hash == old).values(password_hash=new)
        async with self._database.writing() as connection:
            await connection.execute(statement)


REVISABLE = frozenset({"name", "headline", "bio", "avatar_url", "timezone", "locale", "preferences"})
"""What a person may change in the own account."""
NAME_OF_GONE = "Deleted account"
"""Stands where a name would."""


def normal_email(email: str) -> str:
    """The one way in which an address is stored and looked up."""
    return email.strip().lower()


def shown_name(table: str = "u") -> str:
    """SQL: the name under which something is shown that somebody wrote or did, who may have deleted the account."""
    return f"CASE WHEN {table}.deleted_at IS NULL THEN {table}.name ELSE '{NAME_OF_GONE}' END"


def accounts() -> Select[Any]:
    """Every column of the accounts that are not deleted."""
    return select(*User.__table__.columns).where(User.deleted_at.is_(None))


def account_of(row: Row[Any]) -> Account:
    """The account in a row of `accounts()`."""
    return Account(
        id=UserId(row.id),
        email=row.email,
        name=row.name,
        role=Role(row.role),
        status=row.status,
        headline=row.headline,
        bio=row.bio,
        avatar_url=row.avatar_url,
        timezone=row.timezone,
        locale=row.locale,
        preferences=row.preferences,
        email_verified_at=row.email_verified_at,
        created_at=row.created_at,
        status_changed_at=row.status_changed_at,
        ban_reason=row.ban_reason,
    )
