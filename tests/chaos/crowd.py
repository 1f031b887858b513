"""The people of a simulation: they ask at once and again, over REST and two gateways, from two tabs, hang up, and lose
patience; and what they were told."""

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Any

from classroom.answers import Accepted, Answer, Refused
from classroom.callers import Caller
from classroom.ids import CommandId, ConnectionId, UserId
from classroom.live import commands as c
from classroom.refusals import Unavailable
from persistence.batches import Bundle
from tests.actors.school import TEACHER, Class, Gate, School
from tests.chaos.network import Network
from tests.chaos.oracle import insist
from tests.linearizability.door import heard
from tests.linearizability.histories import History, Operation

PATIENCE_SECONDS = 20.0
STAYS_SECONDS = 6.0
REACHED_SECONDS = 20.0
"""A gateway that reached its hosts for so long has lost no socket."""
Ask = tuple[Hashable, ...]
STUDENT: list[Ask] = [
    *[("join", True)] * 3, ("join", False), ("leave",), ("leave",), ("status",), ("chat",), ("hang up",),
    ("come up",), ("go down",),
]  # fmt: skip
INSTRUCTOR: list[Ask] = [
    *(("capacity", seats) for seats in (1, 2, 3)), ("status",), ("chat",), ("chat",),
    ("invite",), ("invite",), ("record",), ("record no more",), ("video",),
]  # fmt: skip
BESIDE_THE_DOOR = {"come up", "go down", "invite", "record", "record no more", "video"}
"""What the door must not notice. It is checked in the log: who is on the stage sits, and one recording runs at most."""


