from typing import Any

from sqlalchemy import func, select

from classroom.times import SECOND, Moment
from persistence.jobs import enqueue
from persistence.models import IdempotencyKey, RefreshFamily, RefreshToken
from tests.serve_app.test_account_administration import sign_in

DAY = 86_400 * SECOND


async def test_what_expired_does_not_stay_for_ever(edge: Any) -> None:
    person = await edge.person()
    await sign_in(edge, person)
    report = {"targetType": "user", "targetId": person.id, "reason": "Why not."}
    await person.ask("POST", "/reports", 201, report, Idempotency_Key="once")

    async def left(after: Moment) -> list[int]:
        async with edge.database.writing() as connection:
            await enqueue(connection, "account.tidy", {})
        await edge.run_jobs(Moment(edge.parts.clock() + after))
        tables = (IdempotencyKey, RefreshFamily, RefreshToken)
        async with edge.database.reading() as connection:
            return [(await connection.execute(select(func.count()).select_from(table))).scalar_one() for table in tables]

    assert await left(Moment(0)) == [1, 1, 1]
    assert await left(Moment(2 * DAY)) == [0, 1, 1]
    assert await left(Moment(32 * DAY)) == [0, 0, 0]
