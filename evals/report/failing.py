"""The questions that failed: what was asked, answered and found, by variant and kind of failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evals.failures import Failure, classify
from evals.records import Passage, QuestionRecord, Ranked
from evals.report import russian
from evals.report.loading import Run
from evals.scoring import FORCED_SUFFIX

TITLES = {
    Failure.NOT_IN_POOL: "Эталонного документа нет среди кандидатов",
    Failure.RANKED_LOW: "Документ найден, но стоит ниже прочитанных",
    Failure.WRONG_PASSAGE: "Документ прочитан, но не тот отрывок",
    Failure.READ_WRONG: "Нужный отрывок прочитан, ответ неверен",
    Failure.ABSTAINED_WRONGLY: "Напрасный отказ от ответа",
    Failure.ANSWERED_UNANSWERABLE: "Ответ там, где ответа нет",
}

SHOWN = 5  # of a ranking
# Characters of a passage: enough to see what it is about; of the right one, enough to see why it was not understood.
_PASSAGE_LENGTH, _GOLD_LENGTH, _QUOTE_LENGTH = 260, 700, 200
# Bytes of passages on the page, which keep it light enough to be opened anywhere; the best variant has all of its own.
_TEXT_BUDGET = 1_000_000


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage at its rank; ``text`` is ``""`` where only titles are shown."""

    title: str
    score: str
    gold_document: bool
    gold_passage: bool
    read: bool
    text: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A question that failed.

    Args:
        qid: its id.
        question: as asked.
        answers: gold answers.
        documents: gold documents by title, or by id where no title is known.
        place: where the first gold document stands, in words.
        answer: what was answered, ``""`` for nothing.
        verdict: what became of the answer: delivered or withheld, its confidence and F1.
        quote: what the answer was taken from.
        hits: the first of the ranking.
    """

    qid: str
    question: str
    answers: tuple[str, ...]
    documents: tuple[str, ...]
    place: str
    answer: str | None
    verdict: str
    quote: str
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """Failures of one kind."""

    title: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class VariantFailures:
    """Failures of one variant; ``full`` where passages are shown with their text, otherwise titles alone are."""

    name: str
    kinds: tuple[Kind, ...]
    full: bool

    @property
    def count(self) -> int:
        """How many questions failed."""
        return sum(len(kind.entries) for kind in self.kinds)


def failure_counts(run: Run) -> dict[str, dict[Failure, int]]:
    """Failures of every variant by kind; kinds that no variant has are left out."""
    found = {name: [classify(record, run.summary.k) for record in records] for name, records in run.records.items()}
    kinds = [kind for kind in Failure if any(kind in column for column in found.values())]
    return {name: {kind: column.count(kind) for kind in kinds} for name, column in found.items()}


def failures_by_variant(run: Run) -> list[VariantFailures]:
    """Failures of every variant, the best one first and in full; further ones in full while the page stays light."""
    best = run.best(run.headline)
    titles = {passage.doc_id: passage.title for passage in run.passages.values() if passage.title}
    found: list[VariantFailures] = []
    spent = 0
    for name in [best, *(name for name in run.records if name != best)]:
        failures = _variant_failures(run, name, titles, full=True)
        size = _text_size(failures)
        if name != best and spent + size > _TEXT_BUDGET:
            failures = _variant_failures(run, name, titles, full=False)
        else:
            spent += size
        if failures.count:
            found.append(failures)
    return found


def _variant_failures(run: Run, name: str, titles: Mapping[str, str], *, full: bool) -> VariantFailures:
    kinds: dict[Failure, list[Entry]] = {kind: [] for kind in Failure}
    for record in run.records[name]:
        kind = classify(record, run.summary.k)
        if kind is not None:
            kinds[kind].append(_entry(record, run.passages if full else {}, titles))
    return VariantFailures(
        name, tuple(Kind(TITLES[kind], tuple(entries)) for kind, entries in kinds.items() if entries), full
    )


def _entry(record: QuestionRecord, passages: Mapping[str, Passage], titles: Mapping[str, str]) -> Entry:
    answer = record.answer
    return Entry(
        qid=record.qid,
        question=record.question,
        answers=record.answers,
        documents=tuple(titles.get(doc_id) or doc_id for doc_id in record.gold_doc_ids),
        place=_place(record),
        answer=answer.text if answer else None,
        verdict=_verdict(record),
        quote=russian.shortened(answer.citations[0].quote, _QUOTE_LENGTH) if answer and answer.citations else "",
        hits=tuple(_hit(hit, record, passages, titles) for hit in record.ranking[:SHOWN]),
    )


def _hit(hit: Ranked, record: QuestionRecord, passages: Mapping[str, Passage], titles: Mapping[str, str]) -> Hit:
    gold_passage = hit.chunk_id in record.relevant_chunk_ids
    passage = passages.get(hit.chunk_id)
    length = _GOLD_LENGTH if gold_passage else _PASSAGE_LENGTH
    return Hit(
        title=titles.get(hit.doc_id) or hit.doc_id,
        score=russian.score(hit.score),
        gold_document=hit.doc_id in record.gold_doc_ids,
        gold_passage=gold_passage,
        read=record.answer is not None and hit.chunk_id in record.answer.context_ids,
        text=russian.shortened(passage.text, length) if passage else "",
    )


def _place(record: QuestionRecord) -> str:
    if not record.gold_doc_ids:
        return ""
    documents = record.ranked_documents
    rank = next((rank for rank, doc_id in enumerate(documents, start=1) if doc_id in record.gold_doc_ids), None)
    total = russian.counted(len(documents), russian.DOCUMENTS)
    return f"нет в\u00a0выдаче ({total})" if rank is None else f"{russian.integer(rank)}-й в\u00a0выдаче ({total})"


def _verdict(record: QuestionRecord) -> str:
    answer = record.answer
    if answer is None or not answer.text:
        return ""
    parts = ["скрыт порогом" if answer.abstained else "выдан", f"уверенность {russian.decimal(answer.confidence, 2)}"]
    f1 = record.metrics.get(f"f1_lemma{FORCED_SUFFIX}")
    return ", ".join(parts + [f"f1_lemma {russian.decimal(f1, 2)}"] * (f1 is not None))


def _text_size(failures: VariantFailures) -> int:
    entries: Sequence[Entry] = [entry for kind in failures.kinds for entry in kind.entries]
    return sum(len(hit.text.encode()) for entry in entries for hit in entry.hits)
