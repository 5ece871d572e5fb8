"""Memory, disk, work and latency of an index of any size, calculated from measured unit figures.

python -m benchmarks.scale.model [--memory 64] [--latency 200] [--dimension 256] [--chunks 1e5,1e7,1e9]

What is measured (``python -m benchmarks.scale.growth``) is taken at the largest size measured; what is beyond follows
the stated laws:

- disk, and the work of writing documents and counting terms, grow with the chunks (measured exponents near 1);
- a BM25 question reads the postings of its terms: linear in the chunks of one machine, divided by the machines;
- an HNSW search and insertion grow with the logarithm of the chunks (Malkov, Yashunin 2018, arXiv:1603.09320, section
  4.2.1) and the graph with its vectors has to be in memory, or every step of a search reads the disk;
- several machines are asked at once: the slowest of them, for which the measured p95 stands, and one merge of k from
  each decide.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

_FIGURES = Path(__file__).parents[1] / "data" / "growth.json"
_NEIGHBOURS = 16  # of a chunk in the graph; twice as many in its lowest layer, four bytes each
_HOT = 0.2  # share of the BM25 postings that questions read again and again: what should stay in memory
_SYSTEM = 0.25  # share of a machine's memory for everything else
_MERGE_MS = 0.02  # of one machine's ten best into the answer


@dataclass(frozen=True, slots=True)
class Units:
    """What one chunk costs.

    Args:
        documents_bytes: of its text, terms and metadata on disk.
        bm25_bytes: of its postings.
        vector_bytes: of its vector in the store on disk, besides the numbers.
        write_s: processor seconds of writing it.
        count_s: of counting its terms.
        insert_s: of inserting its vector, at ``measured`` chunks.
        bm25_ms: of a BM25 question, a chunk: p95.
        vectors_ms: of a vector search, at ``measured_vectors`` chunks.
        measured_vectors: largest size with vectors.
    """

    documents_bytes: float
    bm25_bytes: float
    vector_bytes: float
    write_s: float
    count_s: float
    insert_s: float
    bm25_ms: float
    vectors_ms: float
    measured_vectors: float

    @classmethod
    def of(cls, rows: Sequence[dict[str, float]], dimension: int) -> Units:
        """From the figures of :mod:`benchmarks.scale.growth`, whose vectors have ``dimension`` numbers."""
        last = rows[-1]
        dense = [row for row in rows if "vectors_write_s" in row][-1]
        return cls(
            documents_bytes=last["documents_bytes"] / last["size"],
            bm25_bytes=last["bm25_bytes"] / last["size"],
            vector_bytes=dense["vectors_bytes"] / dense["size"] - 4 * dimension,
            write_s=last["documents_write_s"] / last["size"],
            count_s=last["bm25_build_s"] / last["size"],
            insert_s=dense["vectors_write_s"] / dense["size"],
            bm25_ms=last["bm25_ask_p95_ms"] / last["size"],
            vectors_ms=dense["vectors_ask_ms"],
            measured_vectors=dense["size"],
        )


@dataclass(frozen=True, slots=True)
class Cost:
    """What an index costs.

    Args:
        chunks: how many.
        disk_gb: documents, BM25 and vectors.
        memory_gb: graph, vectors and the postings that are read again and again.
        machines: so many that the memory suffices and BM25 answers in time.
        work_h: processor hours of writing, without analysis and encoding.
        lexical_ms: a BM25 question.
        vector_ms: a vector search.
    """

    chunks: float
    disk_gb: float
    memory_gb: float
    machines: int
    work_h: float
    lexical_ms: float
    vector_ms: float


def cost(units: Units, chunks: float, dimension: int, memory_gb: float, latency_ms: float) -> Cost:
    """The cost of an index.

    Args:
        units: of one chunk.
        chunks: how many.
        dimension: of the vectors.
        memory_gb: of one machine.
        latency_ms: of a BM25 question, at most.
    """
    numbers = 4.0 * dimension
    graph = numbers + 2 * _NEIGHBOURS * 4
    memory = chunks * (graph + _HOT * units.bm25_bytes) / 1e9
    enough = math.ceil(memory / (memory_gb * (1 - _SYSTEM)))
    in_time = math.ceil(units.bm25_ms * chunks / latency_ms)
    machines = max(1, enough, in_time)
    shard = chunks / machines
    deeper = math.log(max(shard, 2)) / math.log(units.measured_vectors)
    merging = _MERGE_MS * machines if machines > 1 else 0.0
    return Cost(
        chunks=chunks,
        disk_gb=chunks * (units.documents_bytes + units.bm25_bytes + units.vector_bytes + numbers) / 1e9,
        memory_gb=memory,
        machines=machines,
        work_h=chunks * (units.write_s + units.count_s + units.insert_s * deeper) / 3600,
        lexical_ms=units.bm25_ms * shard + merging,
        vector_ms=units.vectors_ms * deeper + merging,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale.model", description=__doc__)
    parser.add_argument("--growth", type=Path, default=_FIGURES, metavar="FILE", help="measured figures")
    parser.add_argument("--measured-dimension", type=int, default=256, help="of the vectors they were measured with")
    parser.add_argument("--dimension", type=int, default=256, help="of the vectors to calculate for")
    parser.add_argument("--memory", type=float, default=64.0, metavar="GB", help="memory of one machine")
    parser.add_argument("--latency", type=float, default=200.0, metavar="MS", help="of a BM25 question, p95, at most")
    parser.add_argument("--chunks", default="1e5,1e6,1e7,1e8,1e9", metavar="N,N", help="sizes")
    arguments = parser.parse_args(argv)
    units = Units.of(json.loads(arguments.growth.read_text(encoding="utf-8")), arguments.measured_dimension)
    table = Table("chunks", "disk, GB", "memory, GB", "machines", "writing, core hours")
    table.add_column("BM25 p95, ms")
    table.add_column("vectors, ms")
    for chunks in map(float, arguments.chunks.split(",")):
        found = cost(units, chunks, arguments.dimension, arguments.memory, arguments.latency)
        table.add_row(
            f"{chunks:.0e}",
            f"{found.disk_gb:,.1f}",
            f"{found.memory_gb:,.1f}",
            str(found.machines),
            f"{found.work_h:,.2f}",
            f"{found.lexical_ms:,.1f}",
            f"{found.vector_ms:,.1f}",
        )
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
