"""The port and a peer on it: who knows the password is heard, nobody else leaves a trace."""

import asyncio
import struct
import time
from collections.abc import AsyncIterator

import pytest

from realtime.sfu import srtp
from realtime.sfu.dtls import Certificate, HandshakeFailed, self_test
from realtime.sfu.fan import SLOW, fan
from realtime.sfu.mux import Mux
from realtime.sfu.peers import Peer
from tests.realtime.sfu.raw_client import RawClient, until

PACKET = struct.pack("!BBHII", 0x80, 96, 7, 9, 11) + b"payload"


class Heard:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.rtp: list[bytes] = []
        self.rtcp: list[bytes] = []
        self.moves: list[srtp.Address] = []
        self.ends: list[str] = []

    def on_rtp(self, data: bytes, now: float, arrived: float) -> None:
        assert arrived <= now
        self.rtp.append(data)

    def on_rtcp(self, data: bytes, now: float) -> None:
        self.rtcp.append(data)

    def on_moved(self, address: srtp.Address) -> None:
        self.moves.append(address)

    def on_ended(self, why: str) -> None:
        self.ends.append(why)


@pytest.fixture
async def mux() -> AsyncIterator[Mux]:
    port = Mux("127.0.0.1", 0, 1 << 20, 1 << 20)
    port.start()
    yield port
    port.close()


CERTIFICATE = Certificate()


def peer_on(mux: Mux, heard: Heard, *, sends_media: bool = True) -> Peer:
    return Peer(mux, CERTIFICATE, time.monotonic, heard, sends_media=sends_media)


async def meet(peer: Peer, client: RawClient, port: int) -> None:
    await asyncio.gather(
        peer.connect([client.fingerprint], timeout_seconds=10.0),
        client.connect(port, peer.ufrag, peer.password_text, CERTIFICATE.fingerprint),
    )


def test_the_installed_libraries_have_what_is_used() -> None:
    self_test()
    assert not SLOW


async def test_media_and_reports_travel_both_ways(mux: Mux) -> None:
    heard = Heard()
    peer = peer_on(mux, heard)
    async with RawClient() as client:
        await meet(peer, client, mux.port)
        client.send_rtp(PACKET)
        client.send_rtcp(struct.pack("!BBHI", 0x80, 201, 1, 5))
        await until(lambda: heard.rtp and heard.rtcp)
        assert heard.rtp == [PACKET]
        peer.send(PACKET)
        peer.send_reports(struct.pack("!BBHI", 0x80, 201, 1, 6))
        await until(lambda: client.rtp and client.rtcp)
        assert client.rtp == [PACKET]
    await until(lambda: heard.ends)
    await peer.close()


async def test_a_peer_with_another_certificate_is_refused(mux: Mux) -> None:
    peer = peer_on(mux, Heard())
    async with RawClient() as client:
        meeting = asyncio.gather(
            peer.connect(["sha-256 " + ":".join(["00"] * 32)], timeout_seconds=10.0),
            client.connect(mux.port, peer.ufrag, peer.password_text, CERTIFICATE.fingerprint),
            return_exceptions=True,
        )
        answers = await meeting
        assert isinstance(answers[0], HandshakeFailed)
        assert not peer.connected
    await peer.close()


async def test_a_browser_that_never_comes_is_not_waited_for(mux: Mux) -> None:
    peer = peer_on(mux, Heard())
    with pytest.raises(HandshakeFailed, match="did not reach us"):
        await peer.connect(["sha-256 00"], timeout_seconds=0.05)
    await peer.close()


async def test_forged_requests_noise_and_strangers_change_nothing(mux: Mux) -> None:
    heard = Heard()
    peer = peer_on(mux, heard)
    async with RawClient() as client, RawClient() as stranger:
        await meet(peer, client, mux.port)
        stranger._server, stranger._names = ("127.0.0.1", mux.port), (peer.ufrag, "wrong")
        stranger.bind_request()
        for noise in (b"\x00" * 20, b"\x16" * 50, b"\x80" * 50, b"\xff", bytes(range(16, 80))):
            stranger.send_noise(noise)
        client.send_noise(b"\x80\x60" + b"\x00" * 40)
        client.send_noise(b"\x16\xfe\xfd" + b"\xff" * 40)
        await until(lambda: len(mux.faults.counts) >= 6)
        assert mux.faults.counts["stun_forged"] == 1
        assert heard.moves == [client.socket.getsockname()]
        client.send_rtp(PACKET)
        await until(lambda: heard.rtp)
        assert stranger.answered == 0
    await peer.close()


