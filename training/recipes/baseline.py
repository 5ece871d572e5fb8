"""Measure a retriever that needs no training on evaluation data of a trainer: ``python -m training.recipes.baseline``.

TF-IDF or BM25 over lemmas rank the same passages for the same questions, and are measured by the same code, as
``training.biencoder`` does it: so the figures stand in one table.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evals.files import write_json
from evals.flags import add_flags
from rag.command import run_command
from training.folders import new_folder, require_free

MEASURED = "measured.json"
_DEPTH = 100  # the deepest cut-off of the metrics

_FLAGS: dict[str, dict[str, Any]] = {
    "--retriever": {"choices": ["tfidf", "bm25"], "default": "tfidf", "help": "what ranks"},
    "--eval": {
        "type": Path, "nargs": "+", "required": True, "metavar": "FILE",
        "help": "rows of examples, or questions about the index --corpus, as training.biencoder takes them",
    },
    "--corpus": {
        "type": Path, "metavar": "PATH", "help": "for questions their index; for rows, passages ranked beside theirs"
    },
    "--out": {"type": Path, "required": True, "metavar": "DIR", "help": f"folder to make, with {MEASURED}"},
    "--force": {"action": "store_true", "help": "replace the folder if it is there"},
}  # fmt: skip


def build_parser() -> argparse.ArgumentParser:
    """The command's flags."""
    parser = argparse.ArgumentParser(prog="python -m training.recipes.baseline", description=__doc__)
    add_flags(parser, _FLAGS)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse flags and measure."""
    arguments = build_parser().parse_args(argv)
    return run_command(lambda: _run(arguments))


def measure_baseline(retriever: str, files: Sequence[Path], corpus: Path | None = None) -> dict[str, float]:
    """Ranking metrics, means over the questions.

    Args:
        retriever: tfidf or bm25.
        files: evaluation data.
        corpus: of questions, or more passages.

    Raises:
        InputError: the files cannot be used.
    """
    from langchain_core.documents import Document

    from retrievers.bm25 import BM25Retriever
    from retrievers.tfidf import TfidfRetriever
    from training.finetune.evaluation import EvaluationOptions, read_evaluation
    from training.finetune.ranking import ranking_metrics

    task = read_evaluation(EvaluationOptions(files=tuple(files), corpus=corpus)).task
    passages = [Document(text, id=str(row)) for row, text in enumerate(task.passages)]
    depth = min(_DEPTH, len(passages))
    kind = TfidfRetriever if retriever == "tfidf" else BM25Retriever
    ranker = kind.from_documents(passages, k=depth)
    rankings = [[int(str(found.id)) for found in ranker.invoke(question)] for question in task.questions]
    return ranking_metrics(task, rankings).means


def _run(arguments: argparse.Namespace) -> int:
    require_free(arguments.out, flag="--out", replace=arguments.force)
    metrics = measure_baseline(arguments.retriever, arguments.eval, arguments.corpus)
    with new_folder(arguments.out) as folder:
        write_json(folder / MEASURED, {"retriever": arguments.retriever, "metrics": metrics})
    width = max(map(len, metrics))
    for name, value in metrics.items():
        sys.stdout.write(f"{name:<{width}}  {value:.4f}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
