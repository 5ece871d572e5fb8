"""Compare two runs question by question: ``python -m evals.compare A/ B/``.

B is the candidate: a difference is B minus A. With ``--fail-if-worse METRIC:DELTA`` the exit code is 1 when the mean of
a metric is lower in B by more than DELTA, in any pair of variants compared.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from evals.records import QuestionRecord, by_variant, read_records
from evals.run.table import comparison_table
from evals.summary import Comparison, compare_values, correct_by_metric
from rag.command import run_command
from retrievers.errors import InputError

EXIT_WORSE = 1
_DEFAULT_METRICS = (
    "hit@1",
    "hit@5",
    "hit@10",
    "mrr@10",
    "ndcg@10",
    "passage_hit@5",
    "em",
    "f1",
    "em_lemma",
    "f1_lemma",
)

# Means that differ by DELTA to the last digit shown are not worse: 0.42 - 0.5 is a little under -0.08.
_ROUNDING = 1e-9

Pair = tuple[str, str]  # names of a variant of A and a variant of B


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How much lower the mean of a metric may be."""

    metric: str
    delta: float

    @classmethod
    def parse(cls, text: str) -> Tolerance:
        """Read ``METRIC:DELTA``.

        Raises:
            InputError: another form, or a DELTA that is no number of at least 0.
        """
        metric, separator, number = text.rpartition(":")
        try:
            delta = float(number)
        except ValueError:
            delta = math.nan
        if not separator or not metric or not delta >= 0:
            raise InputError(f"--fail-if-worse {text!r}: expected METRIC:DELTA with DELTA of at least 0, like f1:0.01")
        return cls(metric, delta)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse flags and compare; see ``--help``."""
    arguments = _parser().parse_args(argv)
    return run_command(lambda: _compare(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m evals.compare",
        description="Compare two runs of evals.run question by question, with intervals and tests.",
        epilog="Exit code: 0; 1 when B is worse than --fail-if-worse allows; 2 for bad input.",
    )
    parser.add_argument("baseline", type=Path, metavar="A", help="directory of the first run, or its questions.jsonl")
    parser.add_argument("candidate", type=Path, metavar="B", help="directory of the second")
    parser.add_argument(
        "--variants", action="append", default=[], metavar="X[:Y]",
        help="variant X of A against Y (or X) of B; repeatable (default: those that both have)",
    )  # fmt: skip
    parser.add_argument("--metrics", metavar="LIST", help=f"metrics (default: of {','.join(_DEFAULT_METRICS)})")
    parser.add_argument(
        "--fail-if-worse", action="append", default=[], metavar="METRIC:DELTA",
        help="exit with 1 when the mean of METRIC is lower in B by more than DELTA; repeatable",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the resampling (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print the comparisons as JSON")
    return parser


def _compare(arguments: argparse.Namespace) -> int:
    tolerances = [Tolerance.parse(text) for text in arguments.fail_if_worse]
    if arguments.seed < 0:
        raise InputError(f"--seed: expected at least 0, got {arguments.seed}")
    first, second = (by_variant(read_records(path)) for path in (arguments.baseline, arguments.candidate))
    pairs = _pairs(first, second, arguments.variants)
    named = [name.strip() for name in arguments.metrics.split(",")] if arguments.metrics else []
    guarded = [one.metric for one in tolerances]
    metrics = list(dict.fromkeys([*(named or _DEFAULT_METRICS), *guarded]))
    found = [compare_runs(first[x], second[y], metrics, seed=arguments.seed) for x, y in pairs]
    for (x, y), group in zip(pairs, found, strict=True):
        _require(group, [*named, *guarded], first[x], second[y])
        _tell_unshared(first[x], second[y])
    comparisons = correct_by_metric([one for group in found for one in group])
    _print(comparisons, pairs, as_json=arguments.json)
    worse = [
        f"{one.metric} of {one.candidate}: {one.candidate_mean:.4f} against {one.baseline_mean:.4f},"
        f" lower by {-one.difference:.4f} (allowed {tolerance.delta:g})"
        for tolerance in tolerances
        for one in comparisons
        if one.metric == tolerance.metric and -one.difference > tolerance.delta + _ROUNDING
    ]
    for line in worse:
        sys.stderr.write(f"worse: {line}\n")
    return EXIT_WORSE if worse else 0


def compare_runs(
    baseline: Sequence[QuestionRecord], candidate: Sequence[QuestionRecord], metrics: Sequence[str], *, seed: int
) -> list[Comparison]:
    """Compare a variant of two runs by each metric over the questions that both hold; ``p_holm`` is not corrected yet.

    Raises:
        InputError: the runs share no question, or a question of the same id is another one.
    """
    first, second = ({record.qid: record for record in group} for group in (baseline, candidate))
    shared = sorted(first.keys() & second.keys())
    if not shared:
        raise InputError("the two runs share no question; compare runs of one evaluation file")
    for qid in shared:
        if _gold(first[qid]) != _gold(second[qid]):
            raise InputError(f"question {qid!r} differs between the runs (text, answers or gold documents)")
    values = {
        metric: {
            side: {qid: run[qid].metrics[metric] for qid in shared if metric in run[qid].metrics}
            for side, run in (("A", first), ("B", second))
        }
        for metric in metrics
    }
    return [
        dataclasses.replace(one, baseline=baseline[0].variant, candidate=candidate[0].variant)
        for one in compare_values(values, seed=seed)
    ]


def _require(
    found: Sequence[Comparison],
    required: Sequence[str],
    baseline: Sequence[QuestionRecord],
    candidate: Sequence[QuestionRecord],
) -> None:
    """Refuse a pair of variants that a metric asked for does not compare: a check that checks nothing would pass."""
    compared = {one.metric for one in found}
    unknown = [metric for metric in dict.fromkeys(required) if metric not in compared]
    if compared and not unknown:
        return
    sides = (("A", baseline), ("B", candidate))
    known = "; ".join(f"{side} has {', '.join(_metric_names(group)) or 'none'}" for side, group in sides)
    what = f"metrics {', '.join(unknown)}" if unknown else "the default metrics"
    raise InputError(f"{what} are not in both runs; {known}")


def _metric_names(records: Sequence[QuestionRecord]) -> list[str]:
    return sorted({name for record in records for name in record.metrics})


def _tell_unshared(baseline: Sequence[QuestionRecord], candidate: Sequence[QuestionRecord]) -> None:
    first, second = ({record.qid for record in group} for group in (baseline, candidate))
    if first != second:
        sys.stderr.write(
            f"compared over {len(first & second)} questions that both have; {len(first - second)} are in A alone,"
            f" {len(second - first)} in B alone ({candidate[0].variant})\n"
        )


def _gold(record: QuestionRecord) -> tuple[object, ...]:
    return record.question, record.answers, record.gold_doc_ids, record.answerable


def _pairs(
    first: dict[str, list[QuestionRecord]], second: dict[str, list[QuestionRecord]], wanted: Sequence[str]
) -> list[Pair]:
    if wanted:
        pairs = []
        for text in wanted:
            left, separator, right = text.partition(":")
            pairs.append((left, right if separator else left))
        for side, names, known in (("A", [p[0] for p in pairs], first), ("B", [p[1] for p in pairs], second)):
            for name in names:
                if name not in known:
                    raise InputError(f"--variants: {side} has no variant {name!r}; it has {', '.join(known)}")
        return pairs
    shared = [(name, name) for name in first if name in second]
    if shared:
        return shared
    if len(first) == len(second) == 1:
        return [(next(iter(first)), next(iter(second)))]
    raise InputError(
        f"no variant is in both runs (A: {', '.join(first)}; B: {', '.join(second)}); pair them with --variants X:Y"
    )


def _print(comparisons: Sequence[Comparison], pairs: Sequence[Pair], *, as_json: bool) -> None:
    rows = [dataclasses.asdict(one) for one in comparisons]
    if as_json:
        sys.stdout.write(json.dumps(rows, ensure_ascii=False) + "\n")
        return
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    console.print(comparison_table(rows, f"B minus A, pairs of variants: {len(pairs)}"))


if __name__ == "__main__":
    sys.exit(main())
