"""A gateway keeps its hosts knowing that it lives, and notices when one has forgotten it or has other shards."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Protocol

import structlog

from actors.dispatch import HostAway
from actors.envelopes import Attached

ATTACH_SECONDS = 0.5
ATTACH_PATIENCE = 3.0

_log = structlog.get_logger(__name__)


class Hosts(Protocol):
    """The way to the hosts."""

    async def attach(self, host: str, gateway: str, run: str) -> Attached:
        """Tell a host that a gateway lives; what it is to this host. Raises HostAway."""
        ...


class Attachments:
    """Attaches twice a second to every host that `names` names then, or that one of the hosts named when it last answered:
    who takes shards of which nobody here hears anything must know this gateway, too. To each by itself. `renew` is called
    with a host and shards: with all of the host's when its token is not the one before (it was restarted, took this gateway
    for dead, or something it sent did not arrive), otherwise with those that it owns under an epoch that is new here.
    `settle` is called in every round, unless the one before still runs; `doubt` with a host that did not answer."""

    def __init__(
        self,
        hosts: Hosts,
        names: Callable[[], Sequence[str]],
        gateway: str,
        run: str,
        renew: Callable[[str, frozenset[int]], Coroutine[Any, Any, None]],
        settle: Callable[[], Coroutine[Any, Any, None]],
        doubt: Callable[[str], None],
    ) -> None:
        self._hosts = hosts
        self._names = names
        self._gateway = gateway
        self._run = run
        self._renew = renew
        self._settle = settle
        self._doubt = doubt
        self._tokens: dict[str, str] = {}
        self._named: dict[str, Sequence[str]] = {}
        self._epochs: dict[int, int] = {}
        self._attaching: dict[str, asyncio.Task[None]] = {}
        self._settling: asyncio.Task[None] | None = None

    async def attach(self) -> None:
        """Once, to all of them, and to those that they name."""
        asked: set[str] = set()
        while new := self._all() - asked:
            asked |= new
            await asyncio.gather(*map(self._attach, sorted(new)))

    async def keep(self) -> None:
        """For ever."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                await asyncio.sleep(ATTACH_SECONDS)
                names = self._all()
                for host in sorted(names):
                    if host not in self._attaching:
                        task = self._attaching[host] = loop.create_task(self._attach(host))
                        task.add_done_callback(partial(self._attached, host))
                for known in (self._tokens, self._named):
                    for host in known.keys() - names:
                        del known[host]
                if self._settling is None or self._settling.done():
                    self._settling = loop.create_task(self._settle_now())
        finally:
            for task in (*self._attaching.values(), *([self._settling] if self._settling is not None else [])):
                task.cancel()

    def _all(self) -> set[str]:
        return {*self._names()}.union(*self._named.values())

    def _attached(self, host: str, _: "asyncio.Task[None]") -> None:
        del self._attaching[host]

    async def _attach(self, host: str) -> None:
        try:
            attached = await self._ask(host)
            if attached is not None:
                await self._compare(host, attached)
        except Exception:
            # Whatever it was: a gateway that stops to attach is taken for dead, with all its sockets.
            _log.exception("attach_failed", gateway=self._gateway, host=host)

    async def _ask(self, host: str) -> Attached | None:
        try:
            async with asyncio.timeout(ATTACH_PATIENCE):
                attached = await self._hosts.attach(host, self._gateway, self._run)
        except (HostAway, TimeoutError) as error:
            _log.info("host_unattached", gateway=self._gateway, host=host, reason=str(error) or type(error).__name__)
            self._named.pop(host, None)
            self._doubt(host)
            return None
        self._named[host] = attached.hosts
        return attached

    async def _compare(self, host: str, attached: Attached) -> None:
        known = self._epochs
        new = {shard_id: epoch for shard_id, epoch in attached.epochs.items() if epoch > known.get(shard_id, 0)}
        anew = self._tokens.get(host) != attached.token
        if anew or new:
            _log.info("host_attached", gateway=self._gateway, host=host, anew=host in self._tokens, shards=len(new))
            # A host that is wrong about a shard has it under an epoch that is older than one known here.
            own = {each for each, epoch in attached.epochs.items() if epoch >= known.get(each, 0)}
            await self._renew(host, frozenset(own if anew else new))
            self._tokens[host] = attached.token
            known.update(new)

    async def _settle_now(self) -> None:
        try:
            await self._settle()
        except Exception:
            _log.exception("settle_failed", gateway=self._gateway)
