"""The nodes of the cluster, and the names of what runs on each."""

from dataclasses import dataclass
from functools import partial

import ray

from actors.config import ActorConfig
from actors.discovery import Names
from actors.shards import host_names


@dataclass(frozen=True)
class Node:
    """A node that may run work (a head without CPUs may not, unless it is alone)."""

    id: str
    is_head: bool

    @property
    def gateway(self) -> str:
        """The name of its gateway."""
        return f"gateway-{self.id[:12]}"

    @property
    def worker(self) -> str:
        """The name of its job worker."""
        return f"job-worker-{self.id[:12]}"

    def media(self, count: int) -> tuple[str, ...]:
        """The names of its media nodes."""
        return tuple(f"media-node-{self.id[:12]}-{each}" for each in range(count))

    def hosts(self, count: int) -> tuple[str, ...]:
        """The names of its hosts: on the head, which is all there is on one machine, the same in every run."""
        return host_names(count) if self.is_head else tuple(f"grain-host-{self.id[:12]}-{each}" for each in range(count))


def nodes_now() -> list[Node]:
    """All of them, the head first. Asks Ray's control service, and blocks for a moment."""
    alive = [node for node in ray.nodes() if node["Alive"]]
    able = [node for node in alive if node["Resources"].get("CPU") or len(alive) == 1]
    nodes = [Node(node["NodeID"], "node:__internal_head__" in node["Resources"]) for node in able]
    return sorted(nodes, key=lambda node: (not node.is_head, node.id))


def hosts_of(config: ActorConfig) -> tuple[str, ...]:
    """The names of the hosts of all nodes."""
    return tuple(name for node in nodes_now() for name in node.hosts(config.grain_hosts))


def gateway_names() -> list[str]:
    """The names of the gateways of all nodes."""
    return [node.gateway for node in nodes_now()]


def worker_names() -> list[str]:
    """The names of the job workers of all nodes."""
    return [node.worker for node in nodes_now()]


def media_names(config: ActorConfig) -> list[str]:
    """The names of the media nodes of all nodes."""
    return [name for node in nodes_now() for name in node.media(config.media.nodes)]


def hosts_now(config: ActorConfig) -> Names:
    """`hosts_of`, as one who must not block asks for it."""
    return Names(partial(hosts_of, config))
