"""What Prometheus is told of a cluster: nodes, what each has in hand, what went wrong."""

from collections.abc import Callable, Iterator

import msgspec
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """`in_flight` and `workers` are by node; `retries` and `lost` since the start."""

    in_flight: dict[str, int]
    workers: dict[str, int]
    waiting: int
    retries: int
    lost: int
    wanted: int


class ClusterMetrics(Collector):
    """Values read when they are asked for."""

    def __init__(self, count: Callable[[], Count]) -> None:
        self._count = count

    def collect(self) -> Iterator[Metric]:
        count = self._count()
        in_flight = GaugeMetricFamily("ces_node_in_flight", "Requests a node has.", labels=("node",))
        workers = GaugeMetricFamily("ces_node_workers", "Builds a node may run at once.", labels=("node",))
        for name, value in count.in_flight.items():
            in_flight.add_metric((name,), value)
        for name, value in count.workers.items():
            workers.add_metric((name,), value)
        yield from (in_flight, workers)
        yield GaugeMetricFamily("ces_nodes", "Nodes that judge.", value=len(count.workers))
        yield GaugeMetricFamily("ces_nodes_waited_for", "Requests that no node has room for.", value=count.waiting)
        yield GaugeMetricFamily("ces_wanted_workers", "Workers the queue is worth.", value=count.wanted)
        yield CounterMetricFamily("ces_node_retries", "Requests asked of another node.", value=count.retries)
        yield CounterMetricFamily("ces_nodes_lost", "Judges that were lost with their node or alone.", value=count.lost)
