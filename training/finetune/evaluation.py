"""Evaluation data of a training run: rows of examples, or questions about an index."""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from evals.dataset import read_questions
from evals.datasets.reading import read_rows
from evals.relevance import find_relevant
from retrievers.analysis import lemmas
from retrievers.bm25 import BM25Index
from retrievers.documents import chunk_id_of
from retrievers.documents import search_text as chunk_text
from retrievers.errors import InputError
from training.examples import Example, read_examples, search_text
from training.finetune.ranking import Pair, RankingTask


class EvaluationOptions(BaseModel):
    """What a model is measured on; each field but the files is a flag.

    Args:
        files: rows of examples, or questions as ``evals.run`` takes them.
        corpus: for questions the index they are about; for rows a file of passages that are ranked beside theirs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    files: tuple[Path, ...] = Field(min_length=1)
    corpus: Path | None = None
    candidates: int = Field(default=20, ge=2, description="passages that a first stage (BM25 over lemmas) finds for "
                            "each question of the evaluation: what a cross-encoder reranks; a bi-encoder ranks those "
                            "of all questions together")  # fmt: skip
    relevant_label: float | None = Field(default=None, description="lowest label of a relevant pair; unset: above the "
                                         "middle between the lowest and the highest label of the file")  # fmt: skip
    eval_limit: int | None = Field(default=None, ge=1, description="questions of the evaluation, drawn at random")
    seed: int = 0


@dataclass(frozen=True, slots=True)
class EvaluationData:
    """A task and what it was made of.

    Args:
        task: to measure on; with candidates.
        rows: rows or questions of each file.
        examples: rows, where the files hold rows.
        unanswerable: questions left out because no passage is known to answer them.
    """

    task: RankingTask
    rows: tuple[int, ...]
    examples: tuple[Example, ...]
    unanswerable: int


def add_evaluation_flags(parser: argparse.ArgumentParser) -> None:
    """``--eval`` and ``--corpus``; the rest comes from the options' fields."""
    parser.add_argument(
        "--eval", nargs="+", type=Path, required=True, metavar="FILE",
        help="what the model is measured on before, during and after: rows like --train's, or questions with qid and "
        "gold documents about the index --corpus",
    )  # fmt: skip
    parser.add_argument(
        "--corpus", type=Path, default=None, metavar="PATH",
        help="for questions: the index that they are about; for rows: a file of passages (JSON Lines with text or "
        "passage, and title) that are ranked beside those of the rows",
    )  # fmt: skip


def read_evaluation(options: EvaluationOptions) -> EvaluationData:
    """Read the files and build the task.

    Raises:
        InputError: a file cannot be read, the kinds are mixed, or nothing in them can be measured.
    """
    kinds = {_holds_questions(path) for path in options.files}
    if len(kinds) > 1:
        raise InputError("--eval: one kind of file at a time: rows of examples, or questions about an index")
    data = _from_questions(options) if kinds == {True} else _from_rows(options)
    if not data.task.questions and not data.task.pairs:
        raise InputError(f"{options.files[0]}: no question has a relevant passage, and no labels differ")
    return data


def metric_of(task: RankingTask, name: str) -> str:
    """``name``, if the task has this metric.

    Raises:
        InputError: it has not; names those it has.
    """
    if name not in task.metric_names():
        raise InputError(f"--metric {name}: the evaluation data has {', '.join(task.metric_names())}")
    return name


def ranking_task(
    examples: Sequence[Example],
    *,
    candidates: int,
    distractors: Sequence[str] = (),
    relevant_label: float | None = None,
    limit: int | None = None,
    seed: int = 0,
) -> RankingTask:
    """The task that rows make: questions with their passages among all passages of the rows.

    A pair is relevant when it has no label or one that reaches ``relevant_label``. Rows of one question are taken
    together. A question's candidates are its relevant passages, its own negatives and the best others by BM25 over
    lemmas, ``candidates`` in all at least, in the order of BM25.

    Args:
        examples: rows.
        candidates: for each question.
        distractors: passages beside those of the rows.
        relevant_label: see above; None: above the middle of the labels' range.
        limit: questions, drawn at random.
        seed: of the drawing, and of the passages that stand against the positives where rows have no negatives.
    """
    threshold = relevant_from(examples, relevant_label)
    passages: dict[str, int] = {}
    positives: dict[str, set[int]] = {}
    negatives: dict[str, set[int]] = {}
    for example in examples:
        row = passages.setdefault(example.text, len(passages))
        side = positives if is_relevant(example, threshold) else negatives
        side.setdefault(example.question, set()).add(row)
        for text in example.negatives:
            negatives.setdefault(example.question, set()).add(passages.setdefault(text, len(passages)))
    for text in distractors:
        passages.setdefault(text, len(passages))
    questions = sorted(positives) if limit is not None else list(positives)
    if limit is not None and limit < len(questions):
        questions = random.Random(seed).sample(questions, limit)
    index = BM25Index.build(lemmas(text) for text in passages)
    return RankingTask(
        questions=tuple(questions),
        passages=tuple(passages),
        relevant=tuple(frozenset(positives[question]) for question in questions),
        candidates=tuple(
            _candidates(index, question, positives[question] | negatives.get(question, set()), candidates)
            for question in questions
        ),
        pairs=tuple(_pairs(examples, seed)),
    )


def relevant_from(examples: Sequence[Example], given: float | None = None) -> float:
    """Lowest label of a relevant pair: as given, else above the middle of the labels' range."""
    if given is not None:
        return given
    labels = [example.label for example in examples if example.label is not None]
    if not labels or min(labels) == max(labels):
        return 0.5  # labels of one value are probably all 1, "relevant", or all 0
    return (min(labels) + max(labels)) / 2


