import asyncio
from collections.abc import Awaitable, Sequence

import pytest

from actors.dispatch import Dispatcher, HostAway
from actors.envelopes import LATER, LIVE, Envelope, Later, NotOwner, Reply, pack_replies, unpack_envelopes
from actors.lanes import FULL, FULL_IN_FLIGHT, WORTH_A_CALL
from actors.shards import host_names, shard_of
from classroom.answers import Refused
from classroom.refusals import ClassEnded, Unavailable
from tests.actors.answering import DONE, Hosts, envelope, never, numbers


async def test_envelopes_of_one_turn_of_the_loop_leave_in_one_call_a_host_in_order() -> None:
    hosts = Hosts()
    dispatcher = Dispatcher(hosts, host_names(2))
    sent = [envelope(number, f"class-{number % 7}") for number in range(100)]

    assert await asyncio.gather(*map(dispatcher.submit, sent)) == [DONE] * 100

    assert set(hosts.calls) == set(dispatcher.hosts)
    for host, calls in hosts.calls.items():
        mine = [number for number, each in enumerate(sent) if dispatcher.owner(LIVE, each.grain_id) == host]
        assert calls == [mine]


async def test_while_a_call_is_under_way_few_gather_and_many_leave_in_two_more_at_most() -> None:
    held = asyncio.Event()

    async def answer(host: str, envelopes: Sequence[Envelope]) -> Sequence[Reply]:
        await held.wait()
        return [DONE] * len(envelopes)

    hosts = Hosts(answer)
    dispatcher = Dispatcher(hosts, host_names(1))
    answers = []
    for number in range(3 * WORTH_A_CALL):
        answers.append(dispatcher.submit(envelope(number)))
        await asyncio.sleep(0.001)
    assert [len(call) for call in hosts.calls["grain-host-0"]] == [1, WORTH_A_CALL, WORTH_A_CALL]
    held.set()
    assert await asyncio.gather(*answers) == [DONE] * (3 * WORTH_A_CALL)
    assert [number for call in hosts.calls["grain-host-0"] for number in call] == list(range(3 * WORTH_A_CALL))
    assert len(hosts.calls["grain-host-0"]) == 4


async def test_what_a_lost_host_was_sent_is_sent_again_in_its_old_order_before_what_came_later() -> None:
    away = True
    done: list[int] = []

    async def answer(host: str, envelopes: Sequence[Envelope]) -> Sequence[Reply]:
        await asyncio.sleep(0.01)
        if away:
            raise HostAway("gone")
        done.extend(numbers(envelopes))
        return [DONE] * len(envelopes)

    dispatcher = Dispatcher(Hosts(answer), host_names(1))
    answers = []
    for number in range(40):
        answers.append(dispatcher.submit(envelope(number)))
        await asyncio.sleep(0.003)
        away = number < 30
    assert await asyncio.gather(*answers) == [DONE] * 40
    assert done == list(range(40))


async def test_a_host_that_is_away_is_knocked_at_by_one_call_at_a_time() -> None:
    async def answer(host: str, envelopes: Sequence[Envelope]) -> Sequence[Reply]:
        await asyncio.sleep(0.01)
        raise HostAway("gone")

    hosts = Hosts(answer)
    dispatcher = Dispatcher(hosts, host_names(1))
    answers = [dispatcher.submit(envelope(0))]
    await asyncio.sleep(0.02)
    hosts.most_under_way = 0
    for number in range(1, 20):
        answers.append(dispatcher.submit(envelope(number)))
        await asyncio.sleep(0.05)
    assert hosts.most_under_way == 1
    assert set(await asyncio.gather(*answers)) == {Refused(Unavailable())}
    assert all(call[0] == 0 for call in hosts.calls["grain-host-0"] if 0 in call)


@pytest.mark.parametrize("count", [1, 5_000])
async def test_everybody_is_answered_within_eight_seconds_when_a_host_hangs(count: int) -> None:
    dispatcher = Dispatcher(Hosts(never), host_names(1))
    loop = asyncio.get_running_loop()
    asked = loop.time()
    answers = [dispatcher.submit(envelope(number)) for number in range(count)]
    await asyncio.sleep(4.0)
    late = dispatcher.submit(envelope(count))
    assert set(await asyncio.gather(*answers)) == {Refused(Unavailable())}
    assert 7.99 <= loop.time() - asked <= 8.5
    assert await late == Refused(Unavailable())
    assert 11.99 <= loop.time() - asked <= 12.5


