"""How many workers the queue is worth, and who is told: Ray's autoscaler, where the cluster has one."""

import logging
import math

log = logging.getLogger(__name__)

MOST_WORKERS = 10_000


def wanted_workers(asked: int, depth: int) -> int:
    """The workers that would have `asked` requests in hand, `depth` each, the last of them not waiting for a node.

    0 where nothing is asked.
    """
    return min(math.ceil(max(asked, 0) / depth), MOST_WORKERS)


def ask_ray(workers: int) -> None:
    """Ask for a cluster of so many CPUs in all; without an autoscaler nobody listens."""
    from ray.autoscaler.sdk import request_resources

    request_resources(num_cpus=workers)
