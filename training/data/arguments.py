"""Flags of ``python -m training.data``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from evals.datasets.squad import Unit
from evals.flags import add_flags
from training.data.formats import FORMATS, column_flags, describe
from training.data.near_duplicates import NEAR
from training.data.split import Grouping

_COMMON: dict[str, dict[str, Any]] = {
    "--format": {"choices": list(FORMATS), "metavar": "NAME", "help": "of the inputs; --list tells them"},
    "--list": {"action": "store_true", "help": "print the formats and stop"},
    "--out": {"type": Path, "metavar": "DIR", "help": "folder to make: train.jsonl (dev, test), manifest.json"},
    "--force": {"action": "store_true", "help": "replace the folder if it is there"},
    "--limit": {"type": int, "metavar": "N", "help": "read N examples of the inputs and no more"},
    "--source": {"metavar": "NAME", "help": "what to call the rows in reports and model cards (default: the format)"},
    "--licence": {"metavar": "TEXT", "help": "of the data, for the manifest and the cards of models trained on it"},
}  # fmt: skip
_KEEPING: dict[str, dict[str, Any]] = {
    "--split": {
        "type": float, "nargs": "+", "metavar": "SHARE",
        "help": "shares of train, dev and test; without it all is training data",
    },
    "--split-by": {
        "type": Grouping, "choices": list(Grouping),
        "help": "what is never separated: documents, or all passages of a question too (default: as fits the format)",
    },
    "--seed": {"type": int, "default": 0, "metavar": "N", "help": "of the split"},
    "--held-out": {
        "type": Path, "nargs": "+", "default": [], "metavar": "FILE",
        "help": "evaluation files whose questions, and near-duplicates of them, are left out",
    },
    "--near": {
        "type": float, "default": NEAR, "metavar": "X",
        "help": "similarity from which texts are near-duplicates, up to 1",
    },
    "--held-out-passages": {
        "action": "store_true", "help": "leave out rows whose passage is, or is cut from, an evaluation passage, too",
    },
    "--deduplicate": {"action": "store_true", "help": "leave out duplicates and near-duplicates among the rows"},
    "--labelled": {
        "action": "store_true",
        "help": "write pairs with labels: 1, and a row with the label 0 for every negative, for losses over cosine",
    },
    "--examples": {"type": int, "default": 3, "metavar": "N", "help": "removed rows to show of each reason"},
}  # fmt: skip
_FORMAT: dict[str, dict[str, Any]] = {
    "--paragraphs": {"type": Path, "metavar": "FILE", "help": "rubq: RuBQ_2.0_paragraphs.json"},
    "--negatives": {"type": int, "metavar": "N", "help": "rubq: paragraphs of a question that do not answer it"},
    "--queries": {"type": Path, "metavar": "FILE", "help": "id-triples, trec: question id, tab, question"},
    "--collection": {
        "type": Path, "nargs": "+", "metavar": "PATH",
        "help": "id-triples, trec: passage id, tab, text; or id, URL, title, text",
    },
    "--qrels-split": {"metavar": "NAME", "help": "beir: split of the judgements (default: train)"},
    "--min-score": {"type": float, "metavar": "N", "help": "trec, beir: a passage belongs from this judgement on (1)"},
    "--graded": {"action": "store_true", "help": "trec, beir: every judged pair, the judgement as its label"},
    "--unit": {"type": Unit, "choices": list(Unit), "help": "squad: what a document is (default: paragraph)"},
    "--unanswerable": {
        "action": "store_true", "help": "squad: keep questions the paragraph does not answer, with the label 0"
    },
    "--index": {"type": Path, "metavar": "DIR", "help": "questions: take the chunks of an index that answer"},
    "--corpus": {"type": Path, "metavar": "FILE", "help": "questions: documents (doc_id, title, text) as passages"},
    "--label-scale": {"type": float, "metavar": "X", "help": "tables: divide labels by X; 5 makes 0..5 into 0..1"},
    "--encoding": {"metavar": "NAME", "help": "tables: of .csv and .tsv files (default: utf-8)"},
    "--unquoted": {"action": "store_true", "help": "tables: quotes in a .tsv are text"},
}  # fmt: skip


def build_parser() -> argparse.ArgumentParser:
    """The command's flags."""
    parser = argparse.ArgumentParser(
        prog="python -m training.data",
        description="Make training data of public formats: checked rows, split without leakage, evaluation left out.",
        epilog="formats:\n" + "\n".join(f"  {line}" for line in describe()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("inputs", type=Path, nargs="*", metavar="INPUT", help="files, or folders for beir")
    add_flags(parser, _COMMON)
    add_flags(parser.add_argument_group("what is kept, and where"), _KEEPING)
    formats = parser.add_argument_group("flags of single formats")
    add_flags(formats, _FORMAT)
    names = {f"--{flag.replace('_', '-')}": flag.removesuffix("_column") for flag in column_flags()}
    columns = {flag: {"metavar": "NAME", "help": f"tables: holds the {name}"} for flag, name in names.items()}
    add_flags(formats, columns)
    return parser
