"""Make training data of public formats: ``python -m training.data INPUT… --format NAME --out DIR``."""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import sys
from collections import Counter
from collections.abc import Iterator, Sequence

from rag.command import run_command
from rag.index.progress import Progress, progress_bar, watched
from retrievers.errors import InputError
from training.data.arguments import build_parser
from training.data.formats import Format, check_flags, column_flags, describe, input_files
from training.data.found import Found, Skip
from training.data.labels import labelled_pairs
from training.data.leaks import LeakFilter, Removal, read_held_out, remove_duplicates, remove_leaks
from training.data.output import Prepared, print_prepared, write_prepared
from training.data.split import SPLITS, Split, split_examples, unsplit
from training.examples import Example
from training.finetune.card import MANIFEST
from training.folders import require_free

__all__ = ["build_parser", "main"]
# What the content depends on, beside the inputs, and the manifest keeps.
_CONTENT = (
    *("limit", "source", "split", "split_by", "seed", "near", "held_out_passages", "deduplicate", "labelled"),
    *("negatives", "qrels_split", "min_score", "graded", "unit", "unanswerable", "label_scale", "encoding", "unquoted"),
    *column_flags(),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse flags and make training data; see ``--help``."""
    arguments = build_parser().parse_args(argv)
    return run_command(lambda: _list() if arguments.list else _run(arguments))


def _list() -> int:
    for line in describe():
        sys.stdout.write(f"{line}\n")
    return 0


def _run(arguments: argparse.Namespace) -> int:
    chosen = _check(arguments)
    with progress_bar() as progress:
        prepared = _prepare(arguments, chosen, progress)
    write_prepared(prepared, arguments.out)
    print_prepared(prepared, arguments.out, examples=arguments.examples)
    return 0


def _check(arguments: argparse.Namespace) -> Format:
    """Refuse what cannot be done before anything is read."""
    for value, flag in ((arguments.format, "--format NAME"), (arguments.out, "--out DIR"), (arguments.inputs, "INPUT")):
        if not value:
            raise InputError(f"expected {flag}; --help tells more, --list the formats")
    if arguments.limit is not None and arguments.limit < 1:
        raise InputError(f"--limit: expected at least 1, got {arguments.limit}")
    if arguments.held_out_passages and not arguments.held_out:
        raise InputError("--held-out-passages needs --held-out: it says whose passages")
    chosen = check_flags(arguments)
    for path in arguments.inputs:
        if not path.exists():
            raise InputError(f"{path}: no such file")
    require_free(arguments.out, flag="--out", replace=arguments.force)
    if arguments.out.is_dir():
        ours = {*(f"{name}.jsonl" for name in SPLITS), MANIFEST}
        if foreign := sorted(path.name for path in arguments.out.iterdir() if path.name not in ours):
            raise InputError(
                f"--out {arguments.out} holds files of other kinds ({', '.join(foreign[:3])}); name another"
            )
    return chosen


def _prepare(arguments: argparse.Namespace, chosen: Format, progress: Progress) -> Prepared:
    held_out = read_held_out(arguments.held_out)
    leaks = LeakFilter(held_out, near=arguments.near) if held_out else None
    skipped: Counter[str] = Counter()
    found = itertools.islice(_examples(chosen.load(arguments), skipped), arguments.limit)
    examples = [_named(example, arguments.source) for example in watched(found, "reading", progress)]
    if not examples:
        reasons = ", ".join(f"{count} times {reason}" for reason, count in skipped.items()) or "the inputs are empty"
        raise InputError(f"no example was read: {reasons}")
    read, removals = len(examples), list[Removal]()
    if leaks is not None:
        filtered = remove_leaks(watched(examples, "leaks", progress, read), leaks, passages=arguments.held_out_passages)
        examples, removals = filtered.kept, filtered.removed
    if arguments.deduplicate:
        filtered = remove_duplicates(examples, near=arguments.near)
        examples, removals = filtered.kept, [*removals, *filtered.removed]
    if not examples:
        raise InputError(f"none of the {read} examples is left: all repeat the held-out questions")
    return Prepared(
        source=arguments.format,
        options=_options(arguments),
        inputs=input_files(arguments),
        held_out=arguments.held_out,
        held_out_questions=len(held_out),
        licence=arguments.licence or chosen.licence,
        skipped=dict(skipped.most_common()),
        removals=removals,
        split=_split(examples, arguments, chosen),
    )


def _examples(found: Iterator[Found], skipped: Counter[str]) -> Iterator[Example]:
    for one in found:
        if isinstance(one, Skip):
            skipped[one.reason.value] += 1
        else:
            yield one


def _named(example: Example, source: str | None) -> Example:
    return example.model_copy(update={"source": source}) if source else example


def _split(examples: list[Example], arguments: argparse.Namespace, chosen: Format) -> Split:
    by = arguments.split_by or chosen.grouping
    if arguments.split is None:
        split = unsplit(examples, by=by)
    else:
        split = split_examples(examples, arguments.split, seed=arguments.seed, by=by)
    if not arguments.labelled:
        return split
    # Behind the split: a negative is another row's passage, and would tie their documents together.
    return dataclasses.replace(split, parts={name: list(labelled_pairs(part)) for name, part in split.parts.items()})


def _options(arguments: argparse.Namespace) -> dict[str, object]:
    given = {name: getattr(arguments, name) for name in _CONTENT}
    return {name: value for name, value in given.items() if value is not None and value is not False}


if __name__ == "__main__":
    sys.exit(main())
