"""Packets for many receivers, encrypted in place once for each, and few calls of the system: packets of one size go to a
receiver as one datagram of the system's, which it takes apart (`UDP_SEGMENT`, udp(7)).

The only user of pylibsrtp's private names, behind `self_test`; without them `srtp.fan_publicly` does the same, slower.
Packets lie one behind the other as the system takes them, so most begin at odd places, which libsrtp does not promise to
take; processors that Python has wheels for do, and `self_test` tries."""

import errno
import itertools
import socket
import struct
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from pylibsrtp import Error, Policy

from realtime.sfu.srtp import NUMBERS, Fan, Packet, Places, Receiver, fan_publicly, patch, session_of

_BURST_BYTES = 128 * 1024
_MOST_TRAILER = 144  # what libsrtp may write after a packet (SRTP_MAX_TRAILER_LEN)
_UDP_SEGMENT = 103  # udp(7); Python has no name for it
_MOST_SEGMENTS, _MOST_SEGMENT, _MOST_DATAGRAM = 63, 1_400, 65_000
"""Of 64, some kernels count the header, too. What may be larger than a network carries in one piece goes alone."""
_NO_SEGMENTS = {errno.EIO, errno.EINVAL, errno.EMSGSIZE, errno.EOPNOTSUPP, errno.ENOPROTOOPT}
"""What the system says when a way does not take segments: a device that counts no checksums, a tunnel, a small MTU."""


class _Placed(NamedTuple):
    """A packet in the buffer."""

    at: int
    size: int
    pointer: Any
    sequence: int
    timestamp: int
    places: Places | None


class _Run(NamedTuple):
    """Packets that leave together: all of one size but the last, which may be smaller."""

    begin: int
    step: int
    end: int
    content: tuple[memoryview]
    notes: list[tuple[int, int, bytes]]


class _Burst(NamedTuple):
    """Packets as they lie in the buffer for receivers whose encryption adds the same."""

    plain: bytes
    packets: list[_Placed]
    runs: list[_Run]


def runs_of(sizes: Iterable[int]) -> Iterator[tuple[int, int, int]]:
    """(where it begins, the size of its packets, where it ends) of each run of packets that lie one behind the other."""
    begin = end = step = last = 0
    for size in sizes:
        fits = end - begin < _MOST_SEGMENTS * step and end - begin + size <= _MOST_DATAGRAM
        if last != step or size > step or step > _MOST_SEGMENT or not fits:
            if end > begin:
                yield begin, step, end
            begin, step = end, size
        last = size
        end += size
    if end > begin:
        yield begin, step, end