class Crowd:
    """Everybody in all classes. `gates` are the gateways of now."""

    def __init__(self, school: School, network: Network, gates: list[Gate], rng: random.Random) -> None:
        self.history = History()
        self.said: defaultdict[str, set[str]] = defaultdict(set)
        self.seated: defaultdict[str, set[str]] = defaultdict(set)
        self.wronged: list[str] = []
        """Whose seat was given away though a socket of theirs was open."""
        self._school, self._network, self._gates, self._rng = school, network, gates, rng
        self._sockets: defaultdict[tuple[str, str], dict[str, Gate]] = defaultdict(dict)
        self._left_perhaps: set[tuple[str, str]] = set()
        self._under_way: dict[bytes, list[Operation]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._numbers = 0
        network.carried, network.writing = self._carried, self._writing

    async def live(self, room: Class, who: Caller) -> None:
        """One thing after the other, in bursts; each insisted on, unless patience ends."""
        rng = self._rng
        kinds = INSTRUCTOR if who is TEACHER else STUDENT
        home_at = asyncio.get_running_loop().time() + STAYS_SECONDS
        for _ in range(rng.randint(2, 6)):
            if asyncio.get_running_loop().time() > home_at:
                break  # time is what a seed costs
            await asyncio.sleep(rng.expovariate(10) if rng.random() < 0.8 else rng.random() * 2)
            ask = rng.choice(kinds)
            if ask == ("hang up",):
                self._hang_up(room, who)
            else:
                await self._do(room, who, ask)

    async def _do(self, room: Class, who: Caller, ask: Ask) -> None:
        loop, rng = asyncio.get_running_loop(), self._rng
        self._numbers += 1
        key = f"key-{self._numbers:05d}"
        if ask[0] in BESIDE_THE_DOOR:
            if ask == ("invite",):
                ask = ("invite", rng.choice(sorted(self.seated[room.id]) or [who.user_id]))
            await self._insist(room, who, ask, key)
            return
        if ask == ("chat",):
            answer = await self._insist(room, who, ask, key)
            if isinstance(answer, Accepted):
                self.said[room.id].add(key)
            return
        operation = self.history.invoke(room.id, who.user_id, ask, loop.time(), repeated=False)
        self._under_way[key.encode()] = [operation]
        inside = room.id, who.user_id
        if ask == ("leave",):
            self._sockets[inside].clear()
        answer = await self._insist(room, who, ask, key)
        del self._under_way[key.encode()]
        if ask == ("leave",):
            self._sockets[inside].clear()
            if answer is None:
                self._left_perhaps.add(inside)
        if answer is None:
            return
        if isinstance(answer, Refused):
            told: Hashable = ("refused", answer.refusal.code)
        else:
            body = json.loads(answer.body)
            told = heard(ask, body)
            if ask[0] == "join" and body["outcome"] == "seated":
                self.seated[room.id].add(who.user_id)
        self.history.hear(operation, told, loop.time())
        if isinstance(answer, Refused) and operation.repeated:
            # A class does not remember whom it refused: another copy of the same command may have been done as well.
            self.history.operations.append(replace(operation, returned=None, answered_at=None, answer=None))

    async def _insist(self, room: Class, who: Caller, ask: Ask, key: str) -> Answer | None:
        """None when nobody knows what became of it: patience ended, or whoever asked went away at once."""
        rng = self._rng
        patience = rng.choices([PATIENCE_SECONDS, 1.0], [0.9, 0.1])[0]
        hurry = rng.expovariate(1) if rng.random() < 0.15 else None
        try:
            async with asyncio.timeout(hurry):
                return await insist(lambda: self._once(room, who, ask, key), asyncio.get_running_loop().time() + patience)
        except TimeoutError:
            return None

    async def _once(self, room: Class, who: Caller, ask: Ask, key: str) -> Answer:
        """Over REST, or over a socket of a gateway."""
        if self._rng.random() < 0.5:
            return await self._school.live.execute(room.id, who, _command(ask, key, None), CommandId(key))
        gate = self._rng.choice(self._gates)
        socket = ConnectionId(f"{gate.run}.{key}")
        asked = gate.inside(gate.topics.execute(room.id, who, _command(ask, key, socket), CommandId(key)))
        try:
            await asyncio.wait((asked, gate.gone), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            asked.cancel()
            self._close(gate, gate.topics.gone(None, who, socket))
            raise
        if not asked.done():
            return Refused(Unavailable())
        answer = asked.result()
        if ask[0] == "join" and isinstance(answer, Accepted) and not gate.gone.done():
            self._sockets[room.id, who.user_id][socket] = gate
        return answer

    def _hang_up(self, room: Class, who: Caller) -> None:
        sockets = self._sockets[room.id, who.user_id]
        if sockets:
            socket = self._rng.choice(list(sockets))
            gate = sockets.pop(socket)
            if not gate.gone.done():
                self._close(gate, gate.topics.gone([room.id], who, ConnectionId(socket)))

    def _close(self, gate: Gate, telling: Any) -> None:
        task = gate.inside(telling)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _carried(self, payload: bytes) -> None:
        """What is sent for the second time may have been done the first time."""
        for key, operations in self._under_way.items():
            if key in payload:
                operations[0].repeated = len(operations) > 1
                operations.append(operations[0])

    def _writing(self, bundle: Bundle) -> Callable[[], None] | None:
        """Seats that nobody asked to be given away: the moment of it lies around the commit."""
        lost = [
            json.loads(entry.payload)["userId"]
            for entry in bundle.events
            if entry.type in ("seat.released", "waitlist.left") and b'"lost"' in bytes(entry.payload)
        ]
        if not lost:
            return None
        since, loop = self.history.moment(), asyncio.get_running_loop()

        def written() -> None:
            for user_id in lost:
                self.history.note(bundle.grain_id, user_id, ("lost",), since, ("done",), loop.time())
                self._check_sockets(bundle.grain_id, user_id)

        return written

    def _check_sockets(self, session_id: str, user_id: str) -> None:
        if (session_id, user_id) in self._left_perhaps:
            return
        for socket, gate in self._sockets[session_id, user_id].items():
            if not gate.gone.done() and self._network.is_reaching(gate.run, REACHED_SECONDS):
                self.wronged.append(f"{user_id} was lost, but socket {socket} is open")


def _command(ask: Ask, text: str, socket: ConnectionId | None) -> c.Command:
    made: dict[Hashable, Callable[[], c.Command]] = {
        "join": lambda: c.TakeSeat(bool(ask[1]), socket),
        "leave": c.Leave,
        "status": c.Look,
        "capacity": lambda: c.Revise(max_students=ask[1]),  # type: ignore[arg-type] # a number of seats
        "chat": lambda: c.PostChat(text),
        "invite": lambda: c.InviteToStage(UserId(str(ask[1]))),
        "come up": c.AcceptStage,
        "go down": c.LeaveStage,
        "record": c.StartRecording,
        "record no more": c.StopRecording,
        "video": lambda: c.OpenMedia("publish", "camera", (f"node@{text}",)),
    }
    return made[ask[0]]()
