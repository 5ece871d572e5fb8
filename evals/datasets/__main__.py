"""Make evaluation files of public data sets, and check them: ``python -m evals.datasets SOURCE … --out DIR``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evals.datasets import miracl, squad
from evals.datasets import rubq as rubq_data
from evals.datasets.beir import Layout, find_layout, find_snapshots, load_beir
from evals.datasets.hub import fetch
from evals.datasets.output import Source, check_target, write_dataset
from evals.datasets.table import Columns, load_table
from rag.command import EXIT_BAD_INPUT, run_command
from retrievers.errors import InputError

EXIT_PROBLEMS = 1
_MOST_MISTAKES = 20
_MAIN = "main"
Command = Callable[[argparse.Namespace], int]


def rubq(arguments: argparse.Namespace) -> int:
    """RuBQ 2.0 from the Hugging Face hub, a folder of the same layout, or the authors' own JSON files."""
    if arguments.paragraphs is not None:
        return _write(arguments, _own_rubq)
    if arguments.unit == rubq_data.Unit.PAGE:
        raise InputError(
            "--unit page needs RuBQ's own files (--questions, --paragraphs): only they say whose page it is"
        )
    return _write(arguments, _retrieval_rubq)


def beir(arguments: argparse.Namespace) -> int:
    """A BEIR folder, or a retrieval task of mteb or RusBEIR from the Hugging Face hub."""
    return _write(arguments, _beir_source)


def squad_files(arguments: argparse.Namespace) -> int:
    """Files in SQuAD's shape: SQuAD 1.1 and 2.0, XQuAD, SberQuAD."""
    return _write(arguments, lambda given: squad.load_squad(given.files, unit=given.unit))


def miracl_files(arguments: argparse.Namespace) -> int:
    """MIRACL's topics, judgements and corpus, or questions with their passages as MIRACL and Mr. TyDi have them."""
    return _write(arguments, _miracl_source)


def table(arguments: argparse.Namespace) -> int:
    """A CSV or TSV table of questions and answers."""
    columns = Columns(
        arguments.question_column,
        arguments.answer_column,
        arguments.doc_column,
        arguments.qid_column,
        arguments.separator,
    )
    return _write(
        arguments,
        lambda given: load_table(given.file, columns, encoding=given.encoding, documents=given.documents),
    )


def validate(arguments: argparse.Namespace) -> int:
    """Check an evaluation file, and whether an index has the documents it asks for."""
    from evals.datasets.validate import check_file, count_questions, missing_from_index

    checked = check_file(arguments.file)
    if checked.mistakes:
        for mistake in checked.mistakes[:_MOST_MISTAKES]:
            sys.stderr.write(f"error: {mistake}\n")
        if (more := len(checked.mistakes) - _MOST_MISTAKES) > 0:
            sys.stderr.write(f"and {more} more\n")
        return EXIT_BAD_INPUT
    counts = count_questions(checked.questions)
    width = max(map(len, counts))
    for name, count in counts.items():
        _print(f"{name:<{width}}  {count}")
    if arguments.index is None:
        return 0
    missing = missing_from_index(checked.questions, arguments.index)
    for what, ids in (("documents", missing.documents), ("chunks", missing.chunks)):
        _print(f"{f'gold {what} the index lacks':<{width}}  {len(ids)}")
        for wanted, qid in list(ids.items())[:_MOST_MISTAKES]:
            _print(f"  {wanted} (question {qid})")
    return EXIT_PROBLEMS if missing.documents or missing.chunks else 0


def main(argv: list[str] | None = None) -> int:
    """Run the command.

    Returns:
        0; 1 when ``validate`` finds an index that lacks gold documents; 2 for foreseeable mistakes; 130 after Ctrl-C.
    """
    arguments = _parser().parse_args(argv)
    command: Command = arguments.command
    return run_command(lambda: command(arguments))


def _write(arguments: argparse.Namespace, load: Callable[[argparse.Namespace], Source]) -> int:
    from rag.index.progress import progress_bar

    check_target(arguments.out, force=arguments.force)  # before anything is fetched
    source = load(arguments)
    with progress_bar() as progress:
        manifest = write_dataset(
            source, arguments.out, force=arguments.force, skip_unknown=arguments.skip_unknown, progress=progress
        )
    _print_manifest(arguments.out, manifest)
    return 0


