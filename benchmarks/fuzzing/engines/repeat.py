"""Large inputs made by repetition."""

from __future__ import annotations

import itertools

from benchmarks.fuzzing.repetition import repetitions
from benchmarks.fuzzing.watch import Watch


def fuzz(watch: Watch, runs: int, seed: int) -> None:
    """Run inputs of the length that the target names."""
    target = watch.target
    for data in itertools.islice(repetitions(target.seeds, target.tokens, target.longest, seed), runs):
        watch.run(data)