async def test_a_fault_of_the_transport_is_no_reason_to_wait_for_ever() -> None:
    async def answer(host: str, envelopes: Sequence[Envelope]) -> Sequence[Reply]:
        if len(hosts.calls[host]) < 3:
            raise KeyError("a fault")
        return [DONE] * len(envelopes)

    hosts = Hosts(answer)
    assert await asyncio.wait_for(Dispatcher(hosts, host_names(1)).execute(envelope(0)), 20) == DONE


async def test_too_few_answers_are_a_fault_and_not_the_end_of_waiting() -> None:
    async def answer(host: str, envelopes: Sequence[Envelope]) -> Sequence[Reply]:
        return [DONE] * (len(envelopes) - (len(hosts.calls[host]) < 3))

    hosts = Hosts(answer)
    dispatcher = Dispatcher(hosts, host_names(1))
    both = asyncio.gather(dispatcher.submit(envelope(0)), dispatcher.submit(envelope(1)))
    assert await asyncio.wait_for(both, 20) == [DONE, DONE]


async def test_who_met_the_wrong_host_is_sent_to_the_right_one_and_so_is_everybody_later() -> None:
    async def answer(host: str, envelopes: Sequence[Envelope]) -> Sequence[Reply]:
        return [DONE if host == right else NotOwner(shard, right) for _ in envelopes]

    hosts = Hosts(answer)
    dispatcher = Dispatcher(hosts, host_names(2))
    wrong = dispatcher.owner(LIVE, "class")
    [right] = set(dispatcher.hosts) - {wrong}
    shard = shard_of(LIVE, "class")
    assert await dispatcher.execute(envelope(1)) == DONE
    assert await dispatcher.execute(envelope(2)) == DONE
    assert hosts.calls[wrong] == [[1]]
    assert hosts.calls[right] == [[1], [2]]


async def test_a_shard_that_nobody_owns_is_asked_for_again_and_given_up_after_eight_seconds() -> None:
    async def answer(host: str, envelopes: Sequence[Envelope]) -> Sequence[Reply]:
        return [NotOwner(1, None)] * len(envelopes)

    hosts = Hosts(answer)
    loop = asyncio.get_running_loop()
    asked = loop.time()
    assert await Dispatcher(hosts, host_names(1)).execute(envelope(1)) == Refused(Unavailable())
    assert 7.99 <= loop.time() - asked <= 8.5
    assert 15 < len(hosts.calls["grain-host-0"]) < 100


async def test_a_grain_that_was_dropped_is_asked_again_with_the_same_id_for_a_moment() -> None:
    async def answer(host: str, envelopes: Sequence[Envelope]) -> Sequence[Reply]:
        return [Refused(Unavailable()) if len(hosts.calls[host]) < 3 else DONE] * len(envelopes)

    hosts = Hosts(answer)
    assert await Dispatcher(hosts, host_names(1)).execute(envelope(7)) == DONE
    assert hosts.calls["grain-host-0"] == [[7], [7], [7]]


async def test_a_store_that_stays_away_is_told_after_two_seconds() -> None:
    async def answer(host: str, envelopes: Sequence[Envelope]) -> Sequence[Reply]:
        return [Refused(Unavailable())] * len(envelopes)

    loop = asyncio.get_running_loop()
    asked = loop.time()
    assert await Dispatcher(Hosts(answer), host_names(1)).execute(envelope(7)) == Refused(Unavailable())
    assert 1.99 <= loop.time() - asked <= 2.5


async def test_a_late_answer_is_fetched_with_its_ticket_from_the_host_that_gave_it_out() -> None:
    asked: list[tuple[str, str]] = []

    async def answer(host: str, envelopes: Sequence[Envelope]) -> Sequence[Reply]:
        asked.extend((each.kind, each.grain_id) for each in envelopes)
        return [Later("ticket") if len(asked) < 4 else DONE for _ in envelopes]

    assert await Dispatcher(Hosts(answer), host_names(1)).execute(envelope(7)) == DONE
    assert asked == [(LIVE, "class"), *[(LATER, "ticket")] * 3]


