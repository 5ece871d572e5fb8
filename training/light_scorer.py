"""Fit the offline scorer on questions with known documents: ``python -m training.light_scorer --help``.

Candidates come from the index by the profile's own retriever; a candidate is relevant when it holds the
gold paragraph, or an answer in a gold document. Quality is cross-validated with folds split by document, so that no
question is judged by weights that saw its document.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from langchain_core.documents import Document
from rich.console import Console
from rich.progress import track
from rich.table import Table

from evals.dataset import Question, read_questions
from evals.metrics import hit_at_k, rank_documents, reciprocal_rank_at_k
from evals.relevance import find_relevant
from rag.command import run_command
from retrievers.documents import chunk_id_of
from retrievers.errors import InputError
from retrievers.scorers.features import FEATURES, passage_features
from retrievers.scorers.light import LightWeights, model_inputs
from retrievers.word_vectors import word_vectors

if TYPE_CHECKING:
    from rag.index import Index
    from rag.profile import Profile

_FOLDS = 5
INVERSE_PENALTY = 0.03  # of the logistic regression


@dataclass(frozen=True, slots=True)
class Case:
    """One question with its candidates, in the retriever's order.

    Args:
        question: with its gold.
        candidates: chunks found.
        relevant: ids of all relevant chunks of the index, found or not.
        features: array of shape (len(candidates), len(FEATURES)).
    """

    question: Question
    candidates: list[Document]
    relevant: frozenset[str]
    features: np.ndarray

    @property
    def labels(self) -> np.ndarray:
        """Relevance of each candidate, bool, shape (len(candidates),)."""
        return np.array([chunk_id_of(chunk) in self.relevant for chunk in self.candidates], dtype=bool)


def collect_cases(
    index: Index, profile: Profile, questions: Sequence[Question], *, keep_unfound: bool = False
) -> list[Case]:
    """Retrieve candidates of all questions that have gold documents.

    Args:
        index: to search.
        profile: its retriever and pool.
        questions: with their gold.
        keep_unfound: keep questions without any relevant chunk in the index, too: for measuring, not for fitting.
    """
    from rag.components import build_retriever

    retriever, analyzer = build_retriever(index, profile.retrieval), index.analyzer()
    cases = []
    usable = [question for question in questions if question.gold_doc_ids]
    for question in track(usable, "Retrieving", console=Console(stderr=True), disable=not sys.stderr.isatty()):
        relevant = find_relevant(question, index.chunks.chunks_of)
        candidates = retriever.invoke(question.question, k=profile.retrieval.pool)
        if candidates and (relevant or keep_unfound):
            features = passage_features(
                question.question, candidates, analyzer=analyzer, idf=index.idf, vectors=word_vectors()
            )
            cases.append(Case(question, candidates, frozenset(relevant), features))
    return cases


def fit(cases: Sequence[Case], fitted_on: str = "") -> LightWeights:
    """Fit the logistic regression on all candidates of all cases."""
    from sklearn.linear_model import LogisticRegression

    stacked = np.vstack([case.features for case in cases])
    mean, scale = stacked.mean(axis=0), stacked.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    inputs = np.vstack([model_inputs(case.features, mean, scale) for case in cases])
    model = LogisticRegression(C=INVERSE_PENALTY, max_iter=2000)
    model.fit(inputs, np.concatenate([case.labels for case in cases]))
    weights = [round(float(weight), 5) for weight in model.coef_[0]]
    return LightWeights(
        features=FEATURES,
        mean=tuple(float(value) for value in mean),
        scale=tuple(float(value) for value in scale),
        absolute=tuple(weights[: len(FEATURES)]),
        relative=tuple(weights[len(FEATURES) :]),
        intercept=float(model.intercept_[0]),
        fitted_on=fitted_on,
    )


def rerank(case: Case, weights: LightWeights) -> list[Document]:
    """The case's candidates, best first by ``weights``."""
    inputs = model_inputs(case.features, np.array(weights.mean), np.array(weights.scale))
    scores = inputs @ np.array(weights.absolute + weights.relative)
    return [case.candidates[at] for at in np.argsort(-scores, kind="stable")]


