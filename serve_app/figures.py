"""Figures for Prometheus, of one replica: `replica` tells their series apart when a scrape meets another one."""

import secrets

from prometheus_client import CollectorRegistry, Counter, GCCollector, Histogram, PlatformCollector, ProcessCollector

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Figures:
    """Counts the requests of one replica."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        replica = secrets.token_hex(4)
        requests = Counter(
            "lyceum_http_requests_total",
            "Requests answered, by method and status; `door` are join, leave and status of a class.",
            ("replica", "kind", "method", "status"),
            registry=self.registry,
        )
        seconds = Histogram(
            "lyceum_http_request_seconds",
            "Seconds from a request's head to the end of its answer.",
            ("replica", "kind"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._replica = replica
        self._requests = requests
        self._seconds = {kind: seconds.labels(replica, kind) for kind in ("door", "other")}
        self._children: dict[tuple[str, str, int], Counter] = {}

    def count(self, kind: str, method: str, status: int, seconds: float) -> None:
        """Note one request of `kind` (`door` or `other`)."""
        # Methods that no route answers share a name: a stranger's inventions must not grow the series.
        key = (kind, method if method in _METHODS else "other", status)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._requests.labels(self._replica, kind, key[1], str(status))
        child.inc()
        self._seconds[kind].observe(seconds)


_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
