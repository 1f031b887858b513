"""`lyceum user create` and `lyceum token`: accounts without the web pages."""

import time

from classroom.callers import Caller, Role
from classroom.ids import UserId
from classroom.times import MINUTE, SECOND, Moment
from persistence.accounts import NewAccount, PostgresAccounts
from persistence.database import Database
from persistence.ids import new_id
from persistence.tokens import AccessTokens
from serve_app.command.refusing import CannotRun
from serve_app.command.storage import secret_key, with_database
from serve_app.passwords import Passwords
from serve_app.settings import Settings

_SHORTEST_PASSWORD = 8


def now() -> Moment:
    """This moment."""
    return Moment(time.time_ns() // 1_000)


def create_user(settings: Settings, email: str, password: str, role: Role, name: str, verified: bool) -> str:
    """Open an account; its id. Raises `CannotRun` when the address has one or the password is too short."""
    if "@" not in email.strip("@ "):
        raise CannotRun(f"{email!r} is not an e-mail address.")
    if len(password) < _SHORTEST_PASSWORD:
        raise CannotRun(f"The password needs at least {_SHORTEST_PASSWORD} characters.")

    async def create(database: Database) -> str:
        moment = now()
        passwords = Passwords(threads=1)
        try:
            password_hash = await passwords.hash(password)
        finally:
            passwords.close()
        made = await PostgresAccounts(database).create(
            NewAccount(UserId(new_id()), email, name, role, password_hash, moment, moment if verified else None)
        )
        if made is None:
            raise CannotRun(f"An account with the address {email} exists already.")
        return made.id

    return with_database(settings, create)


def access_token(settings: Settings, email: str) -> str:
    """An access token for the account with this address. Raises `CannotRun` when there is none, or it may not sign in."""

    async def find(database: Database) -> Caller:
        found = await PostgresAccounts(database).find_by_email(email)
        if found is None:
            raise CannotRun(f"There is no account with the address {email}.")
        account = found[0]
        if account.status != "active":
            raise CannotRun(f"The account with the address {email} is disabled.")
        return Caller(account.id, account.name, account.role)

    caller = with_database(settings, find)
    lifetime = settings.access_token_minutes * MINUTE // SECOND
    return AccessTokens(secret_key(settings)).make(caller, now(), lifetime, new_id())
