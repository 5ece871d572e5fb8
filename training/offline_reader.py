"""Fit the offline reader's ranker and the calibration of its confidence: ``python -m training.offline_reader --help``.

The ranker is boosted regression trees (Friedman, 2001) under a listwise softmax loss (the top-one probability of
ListNet, Cao et al., 2007): within a task the scores should be distributed as the candidates' word F1 with the gold is.
Figures are cross-validated by document: no question is scored by trees that saw another question about its document.
The confidence is a logistic regression on signals of the held-out answers, itself scored on folds it did not see.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from evals.answers import exact_match, token_f1
from evals.files import read_json
from generators.reader import COLUMNS, Reading, read
from generators.reading.confidence import SIGNALS, signals_of
from generators.reading.ranking import Forest, Weights
from rag.command import run_command
from retrievers.analysis import fold
from retrievers.errors import InputError
from retrievers.joint.model import JointReading, load_joint_model
from retrievers.joint.model import Passage as JointPassage
from training.joint.folds import FOLDS, fold_graph

_RIGHT = 0.5  # lemma F1 from which an answer counts as right, for the confidence
_LEAST_LABEL = 0.25  # a candidate that shares less with the gold answer teaches nothing
_LEAST_BEST = 0.3  # a task whose best candidate is worse than this has no answer in its passages

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FitOptions:
    """How the ranker is grown.

    Args:
        trees: boosting rounds.
        learning_rate: share of each leaf's Newton step that is taken.
        leaves: most leaves a tree may have; ``leaf_rows`` is the least number of rows in one.
        columns: share of the features each split may choose from.
        tasks: share of the tasks each tree sees; ``negatives`` is how many of a task's easy candidates it sees.
        sharpness: power that the word F1 is raised to before it becomes a distribution.
        penalty: added to a leaf's second derivative (L2).
        folds: of the cross-validation.
        context_weight: of a task over retrieved passages, relative to one over the gold passage.
        seed: of every random choice.
    """

    trees: int = 400
    learning_rate: float = 0.05
    leaves: int = 8
    leaf_rows: int = 60
    columns: float = 0.3
    tasks: float = 0.6
    negatives: int = 30
    sharpness: float = 2.0
    penalty: float = 3.0
    folds: int = 5
    context_weight: float = 0.7
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Example:
    """A question with passages: ``document`` groups the cross-validation, ``source`` the report.

    ``passages`` are pairs of text and title, ``headings`` the heading path of each. ``answer_span`` is the gold
    answer's place in the only passage, where the data knows it.
    """

    source: str
    document: str
    question: str
    answers: tuple[str, ...]
    passages: tuple[tuple[str, str], ...]
    headings: tuple[str, ...]
    answer_span: tuple[int, int] | None
    weight: float


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """An example with its candidates described and judged; all arrays have one row a candidate."""

    example: Example
    rows: NDArray[np.float32]
    labels: NDArray[np.float64]  # what the ranker learns, in [0, 1]
    exact: NDArray[np.float64]  # exact match of the nominative form
    f1: NDArray[np.float64]  # word F1 of the nominative form
    surface_f1: NDArray[np.float64]  # word F1 of the form in the passage
    lemma_f1: NDArray[np.float64]
    identities: list[str]


@dataclass(frozen=True, slots=True)
class Row:
    """Cross-validated figures of one source; all but ``questions`` are means in [0, 1]."""

    source: str
    questions: int
    exact: float
    f1: float
    lemma_f1: float
    surface_f1: float
    best_possible_f1: float
    brier: float
    auc: float


def read_examples(
    questions: Sequence[Path], passages: Sequence[Path], contexts: Sequence[Path], context_weight: float
) -> list[Example]:
    """Questions with their gold passage, and once more with retrieved passages where ``contexts`` has them.

    Args:
        questions: JSON Lines with ``question, answers, gold_doc_ids`` and ``paragraph`` or a passage by gold id.
        passages: JSON Lines with ``doc_id, title, text``.
        contexts: JSON Lines with ``question, contexts[{title, headings, text}]``, as ``rag.ask --json --show-contexts``
            prints.
        context_weight: weight of the examples over retrieved passages.

    Raises:
        InputError: a file or line cannot be read, or a question has no passage.
    """
    known = {str(row["doc_id"]): row for path in passages for row in _lines(path, ("doc_id",))}
    retrieved = {fold(row["question"]): row for path in contexts for row in _lines(path, ("question", "contexts"))}
    examples = []
    for path in questions:
        for row in _lines(path, ("question", "answers", "gold_doc_ids")):
            if not row["answers"]:
                continue  # nothing to learn what is right from
            gold = str(next(reversed(row["gold_doc_ids"]), ""))  # of several documents the last one has the answer
            source = known.get(gold, {})
            text, title = row.get("paragraph") or source.get("text"), str(source.get("title") or "")
            found = retrieved.get(fold(row["question"]))
            if not text and not found:
                raise InputError(
                    f"{path}: no passage for question {row['question']!r}; name its file with --passages or --contexts"
                )
            document = str(row.get("title") or gold)
            answers = tuple(row["answers"])
            starts = row.get("answer_start")
            span = (int(starts[0]), int(starts[0]) + len(answers[0])) if starts else None
            if text:
                examples.append(
                    Example(path.stem, document, row["question"], answers, ((text, title),), ("",), span, 1.0)
                )
            if found:
                chunks = tuple((str(one["text"]), str(one.get("title") or "")) for one in found["contexts"][:5])
                headings = tuple(str(one.get("headings") or "") for one in found["contexts"][:5])
                name = f"{path.stem}, retrieved"
                examples.append(
                    Example(name, document, row["question"], answers, chunks, headings, None, context_weight)
                )
    return examples


def _lines(path: Path, needed: Sequence[str]) -> Iterable[dict[str, Any]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as stream:
            for number, line in enumerate(stream, 1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except json.JSONDecodeError as error:
                    raise InputError(f"{path}, line {number}: no JSON ({error.msg})") from error
                if missing := [key for key in needed if not isinstance(row, dict) or row.get(key) is None]:
                    raise InputError(f"{path}, line {number}: {', '.join(missing)} missing")
                yield row
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error


class Networks:
    """Joint networks that did not see the questions they are asked here: one a fold of the questions.

    Args:
        folder: of ``python -m training.joint_reader --folds N``: ``folds.json`` and ``fold-0.onnx``, …; None takes the
            shipped network for every question, which has seen the development questions: figures are then too good.

    Raises:
        InputError: a file is missing or damaged.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._folds = {fold(question): int(n) for question, n in read_json(folder / FOLDS).items()} if folder else {}

    def fold_of(self, example: Example) -> int | None:
        """Fold of a question; None where no networks were given, or they do not know it."""
        return self._folds.get(fold(example.question))

    def read(self, example: Example) -> list[JointReading]:
        """What the network says that did not see this question."""
        number = self.fold_of(example)
        graph = self._folder / fold_graph(number) if self._folder and number is not None else None
        passages = [
            JointPassage(" ".join(filter(None, (title, headings))), text)
            for (text, title), headings in zip(example.passages, example.headings, strict=True)
        ]
        return load_joint_model(graph).read(example.question, passages)


