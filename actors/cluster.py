"""Makes the actors of a deployment, waits until they work, and ends them in order."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors.config import ActorConfig
from actors.gateway import Gateway
from actors.host import GrainHost
from actors.shards import host_names

START_SECONDS = 60.0
HEALTH_SECONDS = 2.0
_HEALTH = {"health": 2}


class ActorsAway(Exception):
    """The actors did not come up, or cannot be reached. The message is for people."""


def start(config: ActorConfig, on_phase: Callable[[str], None] = lambda _: None) -> None:
    """Make every host and one gateway a node, and wait until they answer. Actors that are there already stay.

    Raises ActorsAway when they do not work within a minute.
    """
    on_phase("Grain hosts")
    names = host_names(config.grain_hosts)
    hosts = [_host(config, name, names) for name in names]
    gateways = [_gateway(config, name, node_id, names) for name, node_id in _gateway_places()]
    try:
        ray.get([host.ready.remote() for host in hosts], timeout=START_SECONDS)
        on_phase("Gateway")
        ray.get([gateway.ready.remote() for gateway in gateways], timeout=START_SECONDS)
    except GetTimeoutError as error:
        raise ActorsAway("The actors did not start within a minute; see the logs of Ray.") from error
    except RayError as error:
        raise ActorsAway(f"An actor did not start: {str(error).splitlines()[-1] if str(error) else error}") from error


def stop(config: ActorConfig, timeout_seconds: float = 10.0) -> None:
    """Drain the gateways (sockets close with 1012), flush the hosts, end both; also those that do not answer in time."""
    until = time.monotonic() + timeout_seconds
    gateways = _find(gateway_names(), config.namespace)
    hosts = _find(host_names(config.grain_hosts), config.namespace)
    _all([gateway.drain.remote(timeout_seconds / 2) for gateway in gateways], until)
    _all([host.close.remote(timeout_seconds / 2) for host in hosts], until)
    for actor in (*gateways, *hosts):
        ray.kill(actor, no_restart=True)


def health(config: ActorConfig) -> dict[str, list[dict[str, Any]]]:
    """What hosts and gateways say of themselves; who does not answer within two seconds is missing. Blocks."""
    found = {
        "hosts": _find(host_names(config.grain_hosts), config.namespace),
        "gateways": _find(gateway_names(), config.namespace),
    }
    asked = {
        kind: [actor.health.options(concurrency_group="health").remote() for actor in actors]
        for kind, actors in found.items()
    }
    ready, _ = ray.wait(
        [ref for refs in asked.values() for ref in refs] or [ray.put(None)], num_returns=len(asked), timeout=0
    )
    del ready
    return {kind: [answer for ref in refs if (answer := _answer(ref)) is not None] for kind, refs in asked.items()}


def _answer(ref: Any) -> dict[str, Any] | None:
    try:
        answer: dict[str, Any] = ray.get(ref, timeout=HEALTH_SECONDS)
    except RayError:
        return None
    return answer


def hosts_of(config: ActorConfig) -> tuple[str, ...]:
    """The names of the hosts that there are."""
    return host_names(config.grain_hosts)


def gateway_names() -> list[str]:
    """The names of the gateways of all nodes."""
    return [name for name, _ in _gateway_places()]


def _host(config: ActorConfig, name: str, hosts: Sequence[str]) -> Any:
    actor = ray.remote(concurrency_groups=_HEALTH)(GrainHost)
    return actor.options(**_options(config, name), scheduling_strategy="SPREAD").remote(config, name, hosts)


def _gateway(config: ActorConfig, name: str, node_id: str, hosts: Sequence[str]) -> Any:
    where = NodeAffinitySchedulingStrategy(node_id, soft=False)
    actor = ray.remote(concurrency_groups=_HEALTH)(Gateway)
    return actor.options(**_options(config, name), scheduling_strategy=where).remote(config, name, hosts)


def _options(config: ActorConfig, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": config.namespace,
        "lifetime": "detached",
        "get_if_exists": True,
        "max_restarts": -1,
        "max_task_retries": 0,
        "max_concurrency": 1000,
        "num_cpus": 0,
    }


def _gateway_places() -> list[tuple[str, str]]:
    """One gateway a node that may run work (a head without CPUs may not, unless it is alone): its name and the node."""
    alive = [node for node in ray.nodes() if node["Alive"]]
    nodes = sorted(node["NodeID"] for node in alive if node["Resources"].get("CPU") or len(alive) == 1)
    return [(f"gateway-{node_id[:12]}", node_id) for node_id in nodes]


def _find(names: Any, namespace: str) -> list[Any]:
    found = []
    for name in names:
        try:
            found.append(ray.get_actor(name, namespace))
        except ValueError:
            continue
    return found


def _all(refs: list[Any], until: float) -> None:
    for ref in refs:
        try:
            ray.get(ref, timeout=max(0.1, until - time.monotonic()))
        except RayError:
            continue  # it is ended next, in any case
