"""Proving an address and a forgotten password, as somebody with a mailbox does it."""

import asyncio
import re
from typing import Any

import pytest

from classroom.times import MINUTE, Moment
from persistence.ids import new_id

PASSWORD = "correct horse battery"


async def register(edge: Any) -> str:
    email = f"{new_id()}@example.org"
    made = await edge.visitor.post("/api/auth/register", json={"name": "Sam", "email": email, "password": PASSWORD})
    assert (made.status_code, made.json()["emailVerified"]) == (201, False)
    return email


async def mailed(edge: Any, email: str, until: Moment | None = None) -> list[str]:
    """The tokens that have been mailed to the address, the first one first."""
    await edge.run_jobs(until)
    links = [re.search(r"http://lyceum\.test/[a-z-]+#token=([\w-]+)", mail.text) for mail in edge.mails if mail.to == email]
    return [link.group(1) for link in links if link is not None]


async def post(edge: Any, path: str, **body: str) -> Any:
    return await edge.visitor.post(f"/api/auth/{path}", json=body)


async def sign_in(edge: Any, email: str, password: str = PASSWORD) -> Any:
    return await post(edge, "login", email=email, password=password)


def later(edge: Any, minutes: int) -> Moment:
    return Moment(edge.parts.clock() + minutes * MINUTE)


