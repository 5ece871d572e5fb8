"""Have a language model judge the answers of a run: ``python -m evals.judged DIR --base-url URL --model NAME``."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.files import LineAppender, drop_torn_line, read_json, write_json, writing
from evals.flags import add_flags, known_names
from evals.judged.judge import METRICS, JudgeOptions, NoJudgementError, Score, load_judge
from evals.judged.verdicts import JUDGED_FILE, Verdict, read_verdicts, summarize_verdicts, unjudgeable
from evals.records import QuestionRecord, by_variant, dump_record, read_passages, read_records
from evals.run.directory import JUDGED, SUMMARY_FILE, only_process, read_summary
from rag.command import run_command
from retrievers.errors import InputError, ToolkitError

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings
    from rich.console import Console

_JUDGE_FILE = "judge.json"
_EPILOG = """Judgements are appended to judged.jsonl in the run's directory as they come, and a rerun goes on.
Their means go to summary.json under "judged". An answer without a judgement is counted, with the reason, and is in
no mean."""


def main(argv: Sequence[str] | None = None) -> int:
    """Parse flags and judge; see ``--help``."""
    arguments = _parser().parse_args(argv)
    return run_command(lambda: _run(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m evals.judged",
        description="Judge the answers of a run of evals.run by ragas' metrics, with Russian prompts.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    flags: dict[str, dict[str, Any]] = {
        "--base-url": {"metavar": "URL", "default": "http://127.0.0.1:8000/v1", "help": "OpenAI-compatible server"},
        "--model": {"metavar": "NAME", "default": "default", "help": "name of the judging model there"},
        "--metrics": {"metavar": "LIST", "default": ",".join(METRICS), "help": "metrics"},
        "--variants": {"metavar": "LIST", "help": "only these variants (default: all)"},
        "--limit": {"type": int, "metavar": "N", "help": "only the first N questions of each variant"},
        "--passages": {"type": int, "metavar": "N", "help": "only the first N passages read (default: all)"},
        "--index": {"type": Path, "metavar": "DIR", "help": "index whose encoder compares questions for"
                    " answer_relevancy (default: the one the run was made on)"},
        "--concurrency": {"type": int, "metavar": "N", "default": 1, "help": "answers judged at once"},
        "--timeout": {"type": float, "metavar": "S", "default": 300.0, "help": "seconds for one request"},
    }  # fmt: skip
    parser.add_argument("directory", type=Path, metavar="DIR", help="directory of a finished run with answers")
    add_flags(parser, flags)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    metrics = [name for name in METRICS if name in known_names(arguments.metrics, METRICS, "--metrics")]
    for flag in ("limit", "passages", "concurrency"):
        if (value := getattr(arguments, flag)) is not None and value < 1:
            raise InputError(f"--{flag}: expected at least 1, got {value}")
    if not arguments.timeout > 0:
        raise InputError(f"--timeout: expected seconds above 0, got {arguments.timeout:g}")
    directory: Path = arguments.directory
    summary = read_summary(directory)
    with only_process(directory):
        summarized = _judge(directory, summary, metrics, arguments)
    _print(summarized, metrics, Console(highlight=False, width=None if sys.stdout.isatty() else 120))
    return 0


def _judge(
    directory: Path, summary: dict[str, Any], metrics: list[str], arguments: argparse.Namespace
) -> dict[str, dict[str, Any]]:
    """Judge what is not judged yet; the summary of all judgements of the run, those of earlier calls too."""
    from rag.index.progress import progress_bar

    groups = by_variant(read_records(directory))
    records = _chosen(groups, arguments)
    texts = {chunk_id: passage.text for chunk_id, passage in read_passages(directory).items()}
    judge = {"model": arguments.model, "metrics": metrics, "passages": arguments.passages}
    _require_same_judge(directory, judge)
    with writing(directory / JUDGED_FILE):
        drop_torn_line(directory / JUDGED_FILE)
    done = {(one.variant, one.qid): one for one in read_verdicts(directory / JUDGED_FILE)}
    waiting = [record for record in records if (record.variant, record.qid) not in done]
    passages = {id(record): _passages(record, texts, arguments.passages) for record in waiting}
    options = JudgeOptions(arguments.base_url, arguments.model, arguments.timeout)
    with _embeddings(arguments.index, summary, needed="answer_relevancy" in metrics) as embeddings:
        scores = load_judge(options, metrics, embeddings)
        write_json(directory / _JUDGE_FILE, judge)
        judged = len(records) - len(waiting)
        with progress_bar() as progress, LineAppender(directory / JUDGED_FILE) as out:

            def keep(verdict: Verdict) -> None:
                nonlocal judged
                out.append(dump_record(verdict))
                done[verdict.variant, verdict.qid] = verdict
                judged += 1
                progress("judge", judged, len(records))

            asyncio.run(_judge_all(waiting, passages, scores, keep, concurrency=arguments.concurrency))
    keys = [(variant, record.qid) for variant, group in groups.items() for record in group]
    summarized = summarize_verdicts([done[key] for key in keys if key in done], metrics)
    write_json(directory / SUMMARY_FILE, {**summary, JUDGED: {"judge": judge, "variants": summarized}})
    return summarized


async def judge_record(record: QuestionRecord, passages: Sequence[str], scores: dict[str, Score]) -> Verdict:
    """Judge one answer by every metric; what cannot be judged is said, with the reason."""
    judged: dict[str, float] = {}
    unjudged: dict[str, str] = {}
    for name, score in scores.items():
        if reason := unjudgeable(record, name, passages):
            unjudged[name] = reason
            continue
        try:
            judged[name] = await score(record, passages)
        except NoJudgementError as error:
            unjudged[name] = str(error)
    return Verdict(qid=record.qid, variant=record.variant, scores=judged, unjudged=unjudged)


async def _judge_all(
    records: Sequence[QuestionRecord],
    passages: dict[int, list[str]],
    scores: dict[str, Score],
    keep: Callable[[Verdict], None],
    *,
    concurrency: int,
) -> None:
    places = asyncio.Semaphore(concurrency)

    async def judge(record: QuestionRecord) -> None:
        async with places:
            keep(await judge_record(record, passages[id(record)], scores))

    try:
        async with asyncio.TaskGroup() as group:
            for record in records:
                group.create_task(judge(record))
    except ExceptionGroup as errors:
        if (expected := errors.subgroup(ToolkitError)) is not None:
            raise _first(expected) from None
        raise


def _first(errors: BaseExceptionGroup[ToolkitError]) -> ToolkitError:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def _passages(record: QuestionRecord, texts: dict[str, str], count: int | None) -> list[str]:
    read = record.answer.context_ids[:count] if record.answer else ()
    if missing := [chunk_id for chunk_id in read if chunk_id not in texts]:
        raise InputError(f"passages.jsonl lacks {missing[0]!r}, which question {record.qid!r} was answered from")
    return [texts[chunk_id] for chunk_id in read]


def _chosen(groups: dict[str, list[QuestionRecord]], arguments: argparse.Namespace) -> list[QuestionRecord]:
    names = known_names(arguments.variants, list(groups), "--variants") if arguments.variants else list(groups)
    chosen = [record for name in names for record in groups[name][: arguments.limit]]
    if not any(record.answer for record in chosen):
        raise InputError(f"{arguments.directory} holds no answers; measure with python -m evals.run … --answers")
    return chosen


def _require_same_judge(directory: Path, judge: dict[str, Any]) -> None:
    file = directory / _JUDGE_FILE
    if file.exists() and read_json(file) != judge:
        raise InputError(
            f"{directory / JUDGED_FILE} holds judgements of another judge or other metrics ({file.name}); go on with"
            f" those, or remove {file.name} and {JUDGED_FILE}"
        )


@contextmanager
def _embeddings(index: Path | None, summary: dict[str, Any], *, needed: bool) -> Iterator[Embeddings | None]:
    """The encoder of an index, open as long as it is used."""
    from rag.index import open_index

    if not needed:
        yield None
        return
    with open_index(index or Path(summary["environment"]["index"]["path"])) as opened:
        yield opened.embeddings()


def _print(summarized: dict[str, dict[str, Any]], metrics: Sequence[str], console: Console) -> None:
    from rich.table import Table

    table = Table(title="Judged answers: mean (judged / not judged)")
    table.add_column("variant")
    for name in metrics:
        table.add_column(name, justify="right")
    for variant, values in summarized.items():
        table.add_row(variant, *(_cell(values[name]) for name in metrics))
    console.print(table)
    for variant, values in summarized.items():
        for name in metrics:
            for reason, count in values[name]["unjudged"].items():
                console.print(f"{variant}, {name}: {count} not judged: {reason}", markup=False)


def _cell(value: dict[str, Any]) -> str:
    mean = "–" if value["mean"] is None else f"{value['mean']:.3f}"
    return f"{mean} ({value['judged']} / {sum(value['unjudged'].values())})"


if __name__ == "__main__":
    sys.exit(main())
