"""Seeds, and what becomes of them in small changes."""

from __future__ import annotations

from benchmarks.fuzzing.mutation import Mutator
from benchmarks.fuzzing.watch import Watch


def fuzz(watch: Watch, runs: int, seed: int) -> None:
    """Run the seeds as they are first."""
    target = watch.target
    for data in target.seeds[:runs]:
        watch.run(data)
    mutator = Mutator(target.seeds, target.tokens, seed)
    for _ in range(runs - len(target.seeds)):
        watch.run(mutator.next())
