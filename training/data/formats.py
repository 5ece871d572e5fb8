"""The formats ``python -m training.data`` reads: what each is called, what it needs, and who reads it."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.datasets.squad import Unit
from retrievers.errors import InputError
from training.data.columns import DUPLICATES, INSTRUCTIONS, PAIRS, SCORED, YES_NO, Columns, load_columns
from training.data.found import Found
from training.data.judged import load_beir, load_trec
from training.data.miracl import load_miracl
from training.data.paraphrases import load_paraphrases
from training.data.questions import load_questions
from training.data.rubq import LICENCE, load_rubq
from training.data.split import Grouping
from training.data.squad import load_squad
from training.data.triples import load_id_triples, load_triples

Load = Callable[[argparse.Namespace], Iterator[Found]]

# Flags that give files to read beside the inputs; the manifest names them all.
FILE_FLAGS = ("paragraphs", "queries", "collection", "corpus")
_TABLE_FLAGS = ("label_scale", "encoding", "unquoted")
_JUDGED_FLAGS = ("min_score", "graded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format of training data.

    Args:
        summary: one line for the list.
        load: reads the inputs, as the command's arguments say.
        flags: arguments that only some formats have and this one takes; a flag of another format is refused.
        needs: those of them that must be given.
        grouping: what a split keeps together.
        licence: of the data, where the format is one data set's.
    """

    summary: str
    load: Load
    flags: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    grouping: Grouping = Grouping.DOCUMENT
    licence: str | None = None


def column_flags() -> tuple[str, ...]:
    """Arguments that name columns, one for each field of :class:`~training.data.columns.Columns`."""
    return tuple(f"{field.name}_column" for field in dataclasses.fields(Columns))


def check_flags(arguments: argparse.Namespace) -> Format:
    """The format that is asked for.

    Raises:
        InputError: a flag is given that the format does not take, or one is missing that it needs.
    """
    chosen = FORMATS[arguments.format]
    special = dict.fromkeys(flag for one in FORMATS.values() for flag in one.flags)
    for flag in special:
        value = getattr(arguments, flag)
        given = value is not None and value is not False  # 0 is a value
        if given and flag not in chosen.flags:
            takers = ", ".join(name for name, one in FORMATS.items() if flag in one.flags)
            raise InputError(f"{_shown(flag)} says nothing to --format {arguments.format}; it is for {takers}")
        if not given and flag in chosen.needs:
            raise InputError(f"--format {arguments.format} needs {_shown(flag)}")
    return chosen


def _shown(flag: str) -> str:
    return f"--{flag.replace('_', '-')}"


def _examples(arguments: argparse.Namespace) -> Iterator[Found]:
    from training.examples import read_examples

    for path in arguments.inputs:
        yield from read_examples(path)


def _columns(preset: Columns) -> Load:
    """Reads rows with the preset's columns, of which flags may name others."""

    def load(arguments: argparse.Namespace) -> Iterator[Found]:
        given = {
            field.name: (name,)
            for field in dataclasses.fields(Columns)
            if (name := getattr(arguments, f"{field.name}_column")) is not None
        }
        return load_columns(
            arguments.inputs,
            dataclasses.replace(preset, **given),
            source=arguments.format,
            label_scale=1.0 if arguments.label_scale is None else arguments.label_scale,
            encoding=arguments.encoding or "utf-8",
            unquoted=bool(arguments.unquoted),
        )

    return load


def _table(summary: str, preset: Columns) -> Format:
    return Format(summary=summary, load=_columns(preset), flags=(*column_flags(), *_TABLE_FLAGS))


def _min_score(arguments: argparse.Namespace) -> float:
    return 1.0 if arguments.min_score is None else arguments.min_score


def _id_triples(arguments: argparse.Namespace) -> Iterator[Found]:
    return load_id_triples(
        arguments.inputs, queries=arguments.queries, collection=arguments.collection, limit=arguments.limit
    )


def _trec(arguments: argparse.Namespace) -> Iterator[Found]:
    return load_trec(
        arguments.inputs,
        queries=arguments.queries,
        collection=arguments.collection,
        min_score=_min_score(arguments),
        graded=bool(arguments.graded),
    )


