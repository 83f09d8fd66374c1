"""What a cluster is told. Data only."""

from collections.abc import Callable

import msgspec

from ces.cluster.scaling import ask_ray
from ces.judge import JudgeSettings


class ClusterSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`judge` is every node's, below a folder of its own in `state_dir`; `workers` is a node's, None: one a CPU it has.

    `depth` times its workers is how many requests a node has at most. A request whose node is lost is tried again
    `retries` times; where no node can take one, it waits `patience_s` for one that can. `start_s` is what a node's
    judge has to begin, `hung_s` after what silence it is taken for dead. `scale` is told how many workers would be
    right, in a thread.
    """

    judge: JudgeSettings
    workers: int | None = None
    depth: int = 4
    retries: int = 3
    patience_s: float = 60.0
    start_s: float = 120.0
    hung_s: float = 60.0
    look_every_s: float = 1.0
    scale: Callable[[int], None] = ask_ray
