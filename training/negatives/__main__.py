"""Add hard negatives to training examples: ``python -m training.negatives EXAMPLES --index DIR --kind bm25 …``."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rag.command import run_command
from training.negatives.arguments import Kind, build_parser, check_arguments

if TYPE_CHECKING:
    from langchain_core.documents import BaseDocumentCompressor

    from rag.index import Index
    from training.examples import Example
    from training.negatives.mining import Tally


def main(argv: Sequence[str] | None = None) -> int:
    """Parse flags and mine; see ``--help``."""
    arguments = build_parser().parse_args(argv)
    return run_command(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    from training.examples import read_examples

    check_arguments(arguments)
    examples = read_examples(arguments.examples)
    if arguments.kind == Kind.RANDOM:
        _random(examples, arguments)
    else:
        _mine(examples, arguments)
    return 0


def _random(examples: list[Example], arguments: argparse.Namespace) -> None:
    from training.data.sampling import CAREFUL, Exclusion, draw_negatives

    allowed = set()
    if arguments.same_document:
        allowed |= {Exclusion.TITLE, Exclusion.DOCUMENT}
    if arguments.keep_answers:
        allowed.add(Exclusion.ANSWER)
    drawn = draw_negatives(examples, arguments.count, seed=arguments.seed, exclude=CAREFUL - allowed)
    dropped = {str(reason): count for reason, count in drawn.rejected.items()}
    _write(drawn.examples, arguments, dropped, {"examples with fewer": drawn.short})


def _mine(examples: list[Example], arguments: argparse.Namespace) -> None:
    from rag.components import build_retriever
    from rag.index import open_index
    from rag.profile import RetrievalOptions, RetrieverKind
    from training.negatives.denoising import Limits
    from training.negatives.mining import Miner, MiningOptions
    from training.negatives.protection import Protection

    options = MiningOptions(
        count=arguments.count,
        depth=arguments.depth,
        window=tuple(arguments.rank_window) if arguments.rank_window else None,
        limits=Limits(arguments.margin, arguments.max_share, arguments.max_score),
        keep_scores=arguments.keep_scores,
    )
    protection = Protection(examples, same_document=arguments.same_document, answers=not arguments.keep_answers)
    with open_index(arguments.index) as index:
        retriever = build_retriever(index, RetrievalOptions(retriever=RetrieverKind(arguments.kind)))
        miner = Miner(retriever, protection, options, _scorer(index, arguments))
        mined = list(_watched(miner.mine(examples), len(examples)))
    dropped = {str(reason): count for reason, count in miner.tally.dropped.items() if count}
    _write(mined, arguments, dropped, _facts(miner.tally))


def _scorer(index: Index, arguments: argparse.Namespace) -> BaseDocumentCompressor | None:
    from rag.components import build_compressor
    from retrievers.scorers.options import CompressorOptions, ScorerKind

    if arguments.filter == "none":
        return None
    return build_compressor(index, CompressorOptions(kind=ScorerKind(arguments.scorer), model=arguments.model))


def _watched(examples: Iterable[Example], total: int) -> Iterator[Example]:
    from rag.index.progress import progress_bar, watched

    with progress_bar() as progress:
        yield from watched(examples, "mining", progress, total)


def _facts(tally: Tally) -> dict[str, int]:
    return {
        "candidates looked at": tally.candidates,
        "fit and not needed": tally.spare,
        "examples with fewer": tally.short,
        "examples without any": tally.without,
    }


def _write(
    examples: list[Example], arguments: argparse.Namespace, dropped: Mapping[str, int], facts: Mapping[str, int]
) -> None:
    from training.examples import write_examples
    from training.pairs.manifest import manifest_path, print_counts, write_manifest

    write_examples(arguments.out, examples)
    negatives = sum(len(example.negatives) for example in examples)
    options = {name: value for name, value in vars(arguments).items() if name != "out"}
    sources = Counter(example.source or "unnamed" for example in examples)
    write_manifest(
        arguments.out,
        made_by="training.negatives",
        options=options,
        kept=sources,
        removed={},
        facts={"negatives": negatives, "dropped": dict(dropped), **facts},
    )
    rows = {"examples": len(examples), "negatives": negatives, **facts}
    print_counts(f"{arguments.out}: negatives by {arguments.kind}", rows, dropped)
    sys.stderr.write(f"facts: {manifest_path(Path(arguments.out))}\n")


if __name__ == "__main__":
    sys.exit(main())
