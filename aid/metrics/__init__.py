"""What happened to each request: kept on this machine, in numbers, for `aid stats` and for experiments.

`Metrics` records and answers, `Request` is what is recorded, `SurvivalWatch` looks how much of it survives.
"""

from aid.metrics.record import Outcome, Request
from aid.metrics.store import Metrics
from aid.metrics.watch import SurvivalWatch

__all__ = ["Metrics", "Outcome", "Request", "SurvivalWatch"]
