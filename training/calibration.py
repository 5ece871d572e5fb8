"""Calibrate the confidence of answers: ``python -m training.calibration --help``.

The chain answers every question twice: over the whole index, and with its gold documents hidden, where abstaining is
right; questions that the corpus cannot answer count as they are. A logistic regression then tells right answers (half
of the words right, by lemma F1) from wrong ones. The threshold is the highest that keeps a given share of the right
answers (three quarters, unless ``--keep`` says otherwise) among questions that the regression did not see; the report
says how many of the wrong ones it lets through.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from langchain_core.documents import Document
from rich.console import Console
from rich.progress import track

from evals.answers import token_f1
from evals.dataset import Question, read_questions
from generators.base import Generation
from rag.abstention import FEATURES, Calibration, evidence_features
from rag.command import run_command
from retrievers.analysis import Analyzer
from retrievers.errors import InputError

if TYPE_CHECKING:
    from rag.chain import RagChain
    from rag.index import Index
    from rag.profile import Profile

_RIGHT = 0.5  # lemma F1 from which an answer counts as right
_FOLDS = 5
_INVERSE_PENALTY = 1.0


@dataclass(frozen=True, slots=True)
class Trial:
    """One answer given: its features (in the order of ``rag.abstention.FEATURES``) and whether it was right.

    Args:
        group: trials of one group share a document and are never split between fitting and judging.
        features: of the answer.
        right: the answer was right.
    """

    group: str
    features: list[float]
    right: bool


class _Recorder:
    """A judge that lets every answer pass and writes its features down."""

    def __init__(self, analyzer: Analyzer, idf: Callable[[str], float]) -> None:
        self._analyzer, self._idf = analyzer, idf
        self.features: list[float] | None = None

    def confidence(self, question: str, generation: Generation, documents: Sequence[Document]) -> float:
        self.features = evidence_features(question, generation, documents, analyzer=self._analyzer, idf=self._idf)
        return 1.0


def collect_trials(index: Index, profile: Profile, questions: Sequence[Question]) -> list[Trial]:
    """Ask every question of ``index``, and those with gold documents once more with these hidden."""
    from rag.chain import build_chain

    recorder = _Recorder(index.analyzer(), index.idf)
    chain = build_chain(index, profile).model_copy(update={"judge": recorder, "min_confidence": 0.0})
    trials = []
    for question in track(questions, "Answering", console=Console(stderr=True), disable=not sys.stderr.isatty()):
        group = question.gold_doc_ids[0] if question.gold_doc_ids else question.qid
        if question.answers or not question.answerable:
            trials += _trial(chain, recorder, question, group, hidden=False)
        if question.gold_doc_ids:
            trials += _trial(chain, recorder, question, group, hidden=True)
    return trials


def _trial(chain: RagChain, recorder: _Recorder, question: Question, group: str, *, hidden: bool) -> list[Trial]:
    recorder.features = None
    where = {"doc_id": {"$nin": list(question.gold_doc_ids)}} if hidden else None
    answer = chain.invoke(question.question, filter=where)
    if recorder.features is None:  # the generator itself found nothing to say
        return []
    right = bool(question.answers) and token_f1(answer.answer, question.answers, lemmatize=True) >= _RIGHT
    return [Trial(group, recorder.features, right)]


def fit(trials: Sequence[Trial], names: Sequence[str] = FEATURES) -> tuple[dict[str, float], float]:
    """Weights by feature and intercept of a logistic regression on standardised features, given for raw ones."""
    from sklearn.linear_model import LogisticRegression

    columns = [FEATURES.index(name) for name in names]
    features = np.array([trial.features for trial in trials])[:, columns]
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    model = LogisticRegression(C=_INVERSE_PENALTY, max_iter=1000)
    model.fit((features - mean) / scale, [trial.right for trial in trials])
    weights = model.coef_[0] / scale
    return dict(zip(names, map(float, weights), strict=True)), float(model.intercept_[0] - weights @ mean)


def cross_validate(trials: Sequence[Trial], names: Sequence[str] = FEATURES) -> np.ndarray:
    """Probability of each trial, shape (n_trials,), by weights fitted without its group."""
    from sklearn.model_selection import GroupKFold

    groups = [trial.group for trial in trials]
    folds = min(_FOLDS, len(set(groups)))
    if folds < 2 or len({trial.right for trial in trials}) < 2:
        raise InputError("calibration needs questions over several documents, with right answers and wrong ones")
    probabilities = np.zeros(len(trials))
    for train, test in GroupKFold(folds).split(groups, groups=groups):
        weights, intercept = fit([trials[at] for at in train], names)
        calibration = Calibration(weights=weights, intercept=intercept, threshold=0.0)
        probabilities[test] = [calibration.probability(trials[at].features) for at in test]
    return probabilities


def keeping_threshold(probabilities: np.ndarray, right: np.ndarray, keep: float) -> tuple[float, float, float]:
    """Highest threshold that keeps a share of the right answers; the share kept, and that of wrong ones let through.

    Args:
        probabilities: shape (n,).
        right: shape (n,), bool; both kinds must be present.
        keep: share of the right answers in (0, 1].
    """
    ranked = np.sort(probabilities[right])[::-1]
    threshold = float(ranked[max(0, int(np.ceil(keep * len(ranked))) - 1)])
    return threshold, float((ranked >= threshold).mean()), float((probabilities[~right] >= threshold).mean())


def main(argv: Sequence[str] | None = None) -> int:
    """Parse flags and calibrate."""
    parser = argparse.ArgumentParser(prog="python -m training.calibration", description=__doc__)
    parser.add_argument(
        "--data", nargs=2, action="append", required=True, metavar=("INDEX", "QUESTIONS"),
        help="an index directory and an evaluation file about it; repeat for several",
    )  # fmt: skip
    parser.add_argument("--profile", default=None, metavar="NAME", help="pipeline (default: each index's own)")
    parser.add_argument(
        "--features", nargs="+", choices=FEATURES, default=FEATURES, metavar="NAME",
        help=f"features to use, of {', '.join(FEATURES)} (default: all)",
    )  # fmt: skip
    parser.add_argument("--keep", type=float, default=0.75, metavar="X", help="share of right answers to keep")
    parser.add_argument("--note", default="", help="what the data is, for the calibration file")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="calibration to write")
    arguments = parser.parse_args(argv)
    return run_command(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    from sklearn.metrics import roc_auc_score

    from rag.index import open_index
    from rag.profile import load_profile

    if not 0 < arguments.keep <= 1:
        raise InputError(f"--keep {arguments.keep}: expected a share above 0 and at most 1")
    trials: list[Trial] = []
    for directory, file in arguments.data:
        index = open_index(Path(directory))
        # The calibration to be made is not there yet: any shipped one will do, its verdict is not used.
        overrides = {"abstention": {"min_confidence": 0.0}}
        profile = load_profile(arguments.profile or index.manifest.profile, overrides)
        trials += collect_trials(index, profile, read_questions(Path(file)))
    probabilities, right = cross_validate(trials, arguments.features), np.array([trial.right for trial in trials])
    threshold, kept, let_through = keeping_threshold(probabilities, right, arguments.keep)
    summary = (
        f"{len(trials)} answers, {right.mean():.3f} of them right; cross-validated by document: "
        f"AUROC {roc_auc_score(right, probabilities):.3f}, at threshold {threshold:.3f} {kept:.3f} of the right "
        f"answers are kept and {let_through:.3f} of the wrong ones let through"
    )
    Console(soft_wrap=True, highlight=False).print(summary)
    weights, intercept = fit(trials, arguments.features)
    calibration = Calibration(
        weights={name: round(weight, 5) for name, weight in weights.items()},
        intercept=round(intercept, 5),
        threshold=float(np.floor(threshold * 1e4) / 1e4),  # not above the answer it was taken from
        fitted_on=f"{arguments.note} {summary}".strip(),
    )
    text = json.dumps(calibration.model_dump(), ensure_ascii=False, indent=1) + "\n"
    arguments.out.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
