"""Make training pairs of a plain corpus: ``python -m training.pairs SOURCE… --kind KIND --out FILE``."""

from __future__ import annotations

import argparse
import itertools
import random
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rag.command import run_command
from retrievers.errors import InputError
from training.pairs.arguments import Kind, build_parser, check_arguments

if TYPE_CHECKING:
    from training.data.leaks import LeakFilter
    from training.examples import Example
    from training.pairs.corpus import Passage
    from training.pairs.sieve import Sieve

Item = TypeVar("Item")
_NOT_TOLD = {"out", "base_url"}  # of the options, in the facts: an address may hold a password


def main(argv: Sequence[str] | None = None) -> int:
    """Parse flags and make pairs; see ``--help``."""
    arguments = build_parser().parse_args(argv)
    return run_command(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    from training.examples import write_examples
    from training.pairs.corpus import read_passages
    from training.pairs.manifest import manifest_path, print_counts, write_manifest
    from training.pairs.sieve import Sieve

    check_arguments(arguments)
    leaks = _leaks(arguments.held_out)
    passages = read_passages(arguments.sources, arguments.index)
    sieve = Sieve(leaks)
    made = itertools.islice(sieve(_made(passages, arguments, sieve)), arguments.limit)
    count = write_examples(arguments.out, _at_least_one(_counted(made, arguments.limit), arguments.out))
    options = {name: value for name, value in vars(arguments).items() if name not in _NOT_TOLD}
    write_manifest(arguments.out, made_by="training.pairs", options=options, kept=sieve.kept, removed=sieve.dropped)
    print_counts(f"{arguments.out}: {count:,} pairs of {len(passages):,} passages", sieve.kept, sieve.dropped)
    sys.stderr.write(f"facts: {manifest_path(arguments.out)}\n")
    return 0


def in_random_order(items: Iterable[Item], seed: int) -> list[Item]:
    """The same items, shuffled: the first of them come from all over the corpus."""
    order = list(items)
    random.Random(seed).shuffle(order)
    return order


def _leaks(files: Sequence[Path]) -> LeakFilter | None:
    from training.data.leaks import LeakFilter, read_held_out

    return LeakFilter(read_held_out(files)) if files else None


def _made(passages: list[Passage], arguments: argparse.Namespace, sieve: Sieve) -> Iterable[Example]:
    """The pairs; where only some are wanted, of all over the corpus."""
    from training.pairs import structure

    seed, some = arguments.seed, arguments.limit is not None
    match Kind(arguments.kind):
        case Kind.TITLE:
            pairs = structure.title_pairs(passages, per_document=arguments.per_document)
            return in_random_order(pairs, seed) if some else pairs
        case Kind.HEADING:
            pairs = structure.heading_pairs(passages)
            return in_random_order(pairs, seed) if some else pairs
        case Kind.INVERSE_CLOZE:
            chosen = in_random_order(passages, seed) if some else passages
            return structure.inverse_cloze_pairs(chosen, seed=seed, kept_share=arguments.kept_share)
        case Kind.CLOZE:
            return _cloze(in_random_order(passages, seed) if some else passages, arguments)
        case Kind.WRITTEN:
            return _written(in_random_order(passages, seed) if some else passages, arguments, sieve)


def _cloze(passages: list[Passage], arguments: argparse.Namespace) -> Iterator[Example]:
    from training.pairs.cloze.distant import DistantPassages
    from training.pairs.cloze.generate import ClozeOptions, cloze_pairs

    options = ClozeOptions(seed=arguments.seed, per_sentence=arguments.per_sentence, reworded=arguments.reworded)
    others = DistantPassages(passages) if arguments.distant != "off" else None
    for example in cloze_pairs(passages, options):
        if arguments.distant != "only":
            yield example
        if others is not None and (distant := others.elsewhere(example)):
            yield distant


def _written(passages: list[Passage], arguments: argparse.Namespace, sieve: Sieve) -> Iterator[Example]:
    from training.pairs.written.asking import WriterOptions
    from training.pairs.written.requests import About
    from training.pairs.written.writing import Writer, reader_of

    options = WriterOptions(
        base_url=arguments.base_url,
        model=arguments.model,
        temperature=arguments.temperature,
        concurrency=arguments.concurrency,
        timeout=arguments.timeout,
        retries=arguments.retries,
    )
    reader = reader_of(arguments.reader) if arguments.reader != "none" else None
    writer = Writer(options, About(arguments.about), seed=arguments.seed, reader=reader, min_f1=arguments.min_f1)
    writer.refused = sieve.dropped  # one table of what was left out
    yield from writer.write(passages, arguments.out)


def _counted(examples: Iterable[Example], limit: int | None) -> Iterator[Example]:
    """The same examples, with a progress bar where stderr is a terminal."""
    from rag.index.progress import progress_bar, watched

    with progress_bar() as progress:
        yield from watched(examples, "pairs", progress, limit)


def _at_least_one(examples: Iterable[Example], out: Path) -> Iterator[Example]:
    empty = True
    for example in examples:
        empty = False
        yield example
    if empty:
        raise InputError(f"no pairs came out, and {out} is not written; choose another --kind, or a larger corpus")


if __name__ == "__main__":
    sys.exit(main())
