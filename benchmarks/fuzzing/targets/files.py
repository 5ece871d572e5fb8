"""Files that commands read: questions, records of runs, plans, traces."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from benchmarks.fuzzing.material import JSON
from benchmarks.fuzzing.target import Budget, Scratch, Target, bytes_of, foreseen
from evals.dataset import read_questions, write_questions
from evals.datasets.validate import check_file
from evals.files import read_json
from evals.records import Passage, read_passages, read_records, read_rows, write_rows
from rag.agent.plan import read_plan
from rag.agent.trace import read_traces

_QUESTION = {
    "qid": "1",
    "question": "Какова глубина Байкала?",
    "answers": ["1642 м"],
    "gold_doc_ids": ["baikal"],
    "answerable": True,
    "paragraph": "Глубина — 1642 м.",
    "gold_chunk_ids": ["baikal_0"],
    "hops": [{"question": "Где?", "answer": "Там"}],
    "history": [{"question": "Что такое Байкал?", "answer": "озеро"}],
    "standalone": "Какова глубина озера?",
}
_RECORD = {
    "qid": "1",
    "variant": "bm25",
    "question": "Где?",
    "answers": ["там"],
    "ranking": [{"chunk_id": "a_0", "doc_id": "a", "score": 1.5}],
    "answer": {
        "text": "там",
        "abstained": False,
        "confidence": 0.5,
        "citations": [{"chunk_id": "a_0", "doc_id": "a", "quote": "там", "start": 0, "end": 3}],
    },
    "steps": [{"query": "Где?"}],
    "metrics": {"hit@1": 1.0},
    "timings": {"total": 0.1},
}
_PLAN = {
    "question": "Где родился автор «Обломова»?",
    "sub_questions": [
        {"id": "q1", "question": "Кто автор?", "defines": "автор"},
        {"id": "q2", "question": "Где родился {автор|nomn}?", "depends_on": ["q1"]},
    ],
}
_TRACE = {
    "question": "Где?",
    "plan": _PLAN,
    "stop": "answered",
    "spent": {"steps": 1, "seconds": 0.5},
    "steps": [
        {
            "number": 1,
            "sub_question": "q1",
            "operation": "retrieve",
            "question": "Кто?",
            "hits": [{"chunk_id": "a_0", "doc_id": "a", "score": 1e309}],
            "verdict": "enough",
        }
    ],
}


def open_target(name: str, scratch: Scratch) -> Target:
    """``questions-file``, ``records-file``, ``plan-file`` or ``trace-file``."""
    path = scratch.folder / "файл.jsonl"
    row, read = _KINDS[name]

    def check(data: bytes) -> None:
        path.write_bytes(data)
        with foreseen():
            read(path)

    line = json.dumps(row, ensure_ascii=False).encode()
    pretty = json.dumps(row, ensure_ascii=False, indent=1).encode()
    fields = [f'"{field}":' for field in row]
    budget = Budget(seconds=0.15, seconds_per_megabyte=20, memory_per_byte=1_500)
    return Target(check, (line + b"\n", pretty, b"\xef\xbb\xbf" + line + b"\n\n"), bytes_of(*JSON, *fields), budget)


def _read_questions(path: Path) -> None:
    checked = check_file(path)
    questions = read_questions(path)
    assert not checked.mistakes, checked.mistakes
    copy = path.with_suffix(".copy.jsonl")
    write_questions(copy, questions)
    assert read_questions(copy) == questions


def _read_records(path: Path) -> None:
    with foreseen():
        read_passages(path)
    with foreseen():
        read_json(path)
    records = read_records(path)
    copy = path.with_suffix(".copy.jsonl")
    write_rows(copy, records)
    assert [row.model_dump_json() for row in read_records(copy)] == [row.model_dump_json() for row in records]


def _read_traces(path: Path) -> None:
    with foreseen():
        list(read_rows(path, Passage))
    for trace in read_traces(path):
        trace.to_json().encode()


def _read_plan(path: Path) -> None:
    plan = read_plan(path)
    path.write_text(plan.to_json(), "utf-8")
    assert read_plan(path) == plan


_KINDS: dict[str, tuple[dict[str, object], Callable[[Path], None]]] = {
    "questions-file": (_QUESTION, _read_questions),
    "records-file": (_RECORD, _read_records),
    "plan-file": (_PLAN, _read_plan),
    "trace-file": (_TRACE, _read_traces),
}