class _Fast:
    """A `Fan` without a copy and an object for each packet and receiver. Raises ImportError and AttributeError where
    pylibsrtp has not what it takes."""

    def __init__(self) -> None:
        from pylibsrtp._binding import (  # type: ignore[import-not-found]  # compiled, without stubs
            ffi,
            lib,
        )

        # measured: a third of the time of `Session.protect`
        self._protect = lib.srtp_protect
        self._buffer = ffi.new("unsigned char[]", _BURST_BYTES + _MOST_TRAILER)
        self._view = memoryview(ffi.buffer(self._buffer))
        self._length = ffi.new("int *")
        self.segments = False

    def fan(self, packets: Sequence[Packet], receivers: Collection[Receiver], port: socket.socket) -> int:
        """See `srtp.Fan`."""
        missed = 0
        for some in (packets,) if len(packets) == 1 else _chunks(packets):
            if len(some) == 1:
                missed += self._one(some[0], receivers, port)
                continue
            bursts: dict[int, _Burst] = {}
            for receiver in receivers:
                trailer = receiver.trailer
                burst = bursts.get(trailer)
                if burst is None:
                    if not trailer:  # its first packets: one of them tells
                        missed += self._one(some[0], (receiver,), port) + self.fan(some[1:], (receiver,), port)
                        continue
                    burst = bursts[trailer] = self._burst(some, trailer)
                if not self._encrypted(burst, receiver):  # one of them is refused: the others are not
                    missed += sum(self._one(packet, (receiver,), port) for packet in some)
                    continue
                missed += self._send(burst, receiver, port)
        return missed

    def _one(self, packet: Packet, receivers: Collection[Receiver], port: socket.socket) -> int:
        data, sequence, timestamp, places = packet
        view, buffer, length, protect = self._view, self._buffer, self._length, self._protect
        size, missed, sendto, pack_into = len(data), 0, port.sendto, NUMBERS.pack_into
        if size > _BURST_BYTES:
            return len(receivers)
        for receiver in receivers:
            view[:size] = data
            length[0] = size
            pack_into(
                view, 2, (sequence + receiver.add_sequence) & 0xFFFF, (timestamp + receiver.add_timestamp) & 0xFFFFFFFF
            )
            if receiver.patched and places is not None:
                patch(view, places, receiver)
            context = receiver.context
            if context is None:
                context = receiver.context = receiver.session._srtp[0]
            if protect(context, buffer, length):
                missed += 1
                continue
            receiver.trailer = length[0] - size
            try:
                sendto(view[: length[0]], receiver.address)
            except OSError:
                missed += 1
        return missed

    def _burst(self, packets: Sequence[Packet], trailer: int) -> _Burst:
        placed, at, room = [], 0, bytes(trailer)
        for data, sequence, timestamp, places in packets:
            placed.append(_Placed(at, len(data), self._buffer + at, sequence, timestamp, places))
            at += len(data) + trailer
        sizes = [packet.size + trailer for packet in placed]
        plain = b"".join(itertools.chain.from_iterable((packet.data, room) for packet in packets))
        return _Burst(plain, placed, [self._run(*run) for run in self._runs(sizes)])

    def _runs(self, sizes: Sequence[int]) -> Iterator[tuple[int, int, int]]:
        if self.segments:
            return runs_of(sizes)
        ends = itertools.accumulate(sizes)
        return ((end - size, size, end) for size, end in zip(sizes, ends, strict=True))

    def _run(self, begin: int, step: int, end: int) -> _Run:
        notes = [(socket.IPPROTO_UDP, _UDP_SEGMENT, struct.pack("=H", step))] if end - begin > step else []
        return _Run(begin, step, end, (self._view[begin:end],), notes)

    def _encrypted(self, burst: _Burst, receiver: Receiver) -> bool:
        view, length, protect, pack_into = self._view, self._length, self._protect, NUMBERS.pack_into
        context, patched = receiver.context, receiver.patched
        add_sequence, add_timestamp = receiver.add_sequence, receiver.add_timestamp
        view[: len(burst.plain)] = burst.plain
        for at, size, pointer, sequence, timestamp, places in burst.packets:
            length[0] = size
            pack_into(view, at + 2, (sequence + add_sequence) & 0xFFFF, (timestamp + add_timestamp) & 0xFFFFFFFF)
            if patched and places is not None:
                patch(view, places, receiver, at)
            if protect(context, pointer, length):
                return False
        return True

    def _send(self, burst: _Burst, receiver: Receiver, port: socket.socket) -> int:
        address, missed = receiver.address, 0
        for run in burst.runs:
            try:
                if run.notes and receiver.segments:
                    port.sendmsg(run.content, run.notes, 0, address)
                    continue
            except OSError as fault:
                if fault.errno not in _NO_SEGMENTS:
                    missed += -(-(run.end - run.begin) // run.step)
                    continue
                receiver.segments = False
            missed += self._piecewise(run, address, port)
        return missed

    def _piecewise(self, run: _Run, address: Any, port: socket.socket) -> int:
        missed = 0
        for at in range(run.begin, run.end, run.step):
            try:
                port.sendto(self._view[at : min(at + run.step, run.end)], address)
            except OSError:
                missed += 1
        return missed


def _chunks(packets: Sequence[Packet]) -> Iterator[Sequence[Packet]]:
    """As many packets at once as the buffer takes."""
    begin = size = 0
    for number, packet in enumerate(packets):
        takes = len(packet.data) + _MOST_TRAILER
        if size + takes > _BURST_BYTES and number > begin:
            yield packets[begin:number]
            begin, size = number, 0
        size += takes
    yield packets[begin:]


def self_test(fast: _Fast) -> bool:
    """Whether the fast way does exactly what the public one does, by way of the loopback."""
    key, profile = bytes(range(30)), Policy.SRTP_PROFILE_AES128_CM_SHA1_80
    packets = [Packet(_probe(number, 9, b"p" * size), number, 9) for number, size in enumerate((40, 41, 41, 7), 7)]
    wanted = [_probe(number + 1, 11, b"p" * size) for number, size in enumerate((40, 41, 41, 7), 7)]
    reader = session_of(key, profile, outbound=False)
    try:
        out, back = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        with out, back:
            back.bind(("127.0.0.1", 0))
            back.settimeout(1.0)
            receiver = Receiver(session_of(key, profile, outbound=True), back.getsockname())
            receiver.shift(1, 2, 0, 0)
            if fast.fan(packets[:1], (receiver,), out) or fast.fan(packets[1:], (receiver,), out):
                return False
            return [reader.unprotect(back.recv(2048)) for _ in packets] == wanted and receiver.segments
    except (AttributeError, TypeError, IndexError, Error, OSError):
        return False


def _probe(sequence: int, timestamp: int, payload: bytes) -> bytes:
    return struct.pack("!BBHII", 0x80, 96, sequence, timestamp, 11) + payload


def _fastest() -> tuple[Fan, str]:
    """The fastest way that passes its test, and what is to be said of it."""
    try:
        fast = _Fast()
    except (ImportError, AttributeError):
        return fan_publicly, "pylibsrtp is not the version that requirements/ pins"
    for fast.segments, said in ((True, ""), (False, "this system takes no UDP_SEGMENT")):
        if self_test(fast):
            return fast.fan, said
    return fan_publicly, "neither pylibsrtp nor the loopback did what is expected of them"


fan, SLOW = _fastest()
"""See `srtp.Fan`; and why it is not as fast as it could be, "": it is."""
