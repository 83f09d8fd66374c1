"""One proposal for one task, as it is kept: a line of samples.jsonl. Data, and how it is stored."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from ces.growing import Growing
from ces.verdict import Stage, Status
from trainer.errors import TrainerError

FILE_NAME = "samples.jsonl"


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """What a model answered and what became of it.

    `outcome` is `aid.session.attempt`'s. `status`, `components` and `reward` are CES's; for an answer that could not be
    placed they are what CES would say of it. `reward` None: unscorable, left out of every rate. `first_error` is the
    first line of the first error. `error` says why a model failed to answer.
    """

    task: str
    kind: str
    project: str
    model: str
    index: int
    outcome: str
    reply: str
    diff: str
    well_formed: bool
    status: Status
    stage: Stage | None
    components: dict[Stage, float]
    reward: float | None
    flags: tuple[str, ...] = ()
    first_error: str | None = None
    error: str | None = None
    tries: int = 1
    completion_tokens: int | None = None
    cut: bool = False
    model_ms: float = 0.0
    judge_ms: float = 0.0

    @property
    def key(self) -> tuple[str, str, int]:
        return self.task, self.model, self.index


class Samples:
    """The file of a run's samples: read once, then added to line by line, each down to the disk.

    One run at a time has it open; the lock goes with its process.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self.found: dict[tuple[str, str, int], Sample] = {}
        try:
            self._file = Growing(self._path, Sample)
        except BlockingIOError as error:
            raise TrainerError(f"another run is at work in {folder}: wait for it, or name another --report") from error
        try:
            self._read()
        except BaseException:
            self._file.close()
            raise
        self._file.mend()

    def _read(self) -> None:
        lines = self._path.read_bytes().split(b"\n")
        for line in lines[:-1] if self._file.torn else lines:
            if not line:
                continue
            try:
                sample = msgspec.json.decode(line, type=Sample)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise TrainerError(f"{self._path} has a line that is no sample ({error}): move it away") from error
            self.found[sample.key] = sample

    def add(self, sample: Sample) -> None:
        """Keep `sample`, unless it is one that the machine failed: that is asked for again another time."""
        self.found[sample.key] = sample
        if sample.reward is None:
            return
        self._file.add(sample)

    def of(self, model: str) -> list[Sample]:
        return [sample for sample in self.found.values() if sample.model == model]

    def close(self) -> None:
        self._file.close()


def by_task(samples: Iterable[Sample]) -> dict[str, list[Sample]]:
    """The scorable samples of each task."""
    tasks: dict[str, list[Sample]] = {}
    for sample in samples:
        if sample.reward is not None:
            tasks.setdefault(sample.task, []).append(sample)
    return tasks
