"""A gateway keeps its hosts knowing that it lives, and notices when one of them has forgotten it."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

import structlog

from actors.dispatch import HostAway

ATTACH_SECONDS = 0.5
ATTACH_PATIENCE = 3.0

_log = structlog.get_logger(__name__)


class Hosts(Protocol):
    """The way to the hosts."""

    async def attach(self, host: str, gateway: str, run: str) -> str:
        """Tell a host that a gateway lives; the host's token. Raises HostAway."""
        ...


class Attachments:
    """Attaches to every host twice a second. `renew` is called for a host whose token is not the one before: it was
    restarted, took this gateway for dead, or something it sent did not arrive. `settle` is called in every round, unless
    the one before still runs."""

    def __init__(
        self,
        hosts: Hosts,
        names: Sequence[str],
        gateway: str,
        run: str,
        renew: Callable[[str], Coroutine[Any, Any, None]],
        settle: Callable[[], Coroutine[Any, Any, None]],
    ) -> None:
        self._hosts = hosts
        self._names = names
        self._gateway = gateway
        self._run = run
        self._renew = renew
        self._settle = settle
        self._tokens: dict[str, str] = {}
        self._settling: asyncio.Task[None] | None = None

    async def attach(self) -> None:
        """Once, to all of them."""
        await asyncio.gather(*map(self._attach, self._names))

    async def keep(self) -> None:
        """For ever."""
        try:
            while True:
                await asyncio.sleep(ATTACH_SECONDS)
                await self.attach()
                if self._settling is None or self._settling.done():
                    self._settling = asyncio.get_running_loop().create_task(self._settle_now())
        finally:
            if self._settling is not None:
                self._settling.cancel()

    async def _attach(self, host: str) -> None:
        try:
            async with asyncio.timeout(ATTACH_PATIENCE):
                token = await self._hosts.attach(host, self._gateway, self._run)
            if self._tokens.get(host) != token:
                _log.info("host_attached", gateway=self._gateway, host=host, anew=host in self._tokens)
                await self._renew(host)
                self._tokens[host] = token
        except (HostAway, TimeoutError) as error:
            _log.info("host_unattached", gateway=self._gateway, host=host, reason=str(error) or type(error).__name__)
        except Exception:
            # Whatever it was: a gateway that stops to attach is taken for dead, with all its sockets.
            _log.exception("attach_failed", gateway=self._gateway, host=host)

    async def _settle_now(self) -> None:
        try:
            await self._settle()
        except Exception:
            _log.exception("settle_failed", gateway=self._gateway)
