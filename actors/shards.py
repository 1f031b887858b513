"""Which shard a grain is in, and which host a shard belongs to while nobody says otherwise."""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from zlib import crc32

SHARDS = 256


def shard_of(kind: str, grain_id: str) -> int:
    """The shard of a grain, 0 to 255; the same for ever."""
    return crc32(f"{kind}:{grain_id}".encode()) % SHARDS


def host_names(count: int) -> tuple[str, ...]:
    """The names of a deployment's hosts."""
    return tuple(f"grain-host-{number}" for number in range(count))


def assign(hosts: Sequence[str]) -> dict[int, str]:
    """The host of each shard by rendezvous hashing (Thaler and Ravishankar 1998): a host that joins or leaves moves
    only its own share. Raises ValueError without hosts."""
    if not hosts:
        raise ValueError("there is no host to assign shards to")
    return dict(_assigned(tuple(hosts), SHARDS))


@lru_cache(64)  # a process of many callers asks it of the same hosts again and again
def _assigned(hosts: tuple[str, ...], shards: int) -> dict[int, str]:
    return {shard: max(hosts, key=lambda host: _weight(host, shard)) for shard in range(shards)}


def _weight(host: str, shard: int) -> bytes:
    return blake2b(f"{host}/{shard}".encode(), digest_size=8).digest()
