"""Which shards this host owns: it takes what falls to it among the hosts that live, and drops what others have taken."""

import asyncio
from collections.abc import Callable, Container, Iterable, Mapping, Sequence

import structlog

from actors.members import GONE_SECONDS, LATEST_SECONDS, Members
from actors.shards import SHARDS, assign
from persistence.errors import StoreAway
from persistence.membership import Member, Membership
from persistence.ownership import Owner, Ownership

LOOK_SECONDS = 0.3
SURE_SECONDS = GONE_SECONDS - LATEST_SECONDS
"""For so long after a look began nobody takes what this host owned then because of its silence: whatever Postgres's clock
says, others believe its sign of life to be at most `LATEST_SECONDS` older than it is."""
STORE_SECONDS = 8.0
HOLD_SECONDS = 2.0
LONGEST_HOLD_SECONDS = 60.0
"""A host that begins, or comes back, takes nothing from who lives before it has been well for two seconds; each time that it
stood still again within ten minutes, for twice as long."""
FORGIVEN_SECONDS = 600.0

Gain = Callable[[Mapping[int, int], frozenset[int]], None]
"""Told the epochs of the shards that were taken, and which of them were another's who lives: it may not know yet."""

_log = structlog.get_logger(__name__)


class Shares:
    """The shards of one run of one host, and what it knows of those of others. Only what falls to itself is taken, and only
    if nobody else was faster; nothing is dropped before somebody has taken it. `seconds` is a clock that nobody sets and
    that is looked at anew whenever it is asked: after standing still, it must not say what it said before."""

    def __init__(
        self, ownership: Ownership, membership: Membership, host: str, run: str, peers: Iterable[str] = (),
        seconds: Callable[[], float] | None = None,
    ) -> None:  # fmt: skip
        self.epochs: dict[int, int] = {}
        self._ownership = ownership
        self._membership = membership
        self._host = host
        self._run = run
        self._members = Members(host, peers, asyncio.get_running_loop().time())
        self._owners: dict[int, Owner] = {}
        self._living: tuple[str, ...] = ()
        self._rightful: Mapping[int, str] = {}
        self._seconds = seconds or _now
        self._sure_until = 0.0
        self._hold = HOLD_SECONDS
        self._holds_until = 0.0
        self._came_back_at = -FORGIVEN_SECONDS

    def find(self, shard_id: int) -> str | None:
        """The owner of a shard as far as it is known now; None for a shard that this host has just lost or not yet taken."""
        owner = self._owners.get(shard_id)
        return owner.host if owner is not None and owner.host != self._host else None

    def owners(self) -> dict[int, str]:
        """The owners of all shards as far as they are known, this host's own included."""
        known = {shard_id: owner.host for shard_id, owner in self._owners.items() if owner.host != self._host}
        return {**known, **dict.fromkeys(self.epochs, self._host)}

    @property
    def are_sure(self) -> bool:
        """Whether nobody can have taken a shard for this host's silence since it last read who owns what."""
        return self._seconds() <= self._sure_until

    async def begin(self) -> None:
        """Become a member and take what falls to this host. Raises StoreAway."""
        began = self._seconds()
        async with asyncio.timeout(STORE_SECONDS):
            self._members.look(await self._membership.enter(self._host, self._run), _now())
            self._holds_until = _now() + HOLD_SECONDS
            self._see_living()
            self._know(await self._ownership.owners())
            self.epochs.update(await self._take())
        self._sure_until = began + SURE_SECONDS

    async def keep(self, gain: Gain, lose: Callable[[int], None], looked: Callable[[], None]) -> None:
        """Look, until a later run of this host is met: `lose` what others have taken, `gain` what is taken from others, say
        when it `looked`, or tried to."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            began = self._seconds()
            try:
                async with asyncio.timeout(STORE_SECONDS):
                    members = await self._membership.note(self._host, self._run)
                    if members is None:
                        break
                    await self._look(members, gain, lose)
                self._sure_until = began + SURE_SECONDS
                looked()
            except (StoreAway, TimeoutError) as error:
                _log.warning("members_unread", host=self._host, reason=str(error) or type(error).__name__)
                looked()
            except Exception:
                # Whatever it was: a host that stops to look is taken for gone, with all its classes.
                _log.exception("look_failed", host=self._host)
                looked()
        _log.warning("host_superseded", host=self._host, run=self._run)
        for shard_id in list(self.epochs):
            lose(shard_id)

    async def leave(self) -> None:
        """Give up everything, so that others take it at once. Raises StoreAway."""
        self._sure_until = -1.0
        async with asyncio.timeout(STORE_SECONDS):
            await self._membership.leave(self._host, self._run)

    async def _look(self, members: Sequence[Member], gain: Gain, lose: Callable[[int], None]) -> None:
        now = _now()
        if not self._members.look(members, now):
            self._come_back(now)
        self._see_living()
        lost = set()
        for owner in self._know(await self._ownership.owners()):
            if owner.epoch > self.epochs.get(owner.shard_id, owner.epoch):
                lost.add(owner.shard_id)
                lose(owner.shard_id)
        if lost:
            _log.warning("shards_lost", host=self._host, shards=len(lost))
        before, others = self._owners, frozenset(self._living) - {self._host}
        taken = await self._take(lost)
        if taken:
            self.epochs.update(taken)
            from_living = frozenset(shard_id for shard_id in taken if shard_id in before and before[shard_id].host in others)
            gain(taken, from_living)

    def _see_living(self) -> None:
        now = _now()
        living = self._members.living(now)
        if living != self._living:
            _log.info("members_changed", host=self._host, living=living, before=self._living)
            self._living, self._rightful = living, assign(living)

    def _come_back(self, now: float) -> None:
        """This host, or the way to the store, stood still: others may have taken it for gone."""
        forgiven = now - self._came_back_at > FORGIVEN_SECONDS
        self._came_back_at = now
        self._hold = HOLD_SECONDS if forgiven else min(2 * self._hold, LONGEST_HOLD_SECONDS)
        self._holds_until = now + self._hold

    def _know(self, owners: Sequence[Owner]) -> Sequence[Owner]:
        self._owners = {owner.shard_id: owner for owner in owners}
        return owners

    async def _take(self, but: Container[int] = ()) -> dict[int, int]:
        spared = frozenset(self._living) - {self._host} if _now() < self._holds_until else frozenset()
        wanted: dict[int, int] = {}
        for shard_id in range(SHARDS):
            if shard_id in self.epochs or shard_id in but:  # what was lost in this look may be a later run's
                continue
            owner = self._owners.get(shard_id)
            if owner is None:
                if self._rightful[shard_id] == self._host:
                    wanted[shard_id] = 0
            elif owner.host == self._host or (self._rightful[shard_id] == self._host and owner.host not in spared):
                wanted[shard_id] = owner.epoch  # what is one's own by name was an earlier run's
        taken = await self._ownership.take(self._host, wanted) if wanted else {}
        if taken:
            _log.info("shards_taken", host=self._host, shards=len(taken))
        return taken


def _now() -> float:
    return asyncio.get_running_loop().time()