async def test_a_ticket_that_a_restarted_host_does_not_know_is_no_answer() -> None:
    asked: list[str] = []
    told: list[Reply] = [Later("ticket"), Later(None), DONE]

    async def answer(host: str, envelopes: Sequence[Envelope]) -> Sequence[Reply]:
        asked.extend(each.kind for each in envelopes)
        return [told.pop(0)]

    assert await Dispatcher(Hosts(answer), host_names(1)).execute(envelope(7)) == DONE
    assert asked == [LIVE, LATER, LIVE]


async def test_other_refusals_are_answers() -> None:
    async def answer(host: str, envelopes: Sequence[Envelope]) -> Sequence[Reply]:
        return [Refused(ClassEnded())] * len(envelopes)

    hosts = Hosts(answer)
    assert await Dispatcher(hosts, host_names(1)).execute(envelope(7)) == Refused(ClassEnded())
    assert hosts.calls["grain-host-0"] == [[7]]


async def test_who_stopped_waiting_is_not_sent_again() -> None:
    away = True

    async def answer(host: str, envelopes: Sequence[Envelope]) -> Sequence[Reply]:
        if away:
            raise HostAway("gone")
        return [DONE] * len(envelopes)

    hosts = Hosts(answer)
    dispatcher = Dispatcher(hosts, host_names(1))
    leaver = asyncio.ensure_future(dispatcher.execute(envelope(1)))
    stayer = asyncio.ensure_future(dispatcher.execute(envelope(2)))
    await asyncio.sleep(0.001)
    leaver.cancel()
    away = False
    assert await stayer == DONE
    assert hosts.calls["grain-host-0"] == [[1, 2], [2]]


async def test_more_than_fifty_thousand_do_not_wait() -> None:
    dispatcher = Dispatcher(Hosts(never), host_names(1))
    under_way = FULL * FULL_IN_FLIGHT
    answers = [dispatcher.submit(envelope(number)) for number in range(under_way + 50_001)]
    assert answers[-1].result() == Refused(Unavailable())
    assert not answers[-2].done()
    await asyncio.gather(*answers)


async def test_full_calls_leave_in_the_middle_of_a_turn_and_the_rest_in_larger_ones() -> None:
    class Post:
        """Notes what has left before it is awaited."""

        def __init__(self) -> None:
            self.sizes: list[int] = []

        async def reply(self, count: int) -> bytes:
            return pack_replies([DONE] * count)

        def call(self, host: str, payload: bytes) -> Awaitable[bytes]:
            self.sizes.append(len(unpack_envelopes(payload)))
            return self.reply(self.sizes[-1])

    post = Post()
    dispatcher = Dispatcher(post, host_names(1))
    answers = [dispatcher.submit(envelope(number)) for number in range(FULL * FULL_IN_FLIGHT + 1_000)]
    assert post.sizes == [FULL] * FULL_IN_FLIGHT
    assert await asyncio.gather(*answers) == [DONE] * len(answers)
    assert post.sizes[FULL_IN_FLIGHT:] == [512, 488]


async def test_a_call_that_cannot_even_leave_is_made_again() -> None:
    class Broken(Hosts):
        def call(self, host: str, payload: bytes) -> Awaitable[bytes]:  # type: ignore[override]  # the port's own shape
            if len(self.calls[host]) < 2:
                self.calls[host].append(numbers(unpack_envelopes(payload)))
                raise HostAway("no way there") if len(self.calls[host]) < 2 else RuntimeError("a fault")
            return super().call(host, payload)

    hosts = Broken()
    assert await Dispatcher(hosts, host_names(1)).execute(envelope(7)) == DONE
    assert hosts.calls["grain-host-0"] == [[7], [7], [7]]


async def test_commands_without_an_id_get_ids_that_no_other_process_uses() -> None:
    one, other = Dispatcher(Hosts(), host_names(1)), Dispatcher(Hosts(), host_names(1))
    assert len({each.fresh_command_id() for each in (one, other) for _ in range(100)}) == 200