def cross_validate(cases: Sequence[Case]) -> list[list[Document]]:
    """Every case's candidates as ranked by weights fitted without its document."""
    from sklearn.model_selection import GroupKFold

    groups = [case.question.gold_doc_ids[0] for case in cases]
    folds = min(_FOLDS, len(set(groups)))
    if folds < 2:
        raise InputError("cross-validation needs questions over at least two documents")
    rankings: list[list[Document]] = [[] for _ in cases]
    for train, test in GroupKFold(folds).split(groups, groups=groups):
        weights = fit([cases[at] for at in train])
        for at in test:
            rankings[at] = rerank(cases[at], weights)
    return rankings


def quality(cases: Sequence[Case], rankings: Sequence[Sequence[Document]]) -> dict[str, float]:
    """Means over the cases: chunk hit@1, 5, 10, 20, document hit@1 and MRR@10."""
    pairs = list(zip(cases, rankings, strict=True))
    by_chunk = {
        f"chunk hit@{k}": np.mean(
            [hit_at_k([chunk_id_of(c) for c in ranked], case.relevant, k) for case, ranked in pairs]
        )
        for k in (1, 5, 10, 20)
    }
    documents = [(rank_documents(ranked), case.question.gold_doc_ids) for case, ranked in pairs]
    by_document = {
        "document hit@1": np.mean([hit_at_k(ranked, gold, 1) for ranked, gold in documents]),
        "document MRR@10": np.mean([reciprocal_rank_at_k(ranked, gold, 10) for ranked, gold in documents]),
    }
    return {name: float(value) for name, value in (by_chunk | by_document).items()}


def main(argv: Sequence[str] | None = None) -> int:
    """Parse flags and fit."""
    parser = argparse.ArgumentParser(prog="python -m training.light_scorer", description=__doc__)
    parser.add_argument(
        "--data", nargs=2, action="append", required=True, metavar=("INDEX", "QUESTIONS"),
        help="an index directory and an evaluation file about it; repeat for several",
    )  # fmt: skip
    parser.add_argument(
        "--profile", default=None, metavar="NAME", help="retriever and pool (default: each index's own)"
    )
    parser.add_argument("--note", default="", help="what the data is, for the weights file")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="weights to write")
    arguments = parser.parse_args(argv)
    return run_command(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    from rag.index import open_index
    from rag.profile import load_profile

    groups: dict[str, list[Case]] = {}
    for directory, file in arguments.data:
        index = open_index(Path(directory))
        profile = load_profile(arguments.profile or index.manifest.profile)
        groups[file] = collect_cases(index, profile, read_questions(Path(file)))
    cases = [case for group in groups.values() for case in group]
    if not any(case.labels.any() for case in cases):
        raise InputError("no question has a relevant chunk among its candidates; nothing to fit on")
    rankings = iter(cross_validate(cases))
    notes = []
    for file, group in groups.items():
        before = quality(group, [case.candidates for case in group])
        after = quality(group, [next(rankings) for _ in group])
        _print(f"{Path(file).name}: {len(group)} questions, cross-validated by document", before, after)
        figures = ", ".join(f"{name} {value:.3f}" for name, value in after.items())
        notes.append(f"{Path(file).name}: {len(group)} questions, cross-validated by document: {figures}.")
    weights = fit(cases, " ".join([arguments.note, *notes]).strip())
    arguments.out.write_text(json.dumps(weights.model_dump(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return 0


def _print(title: str, before: dict[str, float], after: dict[str, float]) -> None:
    table = Table(title=title)
    for column in ("metric", "retriever", "with the scorer"):
        table.add_column(column, justify="left" if column == "metric" else "right")
    for name, value in before.items():
        table.add_row(name, f"{value:.3f}", f"{after[name]:.3f}")
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
