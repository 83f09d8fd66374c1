"""What Prometheus is told: counters of verdicts, what waits, how long things take."""

from collections.abc import Callable, Iterable, Iterator

import prometheus_client
from prometheus_client import Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ces.request import CheckRequest
from ces.verdict import Verdict

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0)


class Now(Collector):
    """Values read when they are asked for. `gauges` and `counters` give (name, help, value)."""

    def __init__(
        self,
        gauges: Callable[[], Iterable[tuple[str, str, float]]],
        counters: Callable[[], Iterable[tuple[str, str, float]]],
    ) -> None:
        self._gauges = gauges
        self._counters = counters

    def collect(self) -> Iterator[Metric]:
        for name, told, value in self._gauges():
            yield GaugeMetricFamily(name, told, value=value)
        for name, told, value in self._counters():
            yield CounterMetricFamily(name, told, value=value)


class Metrics:
    """One a service, with a registry of its own."""

    def __init__(self, now: Now) -> None:
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = prometheus_client.CollectorRegistry()
        self._registry.register(now)
        prometheus_client.ProcessCollector(registry=self._registry)
        self._verdicts = Counter("ces_verdicts", "Verdicts given.", ("status", "stage"), registry=self._registry)
        self._cached = Counter("ces_cache_hits", "Verdicts that an earlier run had found.", registry=self._registry)
        self._flags = Counter("ces_flags", "Verdicts with a flag of this name.", ("flag",), registry=self._registry)
        self._refused = Counter("ces_refused", "Requests not taken.", ("code",), registry=self._registry)
        self._wall = self._histogram("ces_wall_seconds", "From a request's arrival to its verdict.")
        self._queue = self._histogram("ces_queue_seconds", "Of that, the wait for the judge and for a worker.")
        self._cpu = self._histogram("ces_cpu_seconds", "CPU time of the builds run for a verdict.")

    def add(self, collector: Collector) -> None:
        self._registry.register(collector)

    def judged(self, request: CheckRequest, verdict: Verdict) -> None:
        self._verdicts.labels(verdict.status, verdict.stage or "none").inc()
        for flag in {flag.name for flag in verdict.flags}:
            self._flags.labels(flag).inc()
        self._wall.observe(verdict.wall_ms / 1000)
        self._queue.observe(verdict.queue_ms / 1000)
        if verdict.cached:
            self._cached.inc()
        else:
            self._cpu.observe(verdict.cpu_ms / 1000)

    def refused(self, code: int) -> None:
        self._refused.labels(str(code)).inc()

    def text(self) -> bytes:
        """The exposition format 0.0.4."""
        return prometheus_client.generate_latest(self._registry)

    def _histogram(self, name: str, told: str) -> Histogram:
        return Histogram(name, told, buckets=SECONDS, registry=self._registry)
