import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from classroom.callers import Caller, Role
from classroom.ids import UserId
from classroom.times import SECOND, Moment, to_datetime
from persistence import denied as lists
from persistence.denied import Denial, DenyList, Verdict, denied_family, denied_role, denied_user
from persistence.denied_redis import LOOK_SECONDS, RedisDenied, read_denials
from persistence.errors import StoreAway
from persistence.ids import new_id
from persistence.memory.denied import MemoryDenied
from persistence.redis_store import open_redis
from persistence.tokens import Claims

NOW = Moment(1_790_000_000_000_000)
LATER = Moment(NOW + 3_600 * SECOND)


def claims(user_id: str | None = None, family: str | None = None, role: Role = Role.ADMIN) -> Claims:
    return Claims(Caller(UserId(user_id or new_id()), "Ada", role), LATER, family or new_id())


def test_who_is_denied_is_refused_and_nobody_else() -> None:
    held, one = DenyList(), claims()
    user_id = one.caller.user_id
    assert held.note([denied_user(user_id, NOW, LATER)], NOW)
    assert held.verdict(one) is Verdict.DISABLED
    assert held.has_user(user_id)
    assert held.verdict(claims()) is None

    held.note([denied_user(user_id, Moment(NOW + 1), LATER, lifted=True)], NOW)
    assert held.verdict(one) is None
    assert not held.has_user(user_id)


def test_a_sign_in_and_a_role_are_refused_alone() -> None:
    held, user_id = DenyList(), UserId(new_id())
    out, other = claims(user_id), claims(user_id, role=Role.STUDENT)
    held.note([denied_family(out.family, NOW, LATER)], NOW)
    assert (held.verdict(out), held.verdict(other)) == (Verdict.ENDED, None)

    held.note([denied_role(user_id, Role.ADMIN, NOW, LATER)], NOW)
    assert held.verdict(claims(user_id)) is Verdict.ENDED
    assert held.verdict(other) is None
    held.note([denied_role(user_id, Role.ADMIN, Moment(NOW + 1), LATER, lifted=True)], NOW)
    assert held.verdict(claims(user_id)) is None


def test_the_later_word_holds_whatever_the_order() -> None:
    one = claims()
    ban = denied_user(one.caller.user_id, NOW, LATER)
    lift = denied_user(one.caller.user_id, Moment(NOW + 1), LATER, lifted=True)
    again = denied_user(one.caller.user_id, Moment(NOW + 2), LATER)
    for order in ([ban, lift, again], [again, lift, ban], [lift, again, ban, lift]):
        held = DenyList()
        news = [held.note([word], NOW) for word in order]
        assert news[0] == [order[0]]
        assert held.verdict(one) is Verdict.DISABLED
        assert held.note(order, NOW) == []


def test_what_is_over_is_forgotten_and_the_list_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    held = DenyList()
    first = claims()
    held.note([denied_family(first.family, NOW, Moment(NOW + SECOND))], NOW)
    assert held.note([denied_family(new_id(), NOW, Moment(NOW + 1))], Moment(NOW + 1)) == []
    held.note([denied_family(new_id(), NOW, LATER)], Moment(NOW + SECOND))
    assert held.verdict(first) is None

    monkeypatch.setattr(lists, "MOST_OF_A_KIND", 3)
    families = [claims() for _ in range(5)]
    for number, each in enumerate(families):
        held.note([denied_family(each.family, Moment(NOW + number), LATER)], Moment(NOW + SECOND))
    assert [held.verdict(each) for each in families] == [None, None, *[Verdict.ENDED] * 3]


async def test_the_twin_refuses_what_it_is_told() -> None:
    denied, one = MemoryDenied(lambda: NOW), claims()
    assert denied.is_sure
    await denied.make_sure()
    await denied.tell([denied_user(one.caller.user_id, NOW, LATER)])
    assert denied.verdict(one) is Verdict.DISABLED
    assert denied.has_user(one.caller.user_id)
    await denied.close()