def said(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["errorCode"]


async def test_who_follows_the_link_in_the_mail_can_sign_in(make_edge: Any) -> None:
    async with make_edge(email_verification=True) as edge:
        email = await register(edge)
        assert said(await sign_in(edge, email)) == (403, "email_unverified")
        (token,) = await mailed(edge, email)

        proved = await post(edge, "verify-email", token=token)
        assert (proved.status_code, proved.json()["email"], proved.json()["emailVerified"]) == (200, email, True)
        assert (await sign_in(edge, email)).json()["user"]["emailVerified"] is True
        assert said(await post(edge, "verify-email", token=token)) == (400, "invalid_token")


async def test_without_the_demand_one_signs_in_at_once_and_may_prove_it_later(edge: Any) -> None:
    email = await register(edge)
    assert (await sign_in(edge, email)).json()["user"]["emailVerified"] is False
    (token,) = await mailed(edge, email)
    assert (await post(edge, "verify-email", token=token)).status_code == 200
    assert (await sign_in(edge, email)).json()["user"]["emailVerified"] is True


async def test_of_two_at_once_one_uses_the_token(edge: Any) -> None:
    email = await register(edge)
    (token,) = await mailed(edge, email)
    answers = await asyncio.gather(*(post(edge, "verify-email", token=token) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]


async def test_a_repetition_under_the_same_key_is_answered_alike(edge: Any) -> None:
    email = await register(edge)
    (token,) = await mailed(edge, email)
    body, key = {"token": token}, {"Idempotency-Key": new_id()}
    first = await edge.visitor.post("/api/auth/verify-email", json=body, headers=key)
    again = await edge.visitor.post("/api/auth/verify-email", json=body, headers=key)
    assert (first.status_code, again.json()) == (200, first.json())


@pytest.mark.parametrize("token", ["x", "A" * 43, "ab cd", "", "ä", "x" * 201, 7, None])
@pytest.mark.parametrize("path", ["verify-email", "password/reset"])
async def test_a_token_that_nobody_was_mailed_changes_nothing(edge: Any, path: str, token: Any) -> None:
    response = await edge.visitor.post(f"/api/auth/{path}", json={"token": token, "password": PASSWORD})
    assert response.status_code in (400, 422)
    assert response.json()["errorCode"] in ("invalid_token", "validation_failed")
    assert response.json()["details"]["fields"][0]["field"] == "token"


async def test_tokens_expire_and_serve_one_purpose(edge: Any) -> None:
    email = await register(edge)
    (verify,) = await mailed(edge, email)
    assert said(await post(edge, "password/reset", token=verify, password="another one")) == (400, "invalid_token")
    await post(edge, "password/forgot", email=email)
    (_, reset) = await mailed(edge, email)
    assert said(await post(edge, "verify-email", token=reset)) == (400, "invalid_token")
    tokens = edge.parts.stores.account_tokens
    assert await tokens.verify_email(verify, later(edge, 48 * 60 + 1)) is None
    assert await tokens.reset_password(reset, "hash", later(edge, 61)) is None
    assert (await sign_in(edge, email)).status_code == 200


async def test_a_mail_can_be_asked_for_again_and_nobody_learns_who_has_an_account(edge: Any) -> None:
    email = await register(edge)
    proved = await register(edge)
    first = {address: await mailed(edge, address) for address in (email, proved)}
    await post(edge, "verify-email", token=first[proved][0])

    answers = [await post(edge, "verify-email/resend", email=each) for each in (email.upper(), proved, "no@example.org")]
    assert {(answer.status_code, answer.text) for answer in answers} == {(202, answers[0].text)}
    tokens = await mailed(edge, email)
    assert len(tokens) == 2
    assert await mailed(edge, proved) == first[proved]
    assert await mailed(edge, "no@example.org") == []
    assert (await post(edge, "verify-email", token=tokens[0])).status_code == 200  # the first mail is as good as the second


async def test_no_mailbox_is_flooded(edge: Any) -> None:
    email = await register(edge)
    for _ in range(8):
        await post(edge, "password/forgot", email=email)
        await edge.run_jobs()
    assert len(await mailed(edge, email)) == 1 + 5
    await asyncio.gather(*(post(edge, "verify-email/resend", email=email) for _ in range(20)))
    assert len(await mailed(edge, email)) <= 1 + 5 + 4
    await post(edge, "password/forgot", email=email)
    assert len(await mailed(edge, email, later(edge, 61))) >= 1 + 5 + 1


async def test_a_new_password_ends_every_sign_in_and_every_other_link(edge: Any) -> None:
    email = await register(edge)
    signed_in = [(await sign_in(edge, email)).json() for _ in range(2)]
    for _ in range(2):
        await post(edge, "password/forgot", email=email)
        await edge.run_jobs()
    (_, first, second) = await mailed(edge, email)

    assert said(await post(edge, "password/reset", token=second, password="short")) == (422, "validation_failed")
    assert (await post(edge, "password/reset", token=second, password="a new password")).status_code == 204
    assert said(await sign_in(edge, email)) == (401, "invalid_credentials")
    assert (await sign_in(edge, email, "a new password")).json()["user"]["emailVerified"] is True
    for tokens in signed_in:
        refreshed = await post(edge, "refresh", refreshToken=tokens["refreshToken"])
        assert said(refreshed) == (401, "invalid_refresh_token")
        assert (await edge.client(tokens["accessToken"]).get("/api/auth/me")).status_code == 401
    for token in (first, second):
        assert said(await post(edge, "password/reset", token=token, password="a third one")) == (400, "invalid_token")
    assert (await sign_in(edge, email, "a new password")).status_code == 200


@pytest.mark.parametrize(("name", "greeted"), [("Dr. Sam O'Neil", True), ("win at evil.example", False), ("x" * 61, False)])
async def test_nobody_advertises_by_registering_others(edge: Any, name: str, greeted: bool) -> None:
    body = {"name": name, "email": f"{new_id()}@example.org", "password": PASSWORD}
    assert (await edge.visitor.post("/api/auth/register", json=body)).status_code == 201
    await edge.run_jobs()
    (mail,) = edge.mails
    assert mail.text.startswith(f"Hello {name}," if greeted else "Hello,\n")
    assert (name in mail.text) is greeted


async def test_a_registration_that_failed_mails_nobody(edge: Any) -> None:
    email = await register(edge)
    again = await edge.visitor.post("/api/auth/register", json={"name": "Eve", "email": email, "password": PASSWORD})
    assert said(again) == (409, "email_taken")
    assert len(await mailed(edge, email)) == 1


async def test_a_mail_that_could_not_leave_is_tried_again_and_not_counted(edge: Any) -> None:
    email = await register(edge)
    edge.mail_refusals = 7
    moment = edge.parts.clock()
    for minute in range(8):
        await edge.run_jobs(Moment(moment + minute * MINUTE))
    assert len(await mailed(edge, email)) == 1
    assert await edge.dead_jobs() == []
