"""What the page says in words: what was asked and run, and which questions are in no mean."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evals.report import russian
from evals.report.loading import Run
from evals.scoring import PASSAGE_PREFIX


def measured(run: Run) -> Iterator[tuple[str, str]]:
    """What was run, as titles and values."""
    summary, environment = run.summary, run.summary.environment
    index, profile = _mapping(environment.get("index")), _mapping(environment.get("profile"))
    chunks, documents = index.get("chunks"), index.get("documents")
    sizes = [
        russian.counted(int(count), forms)
        for count, forms in ((documents, russian.DOCUMENTS), (chunks, russian.CHUNKS))
        if count is not None
    ]
    yield (
        "Индекс",
        ", ".join([part for part in (Path(str(index.get("path", ""))).name, *sizes) if part]) or russian.NOTHING,
    )
    if profile.get("name"):
        yield "Профиль", str(profile["name"])
    yield "Кандидатов на вопрос", russian.integer(summary.depth)
    yield "Читается отрывков", russian.integer(summary.k)
    if summary.threshold is not None:
        yield "Порог уверенности", russian.decimal(summary.threshold)
    python, platform = environment.get("python"), environment.get("platform")
    yield "Среда", ", ".join(str(part) for part in (python and f"Python {python}", platform) if part)
    jobs, cpus, seed = (environment.get(name) for name in ("jobs", "cpus", "seed"))
    yield "Процессов / ядер", f"{_shown(jobs)} / {_shown(cpus)}"
    yield "Начальное число (seed)", _shown(seed)
    packages = _mapping(environment.get("packages"))
    if packages:
        yield "Пакеты", ", ".join(f"{name}\u00a0{version}" for name, version in packages.items())
    if summary.dataset.sha256:
        yield "SHA-256 вопросов", summary.dataset.sha256


def asked(run: Run) -> Iterator[str]:
    """How many questions of each sort there are, without the sorts that there are none of."""
    dataset = run.summary.dataset
    sorts = {
        "с\u00a0эталонным ответом": dataset.with_answers,
        "без ответа в\u00a0документах": dataset.unanswerable,
        "с\u00a0несколькими эталонными документами": dataset.multi_document,
        "с\u00a0известным отрывком": dataset.with_passage,
    }
    for title, count in sorts.items():
        if count:
            yield f"{title} — {russian.integer(count)}"


def left_out(run: Run) -> Iterator[str]:
    """Which questions are in no mean, and why; which are in one by a guess."""
    dataset = run.summary.dataset
    documents = dataset.questions if dataset.with_documents is None else dataset.with_documents
    if without := dataset.questions - documents:
        yield f"{_questions(without)} без эталонных документов: в\u00a0метрики поиска не\u00a0входят."
    if (without := documents - dataset.with_passage) > 0 and run.has(f"{PASSAGE_PREFIX}hit@{run.rank_cutoff}"):
        yield f"{_questions(without)} без известного отрывка с ответом: в\u00a0метрики по\u00a0отрывкам не\u00a0входят."
    if guessed := dataset.guessed_passages:
        yield f"{_questions(guessed)} с\u00a0эталонным отрывком, угаданным по\u00a0словам ответа: абзац неизвестен."
    if run.has("em"):
        if without := dataset.answerable - dataset.with_answers:
            yield f"{_questions(without)} без эталонных ответов: в\u00a0метрики ответов не\u00a0входят."
        if dataset.unanswerable:
            yield (
                f"{_questions(dataset.unanswerable)} без ответа в\u00a0документах: в\u00a0метрики ответов"
                " не\u00a0входят, оценивается отказ."
            )
    if dataset.missing_documents:
        yield (
            f"{russian.counted(dataset.missing_documents, russian.DOCUMENTS)} из\u00a0эталонных нет в\u00a0индексе:"
            " найти их нельзя, метрики это учитывают как промах."
        )


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _shown(value: object) -> str:
    return russian.NOTHING if value is None else str(value)


def _questions(count: int) -> str:
    return russian.counted(count, russian.QUESTIONS)