def _own_rubq(arguments: argparse.Namespace) -> Source:
    if not arguments.questions:
        raise InputError("--paragraphs needs --questions: RuBQ_2.0_test.json, RuBQ_2.0_dev.json or both")
    if arguments.folder is not None:
        raise InputError("--from and --paragraphs are two sources; give one of them")
    unit = arguments.unit or rubq_data.Unit.PAGE
    return rubq_data.load_own(arguments.questions, arguments.paragraphs, unit=unit)


def _retrieval_rubq(arguments: argparse.Namespace) -> Source:
    if arguments.folder is not None:
        layout = find_layout(arguments.folder, arguments.split, qrels=arguments.qrels)
    else:
        if arguments.qrels is not None:
            raise InputError("--qrels needs --from: from the hub the judgements come with the data set")
        data = fetch(rubq_data.HUB_DATA, arguments.revision)
        qrels = fetch(rubq_data.HUB_QRELS, arguments.qrels_revision)
        layout = find_snapshots(data, qrels, arguments.split)
    return rubq_data.load_retrieval(layout, min_score=arguments.min_score, answers_from=arguments.questions)


def _beir_source(arguments: argparse.Namespace) -> Source:
    return load_beir(_beir_layout(arguments), min_score=arguments.min_score)


def _beir_layout(arguments: argparse.Namespace) -> Layout:
    if (arguments.folder is None) == (arguments.hub is None):
        raise InputError("name either a folder or a data set of the hub with --hub")
    if arguments.folder is not None:
        return find_layout(arguments.folder, arguments.split, qrels=arguments.qrels, subset=arguments.subset)
    if arguments.qrels is not None:
        raise InputError("--qrels goes with a folder; name a data set of the hub with --hub-qrels")
    data = fetch(arguments.hub, arguments.revision, subset=arguments.subset)
    qrels = fetch(arguments.hub_qrels, arguments.qrels_revision) if arguments.hub_qrels else None
    return find_snapshots(data, qrels, arguments.split, subset=arguments.subset)


def _miracl_source(arguments: argparse.Namespace) -> Source:
    topics = [arguments.topics, arguments.qrels, arguments.corpus]
    if arguments.passages and not any(topics):
        return miracl.load_passages(arguments.passages, unit=arguments.unit)
    if arguments.passages or not all(topics):
        raise InputError("name either --topics, --qrels and --corpus, or --passages")
    return miracl.load_topics(*topics, unit=arguments.unit, min_score=arguments.min_score)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m evals.datasets", description="Make evaluation files of public data sets, and check them."
    )
    commands = parser.add_subparsers(required=True, metavar="SOURCE")

    def command(name: str, function: Command) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=function.__doc__, description=function.__doc__)
        added.set_defaults(command=function)
        return added

    _rubq_flags(command("rubq", rubq))
    _beir_flags(command("beir", beir))
    _squad_flags(command("squad", squad_files))
    _miracl_flags(command("miracl", miracl_files))
    _table_flags(command("table", table))
    checking = command("validate", validate)
    checking.add_argument("file", type=Path, metavar="FILE", help="evaluation file (.jsonl)")
    checking.add_argument("--index", type=Path, metavar="DIR", help="index to look the gold documents up in")
    return parser


def _rubq_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--from", dest="folder", type=Path, metavar="DIR", help="folder with corpus.jsonl, queries.jsonl and qrels"
    )
    parser.add_argument("--qrels", type=Path, metavar="PATH", help="with --from: the judgements, where they lie apart")
    parser.add_argument(
        "--questions",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="RuBQ_2.0_test.json, RuBQ_2.0_dev.json; without --paragraphs they only give the answers",
    )
    parser.add_argument("--paragraphs", type=Path, metavar="FILE", help="RuBQ_2.0_paragraphs.json")
    parser.add_argument(
        "--unit",
        type=rubq_data.Unit,
        choices=list(rubq_data.Unit),
        help="what a document is (default: page with --paragraphs, else paragraph)",
    )
    _revision_flags(parser)
    _judgement_flags(parser)
    _output_flags(parser)


