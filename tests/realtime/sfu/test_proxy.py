"""The bad network of these tests is as bad as it says, and the same for the same seed."""

import asyncio
import socket

from tests.sfu_proxy import DOWN, UP, Proxy, Weather

PACKETS = 2_000


async def heard(seed: int, weather: Weather) -> tuple[list[int], dict[str, int]]:
    """The numbers that come back from an echo behind the proxy, in order, and what the proxy has seen."""
    loop = asyncio.get_running_loop()

    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
            self.transport.sendto(data, address)

    echo, _ = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
    proxy = Proxy(echo.get_extra_info("sockname"), seed, up=weather)
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(0)
    client.bind(("127.0.0.1", 0))
    numbers: list[int] = []
    try:
        for number in range(PACKETS):
            client.sendto(number.to_bytes(4, "big"), proxy.address)
            if number % 20 == 19:  # no more on their way than a socket's buffer holds
                await passed(proxy, number + 1)
                numbers += drained(client)
        expected = PACKETS - proxy.seen["up lost"] + proxy.seen["up repeated"]
        async with asyncio.timeout(10):
            while len(numbers) < expected:
                numbers.append(int.from_bytes(await loop.sock_recv(client, 4), "big"))
        return numbers, dict(proxy.seen)
    finally:
        client.close()
        proxy.close()
        echo.close()


async def passed(proxy: Proxy, count: int) -> None:
    async with asyncio.timeout(10):
        while proxy.seen[UP] < count:
            proxy.passed.clear()
            await proxy.passed.wait()


def drained(client: socket.socket) -> list[int]:
    numbers = []
    while True:
        try:
            numbers.append(int.from_bytes(client.recv(4), "big"))
        except BlockingIOError:
            return numbers


async def test_loses_repeats_and_reorders_as_much_as_it_says() -> None:
    numbers, seen = await heard(7, Weather(lost=0.05, repeated=0.02, reordered=0.1, late=0.01))

    assert 60 <= seen["up lost"] <= 140
    assert 20 <= seen["up repeated"] <= 70
    assert seen[DOWN] == PACKETS - seen["up lost"] + seen["up repeated"]
    assert numbers != sorted(numbers)
    assert len(set(numbers)) == PACKETS - seen["up lost"]


async def test_the_same_seed_loses_the_same_packets_and_another_others() -> None:
    weather = Weather(lost=0.2)

    first, again, other = [(await heard(seed, weather))[0] for seed in (1, 1, 2)]

    assert first == again
    assert first != other


async def test_puts_itself_into_the_answer() -> None:
    proxy = Proxy(("127.0.0.1", 9), 1)
    try:
        said = proxy.through("v=0\r\na=candidate:1 1 udp 2130706431 10.0.0.7 4000 typ host\r\n")
    finally:
        proxy.close()

    assert said == f"v=0\r\na=candidate:1 1 udp 2130706431 127.0.0.1 {proxy.address[1]} typ host\r\n"
