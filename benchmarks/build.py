"""Seconds and memory of a whole index build, by stage.

python -m benchmarks.build pages.jsonl.gz --index DIR
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from rag.index import open_index


def main(argv: Sequence[str] | None = None) -> int:
    """Build in a process of its own and print what it took."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.build", description=__doc__)
    parser.add_argument("paths", nargs="+", metavar="PATH")
    parser.add_argument("--index", type=Path, required=True, metavar="DIR")
    parser.add_argument("--profile", default="offline", metavar="NAME")
    arguments = parser.parse_args(argv)
    command = [sys.executable, "-m", "rag.index", "build", *arguments.paths]
    command += ["--index", str(arguments.index), "--profile", arguments.profile]
    started = time.perf_counter()
    subprocess.run(command, check=True)
    seconds = time.perf_counter() - started
    # The largest single process; the pool's workers are reaped by the build, so theirs is in this maximum too.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    size = sum(path.stat().st_size for path in arguments.index.rglob("*") if path.is_file()) / 2**20
    manifest = open_index(arguments.index).manifest
    Console().print(
        f"{manifest.documents} documents, {manifest.chunks} chunks: {seconds:.1f} s, "
        f"largest process {peak:.0f} MiB, {size:.0f} MiB on disk"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