FORMATS: dict[str, Format] = {
    "examples": Format(summary="rows of this toolkit's own format: pairs made, examples to split or filter",
                       load=_examples),
    "questions": Format(
        summary="evaluation files: qid, question, answers, gold_doc_ids, perhaps paragraph; or chunks of --index",
        load=lambda arguments: load_questions(arguments.inputs, index=arguments.index, corpus=arguments.corpus),
        flags=("index", "corpus"),
    ),
    "squad": Format(
        summary="SberQuAD, SQuAD, XQuAD: nested .json, or the hub's flat .jsonl and .parquet",
        load=lambda arguments: load_squad(
            arguments.inputs,
            unit=arguments.unit or Unit.PARAGRAPH,
            keep_unanswerable=bool(arguments.unanswerable),
        ),
        flags=("unit", "unanswerable"),
    ),
    "rubq": Format(
        summary="RuBQ 2.0: RuBQ_2.0_dev.json with --paragraphs RuBQ_2.0_paragraphs.json",
        load=lambda arguments: load_rubq(
            arguments.inputs, arguments.paragraphs, negatives=arguments.negatives or 0
        ),
        flags=("paragraphs", "negatives"),
        needs=("paragraphs",),
        licence=LICENCE,
    ),
    "miracl": Format(
        summary="MIRACL and Mr. TyDi: the hub's rows of a query with positive and negative passages",
        load=lambda arguments: load_miracl(arguments.inputs),
        grouping=Grouping.QUESTION,
    ),
    "triples": Format(
        summary="MS MARCO's triples of texts (.tsv), rows of query, pos and neg (.jsonl, .parquet)",
        load=lambda arguments: load_triples(arguments.inputs),
        grouping=Grouping.QUESTION,
    ),
    "id-triples": Format(
        summary="MS MARCO's and mMARCO's triples of ids (.tsv) with --queries and --collection",
        load=_id_triples,
        flags=("queries", "collection"),
        needs=("queries", "collection"),
        grouping=Grouping.QUESTION,
    ),
    "trec": Format(
        summary="TREC Deep Learning: qrels with --queries and --collection",
        load=_trec,
        flags=("queries", "collection", *_JUDGED_FLAGS),
        needs=("queries", "collection"),
        grouping=Grouping.QUESTION,
    ),
    "beir": Format(
        summary="BEIR folders: corpus, queries and qrels of --qrels-split",
        load=lambda arguments: load_beir(
            arguments.inputs,
            split=arguments.qrels_split or "train",
            min_score=_min_score(arguments),
            graded=bool(arguments.graded),
        ),
        flags=("qrels_split", *_JUDGED_FLAGS),
        grouping=Grouping.QUESTION,
    ),
    "duplicates": _table("Quora-style pairs: question1, question2, is_duplicate", DUPLICATES),
    "sts": _table("scored pairs (STS benchmark, KLUE-STS): sentence1, sentence2, score", SCORED),
    "instructions": _table("instruction pairs: instruction and input, or question; output or answer", INSTRUCTIONS),
    "yes-no": _table("DaNetQA: question, passage and yes or no, which becomes the answer", YES_NO),
    "columns": _table("any .csv, .tsv, .json, .jsonl or .parquet with named columns", PAIRS),
    "paraphrases": Format(
        summary="groups of paraphrases: rows with a list, or lines with an empty one between groups",
        load=lambda arguments: load_paraphrases(arguments.inputs),
    ),
}  # fmt: skip


def describe(names: Sequence[str] = tuple(FORMATS)) -> list[str]:
    """A line for each format."""
    width = max(map(len, names))
    return [f"{name:<{width}}  {FORMATS[name].summary}" for name in names]


def input_files(arguments: argparse.Namespace) -> list[Path]:
    """All files that are read, those of folders too, in order, each once."""
    given = list(arguments.inputs)
    for flag in FILE_FLAGS:
        value = getattr(arguments, flag)
        given += value if isinstance(value, list) else [value] if value is not None else []
    files = (file for path in given for file in (sorted(path.rglob("*")) if path.is_dir() else [path]))
    return list(dict.fromkeys(file for file in files if file.is_file()))
