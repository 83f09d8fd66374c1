"""Tasks out of a green project by breaking it, one place at a time."""

import asyncio
import random
from collections.abc import AsyncGenerator, Collection, Mapping

from ces.tasks.candidate import Origin, candidate
from ces.tasks.mutate import Mutation, Project, changes, mutations
from ces.tasks.task import Task

MAX_FILES = 400  # of a large project so many are looked at, by chance


async def mutants(
    origin: Origin, files: Mapping[str, bytes], *, seed: int, only: Collection[str] = ()
) -> AsyncGenerator[Task, None]:
    """Candidates, the kinds in turn, each kind's places in a random order that `seed` decides."""
    chance = random.Random(seed)
    taken = chance.sample(sorted(files), min(len(files), MAX_FILES))
    project = Project({path: files[path] for path in taken}, seed)
    queues = await asyncio.to_thread(_queues, project, only, chance)
    while queues:
        for queue in queues:
            mutation = queue.pop()
            made = changes(project, mutation.edits)
            if all(change.before != change.after for change in made):
                yield candidate(origin, f"mutate:{mutation.kind}", made, seed=seed)
        queues = [queue for queue in queues if queue]


def _queues(project: Project, only: Collection[str], chance: random.Random) -> list[list[Mutation]]:
    """The places of each kind, shuffled; the kinds too."""
    by_kind: dict[str, list[Mutation]] = {}
    for mutation in mutations(project, only):
        by_kind.setdefault(mutation.kind, []).append(mutation)
    queues = [by_kind[kind] for kind in sorted(by_kind)]
    for queue in queues:
        chance.shuffle(queue)
    chance.shuffle(queues)
    return queues
