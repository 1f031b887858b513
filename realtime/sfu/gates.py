"""What comes from other nodes: one gate for each of them in the mux, behind it the ends of its links."""

import secrets
from typing import Protocol

from realtime.sfu.mux import Mux
from realtime.sfu.packets import is_rtcp
from realtime.sfu.srtp import Address


class End(Protocol):
    """One end of a link, as its gate sees it."""

    def on_media(self, data: bytes, age: float) -> None:
        """A datagram whose SSRC is this link's."""
        ...


class Gate:
    """Everything that comes from one other node: by SSRC to its link."""

    def __init__(self, mux: Mux, address: Address) -> None:
        self.ufrag = secrets.token_hex(8)
        self.password = secrets.token_bytes(16)
        self.ends: dict[bytes, End] = {}
        self._mux = mux
        mux.add(self)
        mux.expect(self, address)

    def on_media(self, data: bytes, age: float) -> None:
        """Hand on what belongs to a link."""
        end = self.ends.get(data[4:8] if is_rtcp(data) else data[8:12])
        if end is None:
            self._mux.faults.count("unknown_ssrc")
        else:
            end.on_media(data, age)

    def on_handshake(self, data: bytes) -> None:
        """Nodes do not shake hands."""
        self._mux.faults.count("handshake_on_a_link")

    def is_at(self, address: Address) -> bool:
        """A node's address is its own for as long as there is a link."""
        return True

    def on_reached(self, address: Address, *, nominated: bool) -> None:
        """Nobody is told the password of a gate."""


class Gates:
    """The gates of this node, one for each node that it has links with."""

    def __init__(self, mux: Mux) -> None:
        self.mux = mux
        self._gates: dict[Address, Gate] = {}

    def join(self, address: Address, ssrc: int, end: End) -> None:
        """Hand what comes from there with this SSRC to this end."""
        gate = self._gates.get(address)
        if gate is None:
            gate = self._gates[address] = Gate(self.mux, address)
        gate.ends[ssrc.to_bytes(4, "big")] = end

    def part(self, address: Address, ssrc: int) -> None:
        """Hand nothing on any more; a gate without ends is closed."""
        gate = self._gates.get(address)
        if gate is None:
            return
        gate.ends.pop(ssrc.to_bytes(4, "big"), None)
        if not gate.ends:
            self.mux.remove(gate)
            del self._gates[address]
