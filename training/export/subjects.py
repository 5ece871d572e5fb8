"""A model and its export side by side, each run as the pipeline runs it: the same prefixes, cutting and batches."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from training.export.options import ExportTask
from training.finetune.ranking import (
    Measured,
    RankingTask,
    distinct_passages,
    distinct_questions,
    measure_scores,
    vector_metrics,
)

Floats = NDArray[np.float64]
Batch = Sequence[tuple[str, str]]  # (question, passage)


@dataclass(frozen=True, slots=True)
class Observed:
    """What a model says about a task.

    Outputs that are no numbers stay in ``outputs`` and ``scores``; the metrics take them for 0.

    Args:
        outputs: a row a text (vectors of length 1) or a pair (raw scores), shape (n, width).
        scores: of the passages that each question ranks, shape (n_candidates,) each.
        measured: quality of the rankings.
        answers: places of the best answer of each question; empty for models that do not read.
    """

    outputs: Floats
    scores: tuple[Floats, ...]
    measured: Measured
    answers: tuple[tuple[int, int, int] | None, ...] = ()


class Subject(Protocol):
    """A model under observation."""

    unit: str  # what its speed is counted in

    def observe(self, task: RankingTask) -> Observed:
        """Outputs for all texts of a task."""
        ...

    def run(self, batch: Batch) -> None:
        """Process one batch, for the clock; of an encoder the passages alone."""
        ...


def open_subject(task: ExportTask, folder: Path, model: str, *, exported: bool, threads: int) -> Subject:
    """The runtime of the pipeline for a model.

    Args:
        task: what the model is for.
        folder: where it lies.
        model: as it was asked for: prefixes may go by the name.
        exported: whether ONNX Runtime is to run it; else torch, on the CPU.
        threads: of ONNX Runtime.
    """
    match task:
        case ExportTask.CROSSENCODER:
            return ScorerSubject(_scorer(folder, exported=exported, threads=threads))
        case ExportTask.READER:
            return ReaderSubject(folder, exported=exported, threads=threads)
        case _:
            return EncoderSubject(_encoder(folder, model, exported=exported, threads=threads))


class _Encoder(Protocol):
    def encode(self, texts: list[str]) -> NDArray[np.float32]: ...

    def encode_queries(self, texts: list[str]) -> NDArray[np.float32]: ...


class EncoderSubject:
    """A bi-encoder."""

    unit = "texts"

    def __init__(self, encoder: _Encoder) -> None:
        self._encoder = encoder

    def observe(self, task: RankingTask) -> Observed:
        """Vectors of questions, then of passages; every question ranks all passages."""
        questions = distinct_questions(task)
        left, right = self._encoder.encode_queries(questions), self._encoder.encode(distinct_passages(task))
        rows = {text: row for row, text in enumerate(questions)}
        passages = right[: len(task.passages)].astype(np.float64)
        scores = tuple(passages @ left[rows[question]].astype(np.float64) for question in task.questions)
        measured = vector_metrics(task, np.nan_to_num(left), np.nan_to_num(right))
        return Observed(np.vstack([left, right]).astype(np.float64), scores, measured)

    def run(self, batch: Batch) -> None:
        """See :class:`Subject`."""
        self._encoder.encode([passage for _, passage in batch])


class ScorerSubject:
    """A cross-encoder."""

    unit = "pairs"

    def __init__(self, score: Callable[[list[tuple[str, str]]], list[float]]) -> None:
        self._score = score

    def observe(self, task: RankingTask) -> Observed:
        """Raw scores of each question's candidates."""
        recorded: list[float] = []

        def score(pairs: list[tuple[str, str]]) -> list[float]:
            recorded[:] = self._score(pairs)
            return [float(score) for score in np.nan_to_num(recorded)]

        measured = measure_scores(task, score)
        outputs = np.asarray(recorded, np.float64)
        return Observed(outputs[:, None], _by_question(task, outputs), measured)

    def run(self, batch: Batch) -> None:
        """See :class:`Subject`."""
        self._score(list(batch))


class ReaderSubject:
    """A span reader: its relevance is compared as a scorer's, its answers by their places."""

    unit = "pairs"

    def __init__(self, folder: Path, *, exported: bool, threads: int) -> None:
        from retrievers.span_reader.model import Runtime, load_span_reader

        runtime = Runtime.ONNX if exported else Runtime.TORCH
        self._model = load_span_reader(str(folder), runtime=runtime, device="cpu", threads=threads)
        self._runs = itertools.count()

    def observe(self, task: RankingTask) -> Observed:
        """Relevance of each question's candidates, and where in them the best answer stands."""
        from generators.reading.spans import rank_spans
        from retrievers.span_reader.windows import Passage

        recorded: list[float] = []
        answers: list[tuple[int, int, int] | None] = []
        for question, rows in zip(task.questions, task.candidates or (), strict=True):
            logits = self._model.read(question, [Passage(task.passages[row]) for row in rows])
            recorded += [one.relevance for one in logits]
            spans = rank_spans(logits, [0.0] * len(logits), max_answer=self._model.settings.max_answer).spans
            answers.append((spans[0].passage, spans[0].start, spans[0].stop) if spans else None)
        labelled = [self._model.read(pair.question, [Passage(pair.passage)])[0].relevance for pair in task.pairs]
        outputs = np.asarray([*recorded, *labelled], np.float64)
        measured = measure_scores(task, lambda _: [float(score) for score in np.nan_to_num(outputs)])
        return Observed(outputs[:, None], _by_question(task, outputs), measured, tuple(answers))

    def run(self, batch: Batch) -> None:
        """See :class:`Subject`; the model remembers pairs, so each run asks in other words."""
        from retrievers.span_reader.windows import Passage

        number = next(self._runs)
        for question, passages in itertools.groupby(batch, key=lambda pair: pair[0]):
            self._model.read(
                f"{question} {number}", [Passage(passage) for _, passage in passages], batch_size=len(batch)
            )


def _encoder(folder: Path, model: str, *, exported: bool, threads: int) -> _Encoder:
    if exported:
        from retrievers.encoders.onnx import OnnxEncoder

        return OnnxEncoder(str(folder), threads=threads)
    from retrievers.encoders.huggingface import HuggingFaceEncoder

    return HuggingFaceEncoder(model, device="cpu")


def _scorer(folder: Path, *, exported: bool, threads: int) -> Callable[[list[tuple[str, str]]], list[float]]:
    if exported:
        from retrievers.scorers.onnx import OnnxScorer

        return OnnxScorer(str(folder), threads=threads).score
    from retrievers.scorers.huggingface import HuggingFaceScorer

    return HuggingFaceScorer(str(folder), device="cpu").score


def _by_question(task: RankingTask, outputs: Floats) -> tuple[Floats, ...]:
    """The scores of the candidates, question by question; those of labelled pairs come after them."""
    sizes = [len(rows) for rows in task.candidates or ()]
    return tuple(np.split(outputs[: sum(sizes)], np.cumsum(sizes)[:-1])) if sizes else ()
