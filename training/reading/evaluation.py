"""How well a span reader reads, ranks and knows when there is nothing to read; and the calibration fitted on that."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from evals.abstention import auroc
from evals.answers import answer_metrics, token_f1
from evals.metrics import retrieval_metrics
from generators.reading.spans import Reading, rank_spans
from generators.reading.wording import nominative, surface
from generators.span_reader import Finding, find_answer, own_priors
from retrievers.span_reader.model import PassageLogits, SpanReaderModel
from retrievers.span_reader.settings import ReaderSettings
from training.finetune.ranking import Measured
from training.reading.rows import Asked

READING_METRICS = ("em", "f1", "em_lemma", "f1_lemma")
METRICS = (
    *READING_METRICS,
    *(f"{name}_nominative" for name in ("em", "f1")),
    *(f"open_{name}" for name in READING_METRICS),
    *("hit@1", "hit@5", "mrr@10", "f1+mrr", "null_auroc", "confidence_auroc"),
)
_RIGHT = 0.5  # lemma F1 from which an answer counts as right, for the confidence
_WEIGHTS = (1.0, 0.5, 0.25, 2.0, 0.0)  # of the relevance beside the spans, tried in calibration; the first best wins
_EPSILON = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """A question with what the model says about its passages."""

    asked: Asked
    logits: tuple[PassageLogits, ...]

    @property
    def has_answer(self) -> bool:
        """The right answer is known, and the first passage is one to read it from."""
        return bool(self.asked.answers) and self.asked.relevant


def selectable(questions: Sequence[Asked]) -> list[str]:
    """Metrics that can choose the best weights: those that the questions have whatever a model says."""
    names: list[str] = []
    if any(one.answers and one.relevant for one in questions):
        names += [*READING_METRICS, *(f"open_{name}" for name in READING_METRICS)]
    if any(one.relevant and len(one.passages) > 1 for one in questions):
        names += ["hit@1", "hit@5", "mrr@10"]
        names += ["f1+mrr"] if "f1" in names else []
    if any(one.spans for one in questions) and any(len(one.passages) > one.relevant for one in questions):
        names.append("null_auroc")
    return names


def read_all(model: SpanReaderModel, questions: Sequence[Asked], *, title: str = "Reading") -> list[Read]:
    """Logits of all passages of all questions."""
    shown = track(questions, title, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True)
    return [Read(one, tuple(model.read(one.question, one.passages))) for one in shown]


def measure(reads: Sequence[Read], settings: ReaderSettings, *, wordings: bool = False) -> Measured:
    """Means over the questions that each metric is defined for; a metric that is defined for none is left out.

    ``em``, ``f1``, ``em_lemma``, ``f1_lemma`` (:mod:`evals.answers`): of the best span of the row's own passage, worded
    as it stands there. ``open_…``: the same read out of all the row's passages. ``hit@1``, ``hit@5``, ``mrr@10``: rank
    of the own passage among them by relevance. ``f1+mrr``: mean of ``f1`` and ``mrr@10``. ``null_auroc``: the
    probability of an answer tells own passages from the others. ``confidence_auroc``: that of the best answer tells
    right ones (lemma F1 of a half) from wrong ones, each question asked with its own passage and without it.

    Args:
        reads: questions with their logits.
        settings: of the model.
        wordings: measure answers put in the nominative, too (``em_nominative``, …); takes a parse of every passage.
    """
    found = [one for one in reads if one.has_answer]
    answers = [_answer_scores(one, settings, wordings) for one in found]
    questions = {name: [row[name] for row in answers] for name in answers[0]} if answers else {}
    ranked = [_ranking(one) for one in reads if one.asked.relevant and len(one.logits) > 1]
    ranks = {name: [row[name] for row in ranked] for name in ranked[0]} if ranked else {}
    means = {name: float(np.mean(column)) for name, column in (questions | ranks).items()}
    if "f1" in means and "mrr@10" in means:
        means["f1+mrr"] = (means["f1"] + means["mrr@10"]) / 2
    means |= _auroc("null_auroc", *_null_trials(reads, settings))
    means |= _auroc("confidence_auroc", *_trials(reads, settings))
    return Measured({name: means[name] for name in METRICS if name in means}, questions)


def calibrated(reads: Sequence[Read], settings: ReaderSettings) -> ReaderSettings:
    """The settings with the weight of the relevance and the confidence fitted on what was read.

    The weight is the one of a few that reads best out of all passages. The confidence is a logistic regression of being
    right on the log-odds of the best answer (Platt, 1999), which is temperature scaling with an intercept; where all
    answers are right, or all wrong, or the slope would be negative, the confidence stays as it is.
    """
    weights = [settings.model_copy(update={"passage_weight": weight}) for weight in _WEIGHTS]
    known = [one for one in reads if one.has_answer and len(one.logits) > 1]
    best = max(weights, key=lambda one: _open_f1(known, one)) if known else settings
    shares, right = _trials(reads, best)
    if not right.any() or right.all():
        return best
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=10.0, max_iter=1000).fit(_log_odds(shares)[:, None], right)
    scale, bias = float(model.coef_[0, 0]), float(model.intercept_[0])
    return best.model_copy(update={"confidence_scale": scale, "confidence_bias": bias}) if scale > 0 else best


def _answer_scores(one: Read, settings: ReaderSettings, wordings: bool) -> dict[str, float]:
    own, everything = _reading(one, [0], settings), _reading(one, range(len(one.logits)), settings)
    scores = answer_metrics(_surface(one, own), one.asked.answers)
    opened = answer_metrics(_surface(one, everything), one.asked.answers)
    scores |= {f"open_{name}": value for name, value in opened.items()}
    if wordings:
        worded = answer_metrics(_nominative(one, own), one.asked.answers)
        scores |= {f"{name}_nominative": worded[name] for name in ("em", "f1")}
    return scores


def _reading(one: Read, passages: Sequence[int], settings: ReaderSettings) -> Reading:
    """What is read out of some of the passages; indices of the spans are those of the question."""
    logits = [one.logits[at] for at in passages]
    priors = own_priors([passage.relevance for passage in logits], settings.passage_weight)
    reading = rank_spans(logits, priors, max_answer=settings.max_answer)
    return reading.of_passages(passages)


def _finding(one: Read, reading: Reading) -> Finding | None:
    return find_answer(reading, one.asked.passages) if reading.spans else None


def _surface(one: Read, reading: Reading) -> str:
    finding = _finding(one, reading)
    return surface(*_place(one, finding)) if finding else ""


def _nominative(one: Read, reading: Reading) -> str:
    finding = _finding(one, reading)
    return nominative(*_place(one, finding)) if finding else ""


def _place(one: Read, finding: Finding) -> tuple[str, int, int]:
    span = finding.places[0]
    passage = one.asked.passages[span.passage]
    return passage.text[passage.body :], span.start - passage.body, span.stop - passage.body


def _ranking(one: Read) -> dict[str, float]:
    """The own passage among the others; of equal relevance it comes last: no opinion is no gain."""
    scores = [passage.relevance for passage in one.logits]
    order = sorted(range(len(scores)), key=lambda at: (-scores[at], at == 0))
    metrics = retrieval_metrics([str(at) for at in order], {"0"}, (1, 5, 10))
    return {name: metrics[name] for name in ("hit@1", "hit@5", "mrr@10")}


def _open_f1(reads: Sequence[Read], settings: ReaderSettings) -> float:
    return math.fsum(
        token_f1(_surface(one, _reading(one, range(len(one.logits)), settings)), one.asked.answers, lemmatize=True)
        for one in reads
    )


def _trials(reads: Sequence[Read], settings: ReaderSettings) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Probability of the best answer, and whether it is right: over all passages, and over all but the own one."""
    shares, right = [], []
    for one in reads:
        everything = range(len(one.logits))
        if one.has_answer or not one.asked.relevant:
            finding = _finding(one, _reading(one, everything, settings))
            shares.append(finding.share if finding else 0.0)
            words = surface(*_place(one, finding)) if finding and one.has_answer else ""
            right.append(bool(words) and token_f1(words, one.asked.answers, lemmatize=True) >= _RIGHT)
        if one.has_answer and len(one.logits) > 1:
            finding = _finding(one, _reading(one, everything[1:], settings))
            shares.append(finding.share if finding else 0.0)
            right.append(False)
    return np.array(shares, np.float64), np.array(right, bool)


def _null_trials(reads: Sequence[Read], settings: ReaderSettings) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Probability that a passage alone holds an answer, and whether it does."""
    answers, holds = [], []
    for one in reads:
        own = [True] if one.asked.spans else [False] if not one.asked.relevant else [None]
        for at, held in enumerate([*own, *[False] * (len(one.logits) - 1)]):
            if held is not None:
                answers.append(1.0 - _reading(one, [at], settings).null)
                holds.append(held)
    return np.array(answers, np.float64), np.array(holds, bool)


def _auroc(name: str, scores: NDArray[np.float64], right: NDArray[np.bool_]) -> dict[str, float]:
    return {name: auroc(scores, right)} if right.any() and not right.all() else {}


def _log_odds(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    clipped = np.clip(shares, _EPSILON, 1.0 - _EPSILON)
    return np.asarray(np.log(clipped / (1.0 - clipped)))