async def test_an_address_changes_only_by_an_authentic_request(mux: Mux) -> None:
    heard = Heard()
    peer = peer_on(mux, heard)
    async with RawClient() as client, RawClient() as moved:
        await meet(peer, client, mux.port)
        moved._server, moved._names = client._server, client._names
        moved.bind_request()
        await until(lambda: len(heard.moves) == 2)
        assert peer.address == moved.socket.getsockname()
    await peer.close()


async def test_a_peer_that_left_leaves_nothing_behind(mux: Mux) -> None:
    peer = peer_on(mux, Heard())
    async with RawClient() as client:
        await meet(peer, client, mux.port)
        for _ in range(20):
            async with RawClient() as other:
                other._server, other._names = client._server, client._names
                other.bind_request()
                await until(lambda other=other: other.answered)
        assert len(mux._by_address) <= 8
        await peer.close()
    assert not mux._by_address
    assert not mux._by_ufrag
    assert not mux._addresses


@pytest.mark.parametrize("fan", [fan, srtp.fan_publicly])
async def test_a_packet_is_sent_to_many_with_their_own_numbers(mux: Mux, fan: srtp.Fan) -> None:
    payload = bytes((0x90, 0xC0, 0x81, 0x05, 7)) + b"payload"  # VP8: picture id 261, TL0PICIDX 7
    packet = struct.pack("!BBHII", 0x80, 96, 65535, 9, 11) + payload
    places = srtp.Places(14, 261, 16, 7, long=True)
    async with RawClient() as first, RawClient() as second:
        receivers = []
        peers = []
        for number, client in enumerate((first, second)):
            peer = peer_on(mux, Heard())
            await meet(peer, client, mux.port)
            assert peer.address is not None
            receiver = srtp.Receiver(peer.sender, peer.address)
            receiver.shift(number * 10, number * 100, number * 1000, number * 250)
            receivers.append(receiver)
            peers.append(peer)
        assert fan((srtp.Packet(packet, 65535, 9, places),), receivers, mux.socket) == 0
        await until(lambda: first.rtp and second.rtp)
        assert first.rtp == [packet]
        changed = bytes((0x90, 0xC0)) + struct.pack("!HB", 0x8000 | 1261, 1) + b"payload"
        assert second.rtp == [struct.pack("!BBHII", 0x80, 96, 9, 109, 11) + changed]
        for peer in peers:
            await peer.close()


async def test_packets_as_large_as_a_datagram_carries_are_sent(mux: Mux) -> None:
    peer = peer_on(mux, Heard())
    async with RawClient() as client:
        await meet(peer, client, mux.port)
        peer.send(PACKET + bytes(1430))
        await until(lambda: client.rtp)
        assert client.rtp == [PACKET + bytes(1430)]
    await peer.close()


async def test_who_begins_streams_anew_all_the_time_is_heard_and_keeps_no_memory(mux: Mux) -> None:
    """An encoder that is started again has another SSRC each time; at once, there are 64 at most."""
    heard, ahead = Heard(), [0.0]
    peer = Peer(mux, CERTIFICATE, lambda: time.monotonic() + ahead[0], heard, sends_media=True)
    async with RawClient() as client:
        await meet(peer, client, mux.port)
        for number in range(100):
            client.send_rtp(struct.pack("!BBHII", 0x80, 96, 7, 9, number) + b"payload")
        await until(lambda: len(heard.rtp) + mux.faults.counts.get("too_many_ssrcs", 0) == 100)
        assert len(heard.rtp) == 64
        ahead[0] += 31.0
        for number in range(100, 300):
            ahead[0] += 1.0
            client.send_rtp(struct.pack("!BBHII", 0x80, 96, 7, 9, number) + b"payload")
            await until(lambda number=number: heard.rtp[-1][8:12] == struct.pack("!I", number))  # type: ignore[misc]  # mypy: a default's type
        assert len(peer._ssrcs) <= 64
    await peer.close()


async def test_a_flood_of_handshakes_of_a_connected_peer_is_not_worked_on(mux: Mux) -> None:
    heard = Heard()
    peer = peer_on(mux, heard)
    async with RawClient() as client:
        await meet(peer, client, mux.port)
        for number in range(2000):
            client.send_noise(bytes((22, 254, 253)) + bytes(50))
            if number % 50 == 49:
                await asyncio.sleep(0)
        client.send_rtp(PACKET)
        await until(lambda: heard.rtp)
        assert mux.faults.counts["handshake_flood"] > 1000
        assert peer.connected
    await peer.close()