def describe_example(example: Example, networks: Networks) -> Task:
    """Propose and judge the candidates of an example."""
    reading = read(example.question, example.passages, networks.read(example))
    count = len(reading.spans)
    exact, f1, surface_f1, lemma_f1 = (np.zeros(count) for _ in range(4))
    labels = np.zeros(count)
    for index in range(count):
        wording, surface = reading.wording(index), reading.surface(index)
        exact[index] = exact_match(wording, example.answers)
        f1[index] = token_f1(wording, example.answers)
        surface_f1[index] = token_f1(surface, example.answers)
        lemma_f1[index] = token_f1(wording, example.answers, lemmatize=True)
        labels[index] = max(f1[index], 0.9 * surface_f1[index], 0.9 * lemma_f1[index]) * _placed(
            example, reading, index
        )
    identities = [reading.identity(index) for index in range(count)]
    return Task(example, reading.rows, labels, exact, f1, surface_f1, lemma_f1, identities)


def _placed(example: Example, reading: Reading, index: int) -> float:
    """1.0 where a candidate stands on the gold span, less where the same words stand elsewhere in the passage."""
    if example.answer_span is None:
        return 1.0
    candidate = reading.spans[index][1]
    start, stop = example.answer_span
    return 1.0 if candidate.start < stop and candidate.stop > start else 0.3


