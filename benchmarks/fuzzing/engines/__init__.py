"""Ways of making inputs; each runs so many of them through a watch."""

from __future__ import annotations

import importlib
import importlib.util

from benchmarks.fuzzing.watch import Watch

ENGINES = ("mutate", "repeat", "hypothesis", "atheris")


def fuzz(engine: str, watch: Watch, runs: int, seed: int) -> None:
    """Run so many inputs of an engine.

    Args:
        engine: one of :data:`ENGINES`.
        watch: runs them.
        runs: how many, at least 1.
        seed: equal seeds make equal inputs, except with atheris, which goes by what it has covered.
    """
    importlib.import_module(f"benchmarks.fuzzing.engines.{engine}").fuzz(watch, runs, seed)


def available(engine: str) -> bool:
    """Whether the package that an engine needs is installed."""
    return engine in {"mutate", "repeat"} or importlib.util.find_spec(engine) is not None
