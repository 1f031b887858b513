from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from classroom.callers import Role
from persistence.account_tokens import RESET, Addressee
from persistence.ids import new_id
from persistence.sign_ins import PostgresSignIns
from tests.serve_app.edges import PASSWORD

Meanwhile = Callable[[Any, Any], Awaitable[None]]


async def set_a_new_password(edge: Any, person: Any) -> None:
    tokens, token, now = edge.parts.stores.account_tokens, new_id(), edge.parts.clock()
    assert await tokens.issue(
        Addressee(person.id, person.name, person.email, verified=True), RESET, token, now, now + 3_600_000_000
    )
    body = {"token": token, "password": "another horse entirely"}
    assert (await edge.visitor.post("/api/auth/password/reset", json=body)).status_code == 204


async def ban(edge: Any, person: Any) -> None:
    admin = await edge.person(Role.ADMIN)
    await admin.ask("PATCH", f"/admin/users/{person.id}/ban", 200)


async def close_the_account(_: Any, person: Any) -> None:
    await person.ask("DELETE", "/users/me", 204)


class Slow(PostgresSignIns):
    """Something else happens between the look at the password and the sign-in."""

    meanwhile: Callable[[], Awaitable[None]] | None = None

    async def open(self, *words: Any) -> Any:
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            await happens()
        return await super().open(*words)


@pytest.mark.parametrize("meanwhile", [set_a_new_password, ban, close_the_account])
async def test_no_sign_in_survives_what_ends_all_of_them_while_it_is_made(edge: Any, meanwhile: Meanwhile) -> None:
    person = await edge.person()
    slow = Slow(edge.database)
    slow.meanwhile = lambda: meanwhile(edge, person)
    edge.app.state.parts = replace(edge.parts, sign_ins=slow)
    login = {"email": person.email, "password": PASSWORD}
    refused = await edge.visitor.post("/api/auth/login", json=login)
    assert (refused.status_code, refused.json()["errorCode"]) == (401, "invalid_credentials")


async def test_a_newer_hash_of_the_old_password_does_not_replace_a_new_password(edge: Any) -> None:
    person = await edge.person()
    found = await edge.parts.accounts.find_by_email(person.email)
    await set_a_new_password(edge, person)
    await edge.parts.accounts.renew_password_hash(person.id, found[1], await edge.parts.passwords.hash(PASSWORD))
    old = await edge.visitor.post("/api/auth/login", json={"email": person.email, "password": PASSWORD})
    new = await edge.visitor.post("/api/auth/login", json={"email": person.email, "password": "another horse entirely"})
    assert (old.status_code, new.status_code) == (401, 200)