def grow(tasks: Sequence[Task], options: FitOptions) -> Forest:
    """Boost a forest on tasks; tasks without an answer among their candidates are left out.

    Raises:
        InputError: no task has one.
    """
    from sklearn.tree import DecisionTreeRegressor

    used = [task for task in tasks if len(task.labels) and task.labels.max() >= _LEAST_BEST]
    if not used:
        raise InputError("no question has its answer among the candidates; nothing can be fitted")
    generator = np.random.default_rng(options.seed)
    rows = np.concatenate([task.rows for task in used])
    target = np.concatenate([_distribution(task.labels, options.sharpness) for task in used])
    sizes = np.array([len(task.labels) for task in used])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    group = np.repeat(np.arange(len(used)), sizes)  # (rows,): the task of every row
    weight = np.array([task.example.weight for task in used])[group]
    scores = np.zeros(len(rows))
    trees = []
    for number in range(options.trees):
        probability = _softmax(scores, starts, group)
        gradient, curvature = target - probability, probability * (1.0 - probability)
        drawn = generator.random(len(used)) < options.tasks
        hard = (np.abs(gradient) > 0.02) | (generator.random(len(rows)) < options.negatives / sizes[group])
        seen = np.flatnonzero(drawn[group] & hard)
        tree = DecisionTreeRegressor(
            max_leaf_nodes=options.leaves,
            min_samples_leaf=min(options.leaf_rows, max(1, len(seen) // 4)),
            max_features=options.columns,
            random_state=options.seed + number,
        ).fit(rows[seen], gradient[seen], sample_weight=weight[seen])
        leaf = tree.apply(rows)
        count = tree.tree_.node_count
        slope = np.bincount(leaf[seen], weights=(gradient * weight)[seen], minlength=count)
        bend = np.bincount(leaf[seen], weights=(curvature * weight)[seen], minlength=count)
        value = np.clip(slope / (bend + options.penalty), -3.0, 3.0) * options.learning_rate
        scores += value[leaf]
        trees.append((tree.tree_, value))
    return _forest(trees)


def _distribution(labels: NDArray[np.float64], sharpness: float) -> NDArray[np.float64]:
    raised = np.where(labels >= _LEAST_LABEL, labels**sharpness, 0.0)
    return np.asarray(raised / raised.sum())


def _softmax(scores: NDArray[np.float64], starts: NDArray[np.int64], group: NDArray[np.int64]) -> NDArray[np.float64]:
    raised = np.exp(scores - np.maximum.reduceat(scores, starts)[group])
    return np.asarray(raised / np.add.reduceat(raised, starts)[group])


def _forest(trees: Sequence[tuple[Any, NDArray[np.float64]]]) -> Forest:
    """scikit-learn trees laid end to end."""
    sizes = [tree.node_count for tree, _ in trees]
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return Forest(
        feature=np.concatenate([np.where(tree.children_left < 0, -1, tree.feature) for tree, _ in trees]).astype(
            np.int32
        ),
        threshold=np.concatenate([tree.threshold for tree, _ in trees]).astype(np.float32),
        left=np.concatenate([tree.children_left + root for (tree, _), root in zip(trees, roots, strict=True)]).astype(
            np.int32
        ),
        right=np.concatenate([tree.children_right + root for (tree, _), root in zip(trees, roots, strict=True)]).astype(
            np.int32
        ),
        value=np.concatenate([value for _, value in trees]).astype(np.float32),
        roots=roots.astype(np.int32),
    )


def assign_folds(documents: Iterable[str], folds: int, seed: int) -> dict[str, int]:
    """Fold of every document, the same number of documents in each."""
    names = sorted(set(documents))
    order = np.random.default_rng(seed).permutation(len(names))
    return {names[index]: int(place % folds) for place, index in enumerate(order)}


def held_out_scores(tasks: Sequence[Task], fold_of: dict[str, int], options: FitOptions) -> list[NDArray[np.float64]]:
    """Scores of every task by a forest that saw no question about its document."""
    scores: list[NDArray[np.float64]] = [np.zeros(0)] * len(tasks)
    folds = sorted(set(fold_of.values()))
    for number in track(folds, "cross-validation", console=Console(stderr=True), disable=not sys.stderr.isatty()):
        forest = grow([task for task in tasks if fold_of[task.example.document] != number], options)
        for index, task in enumerate(tasks):
            if fold_of[task.example.document] == number:
                scores[index] = forest.scores(task.rows)
    return scores


def calibrate(signals: NDArray[np.float64], right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Logistic regression of being right on the signals: coefficients on raw signals, the intercept last."""
    from sklearn.linear_model import LogisticRegression

    if right.all() or not right.any():  # nothing to tell apart: the share of right answers, smoothed
        share = (float(right.sum()) + 1.0) / (len(right) + 2.0)
        return np.append(np.zeros(signals.shape[1]), np.log(share / (1.0 - share)))
    mean, spread = signals.mean(axis=0), signals.std(axis=0)
    spread[spread == 0] = 1.0
    model = LogisticRegression(C=0.3, max_iter=1000).fit((signals - mean) / spread, right)
    coefficients = model.coef_[0] / spread
    return np.append(coefficients, float(model.intercept_[0]) - float(coefficients @ mean))


def _probabilities(signals: NDArray[np.float64], calibration: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(signals @ calibration[:-1] + calibration[-1], -30.0, 30.0))))


def cross_validate(
    tasks: Sequence[Task], options: FitOptions, fold_of: dict[str, int] | None = None
) -> tuple[list[Row], NDArray[np.float64]]:
    """Figures by source, and the calibration fitted on all held-out answers.

    Args:
        tasks: to judge.
        options: of the fit.
        fold_of: fold of every document, where the joint networks have theirs; None assigns them.
    """
    fold_of = fold_of or assign_folds((task.example.document for task in tasks), options.folds, options.seed)
    scores = held_out_scores(tasks, fold_of, options)
    answered = [index for index, values in enumerate(scores) if len(values)]
    signals = np.stack([signals_of(scores[i], tasks[i].rows, tasks[i].identities) for i in answered])
    best = {index: int(np.argmax(scores[index])) for index in answered}
    right = np.array([tasks[index].lemma_f1[best[index]] >= _RIGHT for index in answered])
    fold = np.array([fold_of[tasks[index].example.document] for index in answered])
    chance = np.zeros(len(answered))
    for number in sorted(set(fold.tolist())):
        chance[fold == number] = _probabilities(
            signals[fold == number], calibrate(signals[fold != number], right[fold != number])
        )
    table = []
    for source in dict.fromkeys(task.example.source for task in tasks):
        every = [index for index, task in enumerate(tasks) if task.example.source == source]
        here = np.array([tasks[index].example.source == source for index in answered])
        picks = [(tasks[index], best.get(index)) for index in every]
        table.append(
            Row(
                source=source,
                questions=len(every),
                exact=_mean(task.exact[at] if at is not None else 0.0 for task, at in picks),
                f1=_mean(task.f1[at] if at is not None else 0.0 for task, at in picks),
                lemma_f1=_mean(task.lemma_f1[at] if at is not None else 0.0 for task, at in picks),
                surface_f1=_mean(task.surface_f1[at] if at is not None else 0.0 for task, at in picks),
                best_possible_f1=_mean(task.f1.max(initial=0.0) for task, _ in picks),
                brier=float(np.mean((chance[here] - right[here]) ** 2)),
                auc=_auc(chance[here], right[here]),
            )
        )
    return table, calibrate(signals, right)


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def _auc(chance: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Probability that a right answer is more confident than a wrong one, ties counted half."""
    positive, negative = chance[right], chance[~right]
    if not len(positive) or not len(negative):
        return float("nan")
    higher = (positive[:, None] > negative[None, :]).mean() + 0.5 * (positive[:, None] == negative[None, :]).mean()
    return float(higher)


def format_table(rows: Sequence[Row]) -> str:
    """The figures as a Markdown table."""
    lines = [
        "| questions | n | EM | F1 | F1 of lemmas | F1 as in the passage | F1 of the best candidate | Brier | AUC |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        figures = (row.exact, row.f1, row.lemma_f1, row.surface_f1, row.best_possible_f1, row.brier, row.auc)
        lines.append(f"| {row.source} | {row.questions} | " + " | ".join(f"{figure:.3f}" for figure in figures) + " |")
    return "\n".join(lines)


def build_parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog="python -m training.offline_reader", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument(
        "--questions",
        type=Path,
        nargs="+",
        required=True,
        metavar="FILE",
        help="JSON Lines: question, answers, gold_doc_ids, paragraph",
    )
    parser.add_argument(
        "--passages", type=Path, nargs="*", default=[], metavar="FILE", help="JSON Lines: doc_id, title, text"
    )
    parser.add_argument(
        "--contexts",
        type=Path,
        nargs="*",
        default=[],
        metavar="FILE",
        help="JSON Lines: question, contexts (rag.ask --json --show-contexts)",
    )
    parser.add_argument(
        "--joint",
        type=Path,
        metavar="DIR",
        help="folder of training.joint_reader --folds: networks that did not see the questions they read here",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="weights to write (.npz); without it nothing is written"
    )
    parser.add_argument(
        "--report", action="store_true", help="print the options beside the table, as the model card has them"
    )
    for name, value in asdict(FitOptions()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value, help=f"default {value}")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    arguments = vars(build_parser().parse_args(argv))
    return run_command(lambda: _run(arguments))


def _run(arguments: dict[str, Any]) -> int:
    options = FitOptions(**{name: arguments[name] for name in asdict(FitOptions())})
    examples = read_examples(
        arguments["questions"], arguments["passages"], arguments["contexts"], options.context_weight
    )
    console = Console(stderr=True)
    networks = Networks(arguments["joint"])
    fold_of = {one.document: number for one in examples if (number := networks.fold_of(one)) is not None}
    if fold_of and (unknown := next((one for one in examples if one.document not in fold_of), None)):
        raise InputError(f"{arguments['joint']} has no fold for the question {unknown.question!r}")
    tasks = [
        describe_example(example, networks)
        for example in track(examples, "reading", console=console, disable=not sys.stderr.isatty())
    ]
    table, calibration = cross_validate(tasks, options, fold_of)
    print(format_table(table))  # noqa: T201
    if arguments["report"]:
        print(json.dumps(asdict(options)))  # noqa: T201
    if arguments["out"]:
        Weights(COLUMNS, grow(tasks, options), calibration).save(arguments["out"])
        log.info("wrote %s (%d signals)", arguments["out"], len(SIGNALS))
    return 0


if __name__ == "__main__":
    sys.exit(main())
