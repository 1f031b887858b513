"""What leaves by the port for everybody who watches. Packets that came together go out together."""

import socket
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from realtime.sfu.fan import fan
from realtime.sfu.lanes import Group
from realtime.sfu.srtp import Packet, Receiver

_MOST_OWED = 2048
"""Packets that are held, each counted once for everybody whom it goes to: then nothing more is read before they are sent,
which takes some ten milliseconds, and the loop's other tasks have their turn."""


@dataclass(slots=True)
class Sent:
    """What a media server has sent."""

    packets: int = 0
    octets: int = 0
    dropped: int = 0


class Egress:
    """Sends at once, but between `hold` and `release`: then a group's packets wait for each other. They are sent receiver by
    receiver, which costs a third of packet by packet. Nothing waits for a packet that has not come yet."""

    __slots__ = ("_groups", "_holds", "_owed", "_port", "sent")

    def __init__(self, port: socket.socket) -> None:
        self.sent = Sent()
        self._port = port
        self._groups: list[Group] = []
        self._owed = 0
        self._holds = False

    @property
    def is_full(self) -> bool:
        """Whether so much is held that it is to be released before more comes."""
        return self._owed >= _MOST_OWED

    def hold(self) -> None:
        """Hold from now on what goes to groups."""
        self._holds = True

    def release(self) -> None:
        """Send what is held, and hold nothing more. What is little goes first: sound does not wait for another class's
        keyframe. Raises what the first of the groups that failed did, when all have been sent to."""
        self._holds = False
        groups, self._groups, self._owed = self._groups, [], 0
        groups.sort(key=lambda group: len(group.held) * len(group.receivers))
        faults = []
        for group in groups:
            packets, group.held = group.held, []
            try:
                self.send(packets, group.receivers)
            except Exception as fault:  # it is this group's: the others go on
                self.sent.dropped += len(packets) * len(group.receivers)
                faults.append(fault)
        if faults:
            raise faults[0]

    def flush(self, group: Group) -> None:
        """Send what is held for the group: whoever joins or leaves it does so between packets."""
        if group.held:
            packets, group.held = group.held, []
            self._groups.remove(group)
            self._owed -= len(packets) * len(group.receivers)
            self.send(packets, group.receivers)

    def put(self, packet: Packet, group: Group) -> None:
        """Send the packet to the group, now or with others."""
        if not self._holds:
            self.send((packet,), group.receivers)
            return
        if not group.held:
            self._groups.append(group)
        group.held.append(packet)
        self._owed += len(group.receivers)

    def send_reports(self, reports: bytes, receiver: Receiver) -> None:
        """Send a compound packet of RTCP, now."""
        try:
            self._port.sendto(receiver.session.protect_rtcp(reports), receiver.address)
        except OSError:
            self.sent.dropped += 1

    def send(self, packets: Sequence[Packet], receivers: Collection[Receiver]) -> None:
        """Send these packets to these receivers, now."""
        sent, missed = self.sent, fan(packets, receivers, self._port)
        sent.dropped += missed
        sent.packets += len(packets) * len(receivers) - missed
        octets = sum(len(packet.data) for packet in packets)
        sent.octets += octets * len(receivers) - octets * missed // len(packets)
