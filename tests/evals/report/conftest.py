from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from evals.records import AnswerRecord, CitationRecord, Passage, QuestionRecord, Ranked, write_rows
from evals.scoring import score_record
from evals.summary import compare_variants, summarize_variants

CUTOFFS = (1, 5, 10)
HEADLINE = ("hit@1", "ndcg@10", "passage_hit@5", "em", "f1_lemma")
K = 2
DOCUMENTS = ("baikal", "ladoga", "enisei", "angara")
# Chunks in the order in which a variant ranks them, by question number: «good» finds more than «bad».
GOOD = ("baikal_0", "ladoga_0", "enisei_0", "angara_0")
BAD = ("angara_0", "enisei_0", "ladoga_0", "baikal_0")


def _answer(number: int, good: bool) -> AnswerRecord:
    right = number % 4 == 0 if good else number % 8 == 0
    quote = CitationRecord(chunk_id="baikal_0", doc_id="baikal", quote="Глубина 1642 м.", start=0, end=15)
    return AnswerRecord(
        text="" if number % 7 == 6 else "1642 м" if right else "90 м",
        abstained=number % 7 in (3, 6),
        confidence=0.0 if number % 7 == 6 else 0.1 if number % 7 == 3 else 0.3 + 0.05 * (number % 10),
        citations=(quote,),
        context_ids=(GOOD if good else BAD)[:K],
    )


def _record(number: int, variant: str, good: bool, answers: bool) -> QuestionRecord:
    chunks = GOOD if good else BAD[number % 3 :] if number % 5 == 0 else BAD
    answerable = number % 6 != 5
    record = QuestionRecord(
        qid=f"q{number}",
        variant=variant,
        question=f"Какова глубина озера № {number}?",
        answers=("1642 м",) if answerable else (),
        gold_doc_ids=("baikal",) if answerable else (),
        relevant_chunk_ids=("baikal_0",) if answerable else (),
        answerable=answerable,
        ranking=tuple(Ranked(chunk_id=c, doc_id=c[:-2], score=3.5 - place) for place, c in enumerate(chunks)),
        answer=_answer(number, good) if answers else None,
        timings={"retrieve": 0.002 + 0.001 * (number % 4), "total": 0.004 + 0.001 * (number % 9)},
    )
    texts = {"baikal_0": "Глубина 1642 м."}
    return record.model_copy(update={"metrics": score_record(record, CUTOFFS, texts)})


@pytest.fixture(scope="session")
def make_run(tmp_path_factory) -> Callable[..., Path]:
    """Writes a finished run over 24 questions; ``variants`` says which of them are good."""

    def make(
        *,
        variants: dict[str, bool] | None = None,
        answers: bool = True,
        change: Callable[[QuestionRecord], QuestionRecord] = lambda record: record,
        text: str = "Глубина 1642 м.",
    ) -> Path:
        chosen = {"bm25": False, "hybrid+rerank": True} if variants is None else variants
        groups = {
            name: [change(_record(number, name, good, answers)) for number in range(24)]
            for name, good in chosen.items()
        }
        records = [record for group in groups.values() for record in group]
        summary = {
            "dataset": {
                "path": "lakes.jsonl", "name": "lakes", "sha256": "0" * 64, "questions": 24, "answerable": 20,
                "with_documents": 20, "with_answers": 20, "unanswerable": 4, "multi_document": 0, "with_passage": 20,
                "missing_documents": 1,
            },
            "cutoffs": CUTOFFS,
            "depth": 50,
            "k": K,
            "threshold": 0.2 if answers else None,
            "variants": summarize_variants(records, k=K, seed=0),
            "comparisons": [dataclasses.asdict(one) for one in compare_variants(records, HEADLINE, seed=0)],
            "environment": {
                "python": "3.11.7", "platform": "Linux", "cpus": 2, "jobs": 1, "seed": 0,
                "packages": {"numpy": "2.4.6"}, "profile": {"name": "offline"},
                "index": {"path": "lakes", "generation": "1", "documents": 4, "chunks": 43642},
            },
        }  # fmt: skip
        directory = tmp_path_factory.mktemp("run")
        directory.joinpath("summary.json").write_text(json.dumps(summary, ensure_ascii=False), "utf-8")
        write_rows(directory / "questions.jsonl", records)
        write_rows(
            directory / "passages.jsonl",
            [Passage(chunk_id=f"{one}_0", doc_id=one, title=one.title(), text=text) for one in DOCUMENTS],
        )
        return directory

    return make
