"""The twins of accounts and sign-ins."""

from dataclasses import dataclass, field, replace
from typing import Any

from classroom.ids import UserId
from classroom.times import Moment
from persistence.accounts import REVISABLE, Account, NewAccount, normal_email
from persistence.memory.platform import PlatformTables
from persistence.sign_ins import NotRotated, Rotated, digest_of


class MemoryAccounts:
    """An `Accounts` in dictionaries."""

    def __init__(self, tables: PlatformTables) -> None:
        self._tables = tables

    async def create(self, new: NewAccount) -> Account | None:
        """See `Accounts.create`."""
        self._tables.reach()
        email = normal_email(new.email)
        made = self._tables.accounts.get(new.id)
        if made is not None:
            return made[0] if made[0].email == email else None
        if any(account.email == email for account, _ in self._tables.accounts.values()):
            return None
        account = Account(
            id=new.id,
            email=email,
            name=new.name,
            role=new.role,
            status="active",
            headline="",
            bio="",
            avatar_url=None,
            timezone="UTC",
            email_verified_at=new.email_verified_at,
            created_at=new.now,
        )
        self._tables.accounts[new.id] = (account, new.password_hash)
        return account

    async def find(self, user_id: UserId) -> Account | None:
        """See `Accounts.find`."""
        self._tables.reach()
        held = self._tables.accounts.get(user_id)
        return held[0] if held is not None else None

    async def find_by_email(self, email: str) -> tuple[Account, str] | None:
        """See `Accounts.find_by_email`."""
        self._tables.reach()
        wanted = normal_email(email)
        return next((held for held in self._tables.accounts.values() if held[0].email == wanted), None)

    async def revise(self, user_id: UserId, changes: dict[str, Any], now: Moment) -> Account | None:
        """See `Accounts.revise`."""
        self._tables.reach()
        held = self._tables.accounts.get(user_id)
        if held is None:
            return None
        revised = replace(held[0], **{name: changes[name] for name in changes if name in REVISABLE})
        self._tables.accounts[user_id] = (revised, held[1])
        return revised

    async def set_password_hash(self, user_id: UserId, password_hash: str) -> None:
        """See `Accounts.set_password_hash`."""
        self._tables.reach()
        held = self._tables.accounts.get(user_id)
        if held is not None:
            self._tables.accounts[user_id] = (held[0], password_hash)


@dataclass
class _Family:
    id: str
    user_id: UserId
    expires_at: Moment
    revoked: bool = False
    unused: set[bytes] = field(default_factory=set)
    used: set[bytes] = field(default_factory=set)


class MemorySignIns:
    """A `SignIns` in dictionaries."""

    def __init__(self, tables: PlatformTables) -> None:
        self._tables = tables
        self._families: dict[str, _Family] = {}

    async def open(self, family_id: str, user_id: UserId, token: str, now: Moment, expires_at: Moment) -> None:
        """See `SignIns.open`."""
        self._tables.reach()
        self._families[family_id] = _Family(family_id, user_id, expires_at, unused={digest_of(token)})

    async def rotate(self, token: str, successor: str, now: Moment) -> Rotated | NotRotated:
        """See `SignIns.rotate`."""
        self._tables.reach()
        digest = digest_of(token)
        family = self._find(digest)
        if family is None or family.revoked or family.expires_at <= now:
            return NotRotated(reused=False)
        if digest in family.used:
            family.revoked = True
            return NotRotated(reused=True)
        family.unused.discard(digest)
        family.used.add(digest)
        family.unused.add(digest_of(successor))
        return Rotated(family.user_id, family.id, family.expires_at)

    async def revoke(self, token: str, now: Moment) -> None:
        """See `SignIns.revoke`."""
        self._tables.reach()
        family = self._find(digest_of(token))
        if family is not None:
            family.revoked = True

    async def revoke_family(self, family_id: str, now: Moment) -> None:
        """See `SignIns.revoke_family`."""
        self._tables.reach()
        if family_id in self._families:
            self._families[family_id].revoked = True

    def _find(self, digest: bytes) -> _Family | None:
        return next((held for held in self._families.values() if digest in held.unused | held.used), None)
