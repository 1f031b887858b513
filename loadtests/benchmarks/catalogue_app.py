"""The peer of `catalogue.py`: Lyceum's own application, without Serve and without Ray.

`uvicorn loadtests.benchmarks.catalogue_app:application` with the `LYCEUM_*` settings in the environment. The pages that are
read ask no class, so there is none: who asks one is told that it is away.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from actors.clients import ActorClients
from actors.config import ActorConfig
from actors.dispatch import Dispatcher, HostAway
from actors.logs import configure_logs
from serve_app import opening
from serve_app.app import create_edge
from serve_app.deployment import edge_config
from serve_app.settings import Settings


class NoHosts:
    """See `HostTransport`."""

    async def call(self, host: str, payload: bytes) -> bytes:
        """Nobody is there. Raises HostAway."""
        raise HostAway(host)


def without_actors(config: ActorConfig) -> ActorClients:
    """In place of `actors.clients.connect`, which asks Ray."""

    async def is_well(name: str) -> bool:
        return False

    async def no_gateways() -> Sequence[str]:
        return ()

    return ActorClients(Dispatcher(NoHosts(), ("nowhere",)), is_well, no_gateways)


configure_logs()
_settings = Settings()
_config = replace(edge_config(_settings), server_adds_request_id=False)  # uvicorn adds none
opening.connect = without_actors  # type: ignore[attr-defined]  # imported there, and found there when parts are opened
application = create_edge(_config, partial(opening.open_parts, _config, _settings.actor_config()))