def _beir_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", type=Path, metavar="DIR", help="folder with corpus, queries and qrels")
    parser.add_argument("--qrels", type=Path, metavar="PATH", help="the judgements, where they lie apart from DIR")
    parser.add_argument("--hub", metavar="NAME", help="data set of the hub, like mteb/RuBQRetrieval")
    parser.add_argument("--hub-qrels", metavar="NAME", help="data set of the judgements, like kaengreg/rubq-qrels")
    parser.add_argument("--subset", metavar="PREFIX", help="language of a data set with several: ru finds ru-corpus")
    _revision_flags(parser)
    _judgement_flags(parser)
    _output_flags(parser)


def _squad_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help=".json, .jsonl or .parquet")
    parser.add_argument(
        "--unit",
        type=squad.Unit,
        choices=list(squad.Unit),
        default=squad.Unit.PARAGRAPH,
        help="what a document is (default: paragraph)",
    )
    _output_flags(parser)


def _miracl_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--topics", type=Path, metavar="FILE", help="qid and question, separated by a tab")
    parser.add_argument("--qrels", type=Path, metavar="FILE", help="judgements in TREC's format")
    parser.add_argument(
        "--corpus", type=Path, nargs="+", metavar="PATH", help="passages (docid, title, text), files or folders"
    )
    parser.add_argument(
        "--passages", type=Path, nargs="+", metavar="FILE", help="questions with positive and negative passages"
    )
    parser.add_argument(
        "--unit",
        type=miracl.Unit,
        choices=list(miracl.Unit),
        default=miracl.Unit.PAGE,
        help="what a document is (default: page)",
    )
    _min_score_flag(parser)
    _output_flags(parser)
    _skip_flag(parser)


def _table_flags(parser: argparse.ArgumentParser) -> None:
    names = Columns()
    parser.add_argument("file", type=Path, metavar="FILE", help=".csv or .tsv with a header")
    parser.add_argument("--question-column", default=names.question, metavar="NAME", help="(default: %(default)s)")
    parser.add_argument("--answer-column", default=names.answer, metavar="NAME", help="(default: %(default)s)")
    parser.add_argument("--doc-column", metavar="NAME", help="column of the ids of the documents that answer")
    parser.add_argument("--qid-column", metavar="NAME", help="column of the questions' ids (default: the row's number)")
    parser.add_argument("--separator", metavar="TEXT", help="between several answers or documents in one cell")
    parser.add_argument("--encoding", default="utf-8", help="of the file (default: %(default)s)")
    parser.add_argument(
        "--documents", type=Path, nargs="+", default=[], metavar="PATH", help="files and folders that make the corpus"
    )
    _output_flags(parser)
    _skip_flag(parser)


def _revision_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--revision", default=_MAIN, metavar="COMMIT", help="commit of the data set on the hub (default: %(default)s)"
    )
    parser.add_argument(
        "--qrels-revision",
        default=_MAIN,
        metavar="COMMIT",
        help="the same of the judgements' data set, if it is another",
    )


def _judgement_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--split", default="test", help="split of the judgements (default: %(default)s)")
    _min_score_flag(parser)
    _skip_flag(parser)


def _min_score_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--min-score", type=float, default=1, metavar="N", help="judgement a document counts from (default: 1)"
    )


def _skip_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--skip-unknown", action="store_true", help="leave out judgements of unknown questions and documents"
    )


def _output_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to make")
    parser.add_argument("--force", action="store_true", help="replace the data set that is in it")
    parser.set_defaults(skip_unknown=False)


def _print_manifest(out: Path, manifest: dict[str, Any]) -> None:
    questions = manifest["questions"]
    dropped = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in questions["dropped"].items())
    documents = f", {manifest['documents']['written']} documents" if "documents" in manifest else ""
    _print(f"{out}: {questions['written']} questions ({questions['with_answers']} with answers){documents}")
    if dropped:
        _print(f"left out: {dropped}")
    if skipped := sum(manifest["judgements_skipped"].values()):
        _print(f"judgements skipped: {skipped}")
    for origin in manifest["origins"]:
        _print(f"{origin['name']} at revision {origin['revision']}")


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
