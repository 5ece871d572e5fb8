"""Seconds by stage of a warm chain, and a cold start of the command.

python -m benchmarks.latency --index DIR --questions rubq_dev.jsonl [--cold 5]
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from evals.dataset import read_questions
from rag.chain import build_chain
from rag.index import open_index
from rag.profile import load_profile

_WARM_UP = 20


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__)
    parser.add_argument("--index", type=Path, required=True, metavar="DIR")
    parser.add_argument("--questions", type=Path, required=True, metavar="FILE")
    parser.add_argument("--profile", default=None, metavar="NAME")
    parser.add_argument("--cold", type=int, default=0, metavar="N", help="also start the command N times on the demo")
    arguments = parser.parse_args(argv)
    index = open_index(arguments.index)
    chain = build_chain(index, load_profile(arguments.profile or index.manifest.profile))
    questions = [question.question for question in read_questions(arguments.questions)]
    for question in questions[:_WARM_UP]:
        chain.invoke(question)
    timings = [chain.invoke(question).timings for question in questions]
    table = Table(title=f"{len(questions)} questions, {len(index.chunks)} chunks, milliseconds")
    for column in ("stage", "p50", "p95", "max"):
        table.add_column(column, justify="right")
    stages = {stage: [1000 * timing[stage] for timing in timings] for stage in timings[0]}
    stages["retrieve + rerank"] = [1000 * (t["retrieve"] + t.get("rerank", 0.0)) for t in timings]
    for stage, values in stages.items():
        table.add_row(stage, *(f"{np.percentile(values, q):.1f}" for q in (50, 95, 100)))
    console = Console()
    console.print(table)
    console.print(f"resident memory, at most: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    if arguments.cold:
        console.print("cold start on the demo index, seconds:", _cold_starts(arguments.cold))
    return 0


def _cold_starts(count: int) -> str:
    command = [sys.executable, "-m", "rag.ask", "Какова наибольшая глубина Байкала?"]
    subprocess.run(command, check=True, capture_output=True)  # builds the index where it is not there yet
    seconds = []
    for _ in range(count):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(time.perf_counter() - started)
    return ", ".join(f"{value:.2f}" for value in sorted(seconds))


if __name__ == "__main__":
    sys.exit(main())
