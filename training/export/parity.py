"""How close an export is to its model: differences of outputs, agreement of rankings, quality, speed and size."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evals.similarity import cosine_similarities
from training.export.options import ExportOptions
from training.export.subjects import Batch, Observed, Subject

HEADLINE = ("ndcg@10", "pearson")  # the metric that may not drop: the first that the evaluation data has
BATCHES = (1, 32)
_TOP = (1, 10)
_SINGLE = 8  # texts or pairs of a round of single ones
_ROUNDS, _FEWEST = 7, 3  # of the clock; fewer of slow models
_PATIENCE = 20.0  # seconds after which no further round of a batch size begins


@dataclass(frozen=True, slots=True)
class Agreement:
    """An export's outputs against its model's.

    Args:
        finite: share of the outputs that are numbers; the others are left out of everything else.
        max_difference: largest absolute difference of an output.
        mean_difference: mean of them.
        cosine: mean cosine of the vectors of a text; None for models that give scores.
        lowest_cosine: that of the worst text.
        kendall: mean over questions of Kendall's tau-b between the two rankings; None without rankings.
        top_1: share of questions with the same passage first.
        top_10: mean share of the first ten passages that both have.
        same_answer: share of questions whose best answer stands in the same place; None for models that do not read.
    """

    finite: float
    max_difference: float
    mean_difference: float
    cosine: float | None = None
    lowest_cosine: float | None = None
    kendall: float | None = None
    top_1: float | None = None
    top_10: float | None = None
    same_answer: float | None = None

    @property
    def distance(self) -> float:
        """What the tolerance is about: 1 - cosine of an encoder, 1 - Kendall's tau of a scorer."""
        return 1.0 - (self.cosine if self.cosine is not None else self.kendall if self.kendall is not None else 0.0)


@dataclass(frozen=True, slots=True)
class Variant:
    """A model or one of its exports.

    Args:
        name: "torch", "onnx", "onnx int8", …
        size: bytes of weights and graph on disk.
        metrics: quality by name.
        speed: texts or pairs a second, by batch size; median of some rounds.
        agreement: with the model; None for the model itself.
    """

    name: str
    size: int
    metrics: dict[str, float]
    speed: dict[int, float]
    agreement: Agreement | None = None


@dataclass(frozen=True, slots=True)
class Parity:
    """All that was found out about an export.

    Args:
        variants: the model first, the export last.
        unit: that speed is counted in.
        questions: compared.
        passages: compared.
        threads: of the speed measurement.
        judged: whether the metrics are of the user's evaluation data, and not of titles that ask for their passages.
        failures: what is worse than allowed; empty for a good export.
    """

    variants: tuple[Variant, ...]
    unit: str
    questions: int
    passages: int
    threads: int
    judged: bool = False
    failures: tuple[str, ...] = ()


def compare(reference: Observed, other: Observed) -> Agreement:
    """Agreement of two models' outputs for the same task.

    Args:
        reference: of the model.
        other: of its export.
    """
    both = np.isfinite(reference.outputs) & np.isfinite(other.outputs)
    usable = np.asarray(both.all(axis=1))  # (n,)
    finite = float(usable.mean()) if usable.size else 1.0
    left, right = reference.outputs[usable], other.outputs[usable]
    differences = np.abs(left - right)
    cosines = cosine_similarities(left, right) if left.shape[1] > 1 and len(left) else None
    pairs = [
        (first, second)
        for first, second in zip(reference.scores, other.scores, strict=True)
        if len(first) > 1 and np.isfinite(first).all() and np.isfinite(second).all()
    ]
    return Agreement(
        finite=finite,
        max_difference=float(differences.max(initial=0.0)),
        mean_difference=float(differences.mean()) if differences.size else 0.0,
        cosine=None if cosines is None else float(cosines.mean()),
        lowest_cosine=None if cosines is None else float(cosines.min()),
        kendall=_mean([kendall(first, second) for first, second in pairs]),
        top_1=_mean([overlap(first, second, _TOP[0]) for first, second in pairs]),
        top_10=_mean([overlap(first, second, _TOP[1]) for first, second in pairs]),
        same_answer=_mean([float(a == b) for a, b in zip(reference.answers, other.answers, strict=True)]),
    )


def kendall(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Kendall's tau-b (1945, ties counted) of two score lists, in [-1, 1].

    Two lists that tell nothing apart agree, 1; one such list beside another tells nothing about it, 0.

    Args:
        first: shape (n,).
        second: shape (n,).
    """
    from scipy import stats

    flat = np.ptp(first) == 0.0, np.ptp(second) == 0.0
    if any(flat):
        return float(all(flat))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(stats.kendalltau(first, second).statistic)


def overlap(first: NDArray[np.float64], second: NDArray[np.float64], k: int) -> float:
    """Share of the ``k`` best items by one score that are among the ``k`` best by the other, in [0, 1].

    Args:
        first: shape (n,), higher is better.
        second: shape (n,).
        k: at most n counts.
    """
    k = min(k, len(first))
    best = [set(np.argsort(-scores, kind="stable")[:k].tolist()) for scores in (first, second)]
    return len(best[0] & best[1]) / k


def speeds(subjects: Sequence[Subject], pairs: Sequence[tuple[str, str]]) -> list[dict[int, float]]:
    """Texts or pairs a second of each model, by batch size; medians of some rounds after one to warm up.

    The models take turns, so that what else the machine does strikes all of them alike.

    Args:
        subjects: the models.
        pairs: texts to run, repeated where there are few.
    """
    found: list[dict[int, float]] = [{} for _ in subjects]
    for size in BATCHES:
        chosen = [pairs[row % len(pairs)] for row in range(max(size, _SINGLE))]
        batches: list[Batch] = [chosen[start : start + size] for start in range(0, len(chosen), size)]
        seconds: list[list[float]] = [[] for _ in subjects]
        started = time.perf_counter()
        for number in range(1 + _ROUNDS):
            for subject, own in zip(subjects, seconds, strict=True):
                own.append(_clocked(subject, batches))
            if number >= _FEWEST and time.perf_counter() - started > _PATIENCE:
                break
        for values, own in zip(found, seconds, strict=True):
            values[size] = len(chosen) / statistics.median(own[1:])
    return found


def _clocked(subject: Subject, batches: Sequence[Batch]) -> float:
    started = time.perf_counter()
    for batch in batches:
        subject.run(batch)
    return time.perf_counter() - started


def failures_of(model: Variant, export: Variant, options: ExportOptions, *, judged: bool) -> tuple[str, ...]:
    """What is worse than the options allow.

    Args:
        model: measured first.
        export: its export.
        options: with the tolerances.
        judged: whether the metrics are of the user's evaluation data.
    """
    agreement = export.agreement
    if agreement is None:
        return ()
    found = []
    if agreement.finite < 1.0:
        found.append(f"{1 - agreement.finite:.1%} of the outputs are no numbers: {options.quantize} overflows")
    if agreement.distance > options.allowed:
        what = "the cosine of the vectors" if agreement.cosine is not None else "Kendall's tau of the rankings"
        found.append(f"{what} is {1 - agreement.distance:.4f}, further from 1 than {options.allowed:g}")
    name = next((name for name in HEADLINE if name in model.metrics), None)
    if judged and name is not None:
        drop = model.metrics[name] - export.metrics.get(name, 0.0)
        if drop > options.max_drop:
            found.append(f"{name} falls from {model.metrics[name]:.4f} by {drop:.4f}, more than {options.max_drop:g}")
    return tuple(found)


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