class Truth:
    """What Postgres would say."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, str, Moment, bool]] = []
        self.away = False
        self.reads = 0

    async def read(self, since: Moment) -> list[Any]:
        self.reads += 1
        if self.away:
            raise StoreAway("the test says so")
        return [row for row in self.rows if row[2] > since]


Follow = Callable[..., Awaitable[RedisDenied]]


@pytest.fixture
def truth() -> Truth:
    return Truth()


@pytest.fixture
async def follow(redis_url: str, truth: Truth) -> AsyncIterator[Follow]:
    """Starts another process that follows."""
    opened: list[tuple[RedisDenied, Any]] = []

    async def start(url: str = redis_url, **options: Any) -> RedisDenied:
        client = open_redis(url, 3)
        denied = RedisDenied(client, truth.read, 3_600, **options)
        opened.append((denied, client))
        await denied.start()
        return denied

    yield start
    for denied, client in opened:
        await denied.close()
        await client.aclose()


def banned(user_id: str, denied: RedisDenied, **more: Any) -> Denial:
    now = denied._now()
    return denied_user(UserId(user_id), now, Moment(now + 3_600 * SECOND), **more)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - what is waited for happens in Redis
            await asyncio.sleep(0.01)


async def test_when_telling_returns_every_process_knows(follow: Follow) -> None:
    heard: list[Denial] = []
    others = [await follow(on_news=heard.extend) for _ in range(3)]
    teller = await follow()
    for _ in range(20):
        one = claims()
        word = banned(one.caller.user_id, teller)
        await teller.tell([word])
        assert [denied.verdict(one) for denied in (teller, *others)] == [Verdict.DISABLED] * 4
        assert heard[-3:] == [word] * 3
        await teller.tell([banned(one.caller.user_id, teller, lifted=True)])
        assert [denied.verdict(one) for denied in (teller, *others)] == [None] * 4
    assert all(denied.is_sure for denied in (teller, *others))


async def test_many_tell_at_once_and_all_know_all(follow: Follow) -> None:
    processes = [await follow() for _ in range(3)]
    people = [claims() for _ in range(30)]
    await asyncio.gather(
        *(processes[number % 3].tell([banned(one.caller.user_id, processes[0])]) for number, one in enumerate(people))
    )
    for denied in processes:
        assert all(denied.verdict(one) is Verdict.DISABLED for one in people)


async def test_who_starts_later_reads_postgres_and_hears_the_rest(follow: Follow, truth: Truth) -> None:
    before, after = claims(), claims()
    teller = await follow()
    word = banned(before.caller.user_id, teller)
    truth.rows.append((word.about, word.key, word.at, word.lifted))
    await teller.tell([word])
    late = await follow()
    assert late.verdict(before) is Verdict.DISABLED
    await teller.tell([banned(after.caller.user_id, teller)])
    assert late.verdict(after) is Verdict.DISABLED


async def test_what_was_told_while_a_process_could_not_hear_is_in_postgres(
    follow: Follow, truth: Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf, teller = await follow(), await follow()

    async def fail(*_: Any, **__: Any) -> Any:
        raise ConnectionError("the test says so")

    with monkeypatch.context() as cut:
        cut.setattr(deaf._redis, "xread", fail)
        cut.setattr(deaf._redis, "xrevrange", fail)
        await until(lambda: deaf._heard is None)
        one = claims()
        word = banned(one.caller.user_id, teller)
        truth.rows.append((word.about, word.key, word.at, word.lifted))
        teller._list.note([word], teller._now())  # told by somebody who could not reach Redis either
        await until(lambda: deaf.verdict(one) is Verdict.DISABLED)
    await until(lambda: deaf._is_whole and deaf.is_sure)


async def test_a_process_that_died_holds_nobody_up_for_long(follow: Follow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("persistence.denied_redis.SURE_SECONDS", 0.5)
    dead, teller = await follow(), await follow()
    assert dead._following is not None
    dead._following.cancel()
    one = claims()
    async with asyncio.timeout(5):
        await teller.tell([banned(one.caller.user_id, teller)])
    assert dead.verdict(one) is None
    assert not dead.is_sure  # it would have to look before going by that
    async with asyncio.timeout(0.4):  # it is waited for once
        await teller.tell([banned(new_id(), teller)])


async def test_a_thousand_sign_outs_at_once_are_told_together(follow: Follow) -> None:
    teller, other = await follow(), await follow()
    out = [claims() for _ in range(1_000)]
    now = teller._now()
    async with asyncio.timeout(20):
        words = [denied_family(each.family, now, Moment(now + 3_600 * SECOND)) for each in out]
        await asyncio.gather(*(teller.tell([word]) for word in words))
    assert all(other.verdict(each) is Verdict.ENDED for each in out)
    assert other.is_sure


async def test_without_redis_postgres_is_asked(follow: Follow, truth: Truth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("persistence.denied_redis.LOOK_SECONDS", 0.3)
    one = claims()
    teller, other = [await follow("redis://127.0.0.1:1/0") for _ in range(2)]
    await until(lambda: other.is_sure)
    word = banned(one.caller.user_id, teller)
    truth.rows.append((word.about, word.key, word.at, word.lifted))
    await teller.tell([word])
    assert teller.verdict(one) is Verdict.DISABLED
    await until(lambda: other.verdict(one) is Verdict.DISABLED)
    truth.rows.append((word.about, word.key, Moment(word.at + 1), True))
    await until(lambda: other.verdict(one) is None)


async def test_while_redis_answers_postgres_is_asked_now_and_then(
    follow: Follow, truth: Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert LOOK_SECONDS == 5.0
    monkeypatch.setattr("persistence.denied_redis.LOOK_SECONDS", 0.2)
    denied, one = await follow(), claims()
    truth.rows.append((lists.About.USER, one.caller.user_id, denied._now(), False))
    await until(lambda: denied.verdict(one) is Verdict.DISABLED)


async def test_a_postgres_that_does_not_answer_keeps_nobody_from_hearing(
    follow: Follow, truth: Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("persistence.denied_redis.LOOK_SECONDS", 0.1)
    hanging, teller = await follow(), await follow()
    asked, answered = asyncio.Event(), asyncio.Event()

    async def hang(_since: Moment) -> list[Any]:
        asked.set()
        await answered.wait()
        return []

    await until(lambda: hanging._is_whole)
    monkeypatch.setattr(hanging, "_read", hang)
    async with asyncio.timeout(10):
        await asked.wait()
        one = claims()
        await teller.tell([banned(one.caller.user_id, teller)])
    assert hanging.verdict(one) is Verdict.DISABLED
    assert hanging.is_sure
    answered.set()


async def test_without_either_nobody_is_sure_and_one_look_serves_all_who_ask(follow: Follow, truth: Truth) -> None:
    truth.away = True
    denied = await follow("redis://127.0.0.1:1/0")
    assert not denied.is_sure
    with pytest.raises(StoreAway):
        await denied.make_sure()
    truth.away = False
    before = truth.reads
    await asyncio.gather(*(denied.make_sure() for _ in range(500)))
    assert truth.reads - before <= 2
    assert denied.is_sure


async def test_redis_that_forgot_everything_makes_nobody_free(follow: Follow, redis_client: Any) -> None:
    denied, teller = await follow(), await follow()
    one, another = claims(), claims()
    await teller.tell([banned(one.caller.user_id, teller)])
    await redis_client.delete("lyceum:denied", "lyceum:denied:followers")
    await teller.tell([banned(another.caller.user_id, teller)])
    await until(lambda: denied.verdict(another) is Verdict.DISABLED)
    assert denied.verdict(one) is Verdict.DISABLED


async def test_postgres_says_who_was_banned_signed_out_or_lost_a_role(postgres_live: Any, live_pool: Any) -> None:
    read = read_denials(live_pool)
    person, other = new_id(), new_id()
    for user_id in (person, other):
        await postgres_live._make_user(user_id, "Sam", "admin", "active")
    since, at, family = Moment(NOW - 1), to_datetime(NOW), new_id()
    await live_pool.execute("UPDATE users SET status = 'banned', status_changed_at = $2 WHERE id = $1", person, at)
    await live_pool.execute("UPDATE users SET deleted_at = $2, status_changed_at = $2 WHERE id = $1", other, at)
    await live_pool.execute(
        "INSERT INTO refresh_families (id, user_id, created_at, expires_at, revoked_at) VALUES ($1, $2, $3, $3, $3)",
        family,
        person,
        at,
    )
    await live_pool.execute(
        "INSERT INTO audit_log (id, actor_id, action, target_type, target_id, details, at)"
        " VALUES ($1, $2, 'user.role', 'user', $2::uuid::text, $3, $4)",
        new_id(),
        person,
        '{"from": "admin", "to": "student", "lowered": true}',
        at,
    )
    found = [row for row in await read(since) if person in row[1] or row[1] in (other, family)]
    assert sorted(found) == sorted(
        [
            (lists.About.USER, person, NOW, False),
            (lists.About.USER, other, NOW, False),
            (lists.About.FAMILY, family, NOW, False),
            (lists.About.ROLE, f"{person}:admin", NOW, False),
            (lists.About.ROLE, f"{person}:student", NOW, True),
        ]
    )
    await live_pool.execute("UPDATE users SET status = 'active' WHERE id = $1", person)
    assert (lists.About.USER, person, NOW, True) in await read(since)
    assert (lists.About.USER, person, NOW, True) not in await read(NOW)