def is_relevant(example: Example, threshold: float) -> bool:
    """Whether a row's passage belongs to its question."""
    return example.label is None or example.label >= threshold


def _candidates(index: BM25Index, question: str, own: set[int], count: int) -> tuple[int, ...]:
    """``own`` rows and the best others, in the order of BM25; rows it knows nothing of come last, in row order."""
    terms = lemmas(question)
    scores = index.scores(terms)
    others = [int(row) for row in index.top(terms, count + len(own))[0] if int(row) not in own]
    chosen = [*own, *others[: max(0, count - len(own))]]
    return tuple(sorted(chosen, key=lambda row: (-float(scores[row]), row)))


def _pairs(examples: Sequence[Example], seed: int) -> list[Pair]:
    """Labelled pairs; where nothing is labelled, positives (1) and a passage against each of them (0)."""
    labelled = [Pair(row.question, row.text, row.label) for row in examples if row.label is not None]
    if len({pair.label for pair in labelled}) > 1:
        return labelled
    if labelled:
        return []
    draw = random.Random(seed)
    pairs = []
    for example in examples:
        other = example.negatives[0] if example.negatives else _other_passage(example, examples, draw)
        if other is not None:
            pairs += [Pair(example.question, example.text, 1.0), Pair(example.question, other, 0.0)]
    return pairs


def _other_passage(example: Example, examples: Sequence[Example], draw: random.Random) -> str | None:
    """A passage of another row, of another document where documents are known; None where a few draws find none."""
    for _ in range(20):
        other = draw.choice(examples)
        if other.text != example.text and not (example.doc_id and other.doc_id == example.doc_id):
            return other.text
    return None


def _from_rows(options: EvaluationOptions) -> EvaluationData:
    files = [read_examples(path) for path in options.files]
    examples = [example for rows in files for example in rows]
    if options.corpus is not None and not options.corpus.is_file():
        raise InputError(f"--corpus {options.corpus}: --eval holds rows, so this must be a file of passages")
    task = ranking_task(
        examples,
        candidates=options.candidates,
        distractors=_read_passages(options.corpus) if options.corpus is not None else (),
        relevant_label=options.relevant_label,
        limit=options.eval_limit,
        seed=options.seed,
    )
    unanswerable = len({example.question for example in examples}) - len(task.questions)
    return EvaluationData(task, tuple(map(len, files)), tuple(examples), 0 if options.eval_limit else unanswerable)


def _read_passages(path: Path) -> list[str]:
    passages = []
    for row in read_rows(path):
        name = "text" if "text" in row.fields else "passage"
        passages.append(search_text(row.optional_text("title"), row.text(name)))
    if not passages:
        raise InputError(f"--corpus {path}: holds no passages")
    return passages


def _holds_questions(path: Path) -> bool:
    first = next(iter(read_rows(path)), None)
    if first is None:
        raise InputError(f"{path} holds no rows")
    return "qid" in first.fields and "passage" not in first.fields


def _from_questions(options: EvaluationOptions) -> EvaluationData:
    from rag.index import open_index

    if options.corpus is None or not options.corpus.is_dir():
        raise InputError(
            "--eval holds questions and no passages: name the index that they are about, --corpus DIRECTORY"
        )
    files = [read_questions(path) for path in options.files]
    questions = [question for rows in files for question in rows]
    if options.eval_limit is not None and options.eval_limit < len(questions):
        questions = random.Random(options.seed).sample(questions, options.eval_limit)
    texts: dict[str, str] = {}
    found: list[tuple[str, set[str], list[str]]] = []
    with open_index(options.corpus) as index:
        retriever = index.bm25(k=options.candidates)
        for question in questions:
            gold = {
                chunk_id_of(chunk): chunk_text(chunk)
                for doc_id in question.gold_doc_ids
                for chunk in index.chunks.chunks_of(doc_id)
            }
            relevant = find_relevant(question, index.chunks.chunks_of)
            if not relevant:
                continue
            hits = {chunk_id_of(chunk): chunk_text(chunk) for chunk in retriever.invoke(question.question)}
            texts |= hits | {chunk_id: gold[chunk_id] for chunk_id in relevant if chunk_id in gold}
            found.append((question.question, relevant, list(hits)))
    return EvaluationData(_chunk_task(texts, found), tuple(map(len, files)), (), len(questions) - len(found))


def _chunk_task(texts: dict[str, str], found: Sequence[tuple[str, set[str], list[str]]]) -> RankingTask:
    """The task over chunks: ``found`` holds a question, ids of the relevant chunks and of the first stage's hits."""
    passages: dict[str, int] = {}
    rows = {chunk_id: passages.setdefault(text, len(passages)) for chunk_id, text in texts.items()}
    names = tuple(passages)
    pairs = []
    for question, relevant, hits in found:
        wrong = next((chunk_id for chunk_id in hits if chunk_id not in relevant), None)
        right = next((chunk_id for chunk_id in sorted(relevant) if chunk_id in rows), None)
        if wrong is not None and right is not None:
            pairs += [Pair(question, names[rows[right]], 1.0), Pair(question, names[rows[wrong]], 0.0)]
    return RankingTask(
        questions=tuple(question for question, _, _ in found),
        passages=names,
        relevant=tuple(frozenset(rows[one] for one in relevant if one in rows) for _, relevant, _ in found),
        candidates=tuple(tuple(dict.fromkeys(rows[one] for one in hits)) for _, _, hits in found),
        pairs=tuple(pairs),
    )
