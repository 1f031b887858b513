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
from actors.jobs.worker import JobWorker
from actors.media_node import MediaNode
from actors.nodes import Node, gateway_names, hosts_of, media_names, nodes_now, worker_names

START_SECONDS = 60.0
HEALTH_SECONDS = 2.0
_HEALTH = {"health": 2}


class ActorsAway(Exception):
    """The actors did not come up, or cannot be reached. The message is for people."""


def start(config: ActorConfig, on_phase: Callable[[str], None] = lambda _: None) -> None:
    """Make the hosts and the gateway of every node, and wait until they answer. Actors that are there already stay. Job
    workers and media nodes are made by the gateways' first look at the nodes (`extend`), so that nobody who starts waits for
    them.

    Raises ActorsAway when they do not work within a minute.
    """
    on_phase("Grain hosts")
    hosts, gateways = _make(config, nodes_now())
    try:
        ray.get([host.ready.remote() for host in hosts], timeout=START_SECONDS)
        on_phase("Gateway")
        ray.get([gateway.ready.remote() for gateway in gateways], timeout=START_SECONDS)
    except GetTimeoutError as error:
        raise ActorsAway("The actors did not start within a minute; see the logs of Ray.") from error
    except RayError as error:
        raise ActorsAway(f"An actor did not start: {str(error).splitlines()[-1] if str(error) else error}") from error


def extend(config: ActorConfig, known: frozenset[str]) -> frozenset[str]:
    """Make the hosts, the gateways, the job workers and the media nodes of nodes that are not among the known ones; says
    which nodes there are now. Blocks for a moment."""
    nodes = nodes_now()
    new = [node for node in nodes if node.id not in known]
    _make(config, new)
    names = hosts_of(config) if new else ()
    for node in new:
        _actor(JobWorker, config, node.worker, node, names)
        for number, name in enumerate(node.media(config.media.nodes)):
            _actor(MediaNode, config, name, node, names, config.media.udp_port + number)
    return frozenset(node.id for node in nodes)


def stop(config: ActorConfig, timeout_seconds: float = 10.0) -> None:
    """Have job workers and media nodes let go, drain the gateways (sockets close with 1012), flush the hosts, end them all;
    also those that do not answer in time."""
    until = time.monotonic() + timeout_seconds
    gateways = _find(gateway_names(), config.namespace)
    hosts = _find(hosts_of(config), config.namespace)
    workers = _find(worker_names(), config.namespace)
    media = _find(media_names(config), config.namespace)
    letting_go = [each.close.remote(timeout_seconds / 4) for each in (*workers, *media)]
    _all([gateway.drain.remote(timeout_seconds / 2) for gateway in gateways], until)
    _all([host.close.remote(timeout_seconds / 2) for host in hosts], until)
    _all(letting_go, until)
    for actor in (*workers, *media, *gateways, *hosts):
        ray.kill(actor, no_restart=True)


def health(config: ActorConfig) -> dict[str, list[dict[str, Any]]]:
    """What hosts, gateways, job workers and media nodes say of themselves; who does not answer within two seconds is
    missing. Blocks."""
    found = {
        "hosts": _find(hosts_of(config), config.namespace),
        "gateways": _find(gateway_names(), config.namespace),
        "workers": _find(worker_names(), config.namespace),
        "media": _find(media_names(config), config.namespace),
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


def _make(config: ActorConfig, nodes: Sequence[Node]) -> tuple[list[Any], list[Any]]:
    """The hosts and the gateways of these nodes. They stay on their node and die with it: others take over the shards."""
    names = hosts_of(config) if nodes else ()
    hosts = [_actor(GrainHost, config, name, node, names) for node in nodes for name in node.hosts(config.grain_hosts)]
    return hosts, [_actor(Gateway, config, node.gateway, node, names) for node in nodes]


def _actor(kind: type, config: ActorConfig, name: str, node: Node, hosts: Sequence[str], *more: Any) -> Any:
    where = NodeAffinitySchedulingStrategy(node.id, soft=False)
    actor = ray.remote(concurrency_groups=_HEALTH)(kind)
    return actor.options(**_options(config, name), scheduling_strategy=where).remote(config, name, hosts, *more)


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
