"""Figures for Prometheus, of one replica: `replica` tells their series apart when a scrape meets another one."""

import secrets
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


class Figures(Collector):
    """Counts the requests of one replica. Plain numbers, made into Prometheus' own only when somebody asks: the library's
    counters would cost a join a tenth of its time."""

    def __init__(self) -> None:
        self._replica = secrets.token_hex(4)
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._buckets: defaultdict[str, list[int]] = defaultdict(lambda: [0] * (len(_BOUNDS) + 1))
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self.registry = CollectorRegistry()
        self.registry.register(self)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)

    def count(self, kind: str, method: str, status: int, seconds: float) -> None:
        """Note one request of `kind` (`door`: join, leave and status of a class; or `other`)."""
        # Methods that no route answers share a name: a stranger's inventions must not grow the series.
        self._requests[kind, method if method in _METHODS else "other", status] += 1
        self._buckets[kind][bisect_left(_BOUNDS, seconds)] += 1
        self._seconds[kind] += seconds

    def collect(self) -> Iterator[Metric]:
        """The figures of now."""
        requests = CounterMetricFamily(
            "lyceum_http_requests",
            "Requests answered; the kind `door` is join, leave and status of a class.",
            labels=("replica", "kind", "method", "status"),
        )
        for (kind, method, status), number in self._requests.items():
            requests.add_metric((self._replica, kind, method, str(status)), number)
        yield requests
        seconds = HistogramMetricFamily(
            "lyceum_http_request_seconds",
            "Seconds from a request's head to the end of its answer.",
            labels=("replica", "kind"),
        )
        for kind, buckets in self._buckets.items():
            bounds = [*map(str, _BOUNDS), "+Inf"]
            within = list(zip(bounds, map(float, accumulate(buckets)), strict=True))
            seconds.add_metric((self._replica, kind), within, self._seconds[kind])
        yield seconds
