"""A whole run: what is left to measure is measured, everything measured is written down."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.dataset import Question, read_questions
from evals.records import QuestionRecord, dump_record
from evals.run.directory import RunDirectory
from evals.run.options import RunOptions, Variant, variants_of
from evals.run.summarizing import RunContext, installed_version, passages_of, summarize_run
from evals.run.workers import Plan, Task, measure_all
from evals.trec import export_trec
from generators.options import GeneratorKind
from rag.abstention import load_calibration
from rag.command import available_cores
from rag.index.progress import Progress, silent
from rag.profile import Profile
from rag.question import check_question
from retrievers.errors import InputError
from retrievers.scorers.options import ScorerKind

if TYPE_CHECKING:
    from rag.index import Index
    from rag.ray_session import Cluster

_RUNS = Path("runs")


def evaluate(
    file: Path,
    index: Index,
    options: RunOptions,
    *,
    out: Path | None = None,
    jobs: int | None = None,
    cluster: Cluster | None = None,
    progress: Progress = silent,
) -> tuple[Path, dict[str, Any]]:
    """Measure, or go on measuring, and write the run's files except the report.

    Args:
        file: evaluation file.
        index: searched.
        options: what is measured.
        out: output directory; by default ``runs/NAME-DIGEST``, one for each configuration.
        jobs: processes; by default one a core where all models are the offline ones, else one (on Ray one a GPU).
        cluster: of Ray, connected, whose workers measure in place of processes of this machine.
        progress: told how many questions are done.

    Returns:
        The output directory and the summary.

    Raises:
        InputError: file, options or directory cannot be used, another process is at work in the directory, or the index
            holds none of the gold documents or chunks.
    """
    questions = read_questions(file)[: options.limit]
    _require_askable(questions, file)
    missing = _missing_documents(questions, index, file)
    missing_chunks = _missing_chunks(questions, index, file)
    profile = options.resolve_profile()
    variants = variants_of(options, profile)
    threshold = _threshold(profile) if options.answers else None
    dataset_sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    configuration = _configuration(file, dataset_sha256, options, profile, threshold, index)
    directory = RunDirectory(out or _RUNS / f"{file.stem}-{_digest(configuration)}")
    jobs = _jobs(jobs, variants, cluster)
    context = RunContext(
        file, dataset_sha256, questions, missing, missing_chunks, options, profile, threshold, index, jobs
    )
    plan = Plan(index.directory, index.manifest.generation, tuple(variants), options.cutoffs, threshold)
    with directory.begin(configuration) as records:
        done = {(record.qid, record.variant) for record in records}
        tasks = [(one, each.name) for each in variants for one in questions if (one.qid, each.name) not in done]
        total = len(done) + len(tasks)
        progress("measure", len(done), total)
        with directory.appender() as appender:
            for record in _measured(plan, index, tasks, jobs, cluster):
                appender.append(dump_record(record))
                records.append(record)
                progress("measure", len(records), total)
        ordered = _in_order(records, questions, variants)
        summary = summarize_run(ordered, context)
        directory.finish(ordered, passages_of(ordered, index), summary)
        export_trec(ordered, directory.path / "trec")
    return directory.path, summary


def _require_askable(questions: Sequence[Question], file: Path) -> None:
    # Before anything is measured: the pipeline would refuse it in the middle of the run.
    for question in questions:
        try:
            check_question(question.question)
        except InputError as error:
            raise InputError(f"{file}: qid {question.qid!r}: field question: {error}") from error


def _missing_documents(questions: Sequence[Question], index: Index, file: Path) -> list[str]:
    gold = {doc_id for question in questions for doc_id in question.gold_doc_ids}
    missing = sorted(gold - set(index.chunks.doc_ids()))
    if gold and len(missing) == len(gold):
        raise InputError(
            f"{file} and {index.directory} do not belong together: the index holds none of the {len(gold)} gold"
            f" documents ({', '.join(missing[:3])}, …); name the index of the questions' corpus with --index"
        )
    return missing


def _missing_chunks(questions: Sequence[Question], index: Index, file: Path) -> list[str]:
    gold = {chunk_id for question in questions for chunk_id in question.gold_chunk_ids}
    missing = sorted(gold - set(index.chunks.chunk_ids())) if gold else []
    if gold and len(missing) == len(gold):
        raise InputError(
            f"{file}: field gold_chunk_ids: {index.directory} has none of the {len(gold)} chunks"
            f" ({', '.join(missing[:3])}, …); they are of another chunking: leave the field out, or name its index"
        )
    return missing


def _threshold(profile: Profile) -> float:
    return load_calibration(profile.abstention.calibration).threshold_or(profile.abstention.min_confidence)


def _configuration(
    file: Path, dataset_sha256: str, options: RunOptions, profile: Profile, threshold: float | None, index: Index
) -> dict[str, Any]:
    """Everything that records depend on, as JSON; two runs with the same one are the same run."""
    manifest = index.manifest
    return {
        "dataset": {"name": file.name, "sha256": dataset_sha256},
        "index": {"index_id": manifest.index_id, "generation": manifest.generation},
        "version": installed_version("russian-rag"),
        "options": options.model_dump(mode="json"),
        "profile": profile.model_dump(mode="json"),
        "threshold": threshold,
    }


def _digest(configuration: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(configuration, sort_keys=True).encode()).hexdigest()[:8]


def _jobs(wanted: int | None, variants: Sequence[Variant], cluster: Cluster | None) -> int:
    """One process a core, unless each would load a model of its own or ask the same server."""
    if cluster is None:
        return wanted or (available_cores() if _offline(variants) else 1)
    return min(wanted or (cluster.cores if _offline(variants) else max(1, cluster.gpus)), cluster.cores)


def _offline(variants: Sequence[Variant]) -> bool:
    light = {ScorerKind.NONE, ScorerKind.LIGHT}
    return all(
        one.profile.compressor.kind in light and one.profile.generator.kind is GeneratorKind.READER for one in variants
    )


def _measured(
    plan: Plan, index: Index, tasks: Sequence[Task], jobs: int, cluster: Cluster | None
) -> Iterator[QuestionRecord]:
    if cluster is None:
        return measure_all(plan, index, tasks, jobs=jobs)
    from evals.run.ray_workers import measure_on_ray

    gpus = 0.0 if _offline(plan.variants) else cluster.gpus / jobs
    return measure_on_ray(plan, tasks, jobs=jobs, gpus=min(gpus, 1.0))


def _in_order(
    records: Sequence[QuestionRecord], questions: Sequence[Question], variants: Sequence[Variant]
) -> list[QuestionRecord]:
    by_key = {(record.variant, record.qid): record for record in records}
    return [by_key[variant.name, question.qid] for variant in variants for question in questions]
