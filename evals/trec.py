"""TREC run and qrels files, which trec_eval, ir_measures and ranx read.

Fields are separated by blanks in these formats, so white space and ``%`` inside an id are percent-encoded. trec_eval
orders a run by its scores and breaks ties by id, whatever order the lines have: the scores written here are
``depth - rank + 1``, so that the order stays the pipeline's own. A question for which nothing was found has no line in
a run: trec_eval leaves it out of its means unless asked with ``-c``, ir_measures and we count it as 0.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from evals.files import atomic_write
from evals.records import QuestionRecord, by_variant

_UNSAFE = re.compile(r"[\s%]")

Judged = tuple[str, Collection[str]]  # question id, relevant ids
Searched = tuple[str, Sequence[str]]  # question id, ids best first


def export_trec(records: Sequence[QuestionRecord], directory: Path) -> None:
    """Write ``qrels.txt`` and ``VARIANT.run`` files by document, and by passage where gold passages are known.

    Questions without gold documents are in the runs alone: they are undefined for every metric.
    """
    groups = by_variant(records)
    judged = list(next(iter(groups.values()), []))
    write_qrels(directory / "qrels.txt", ((record.qid, record.gold_doc_ids) for record in judged))
    for variant, group in groups.items():
        write_run(directory / f"{variant}.run", ((one.qid, one.ranked_documents) for one in group), variant)
    if not any(record.relevant_chunk_ids for record in judged):
        return
    passages = directory / "passages"
    write_qrels(passages / "qrels.txt", ((record.qid, record.relevant_chunk_ids) for record in judged))
    for variant, group in groups.items():
        rankings = ((one.qid, [hit.chunk_id for hit in one.ranking]) for one in group)
        write_run(passages / f"{variant}.run", rankings, variant)


def write_qrels(path: Path, judged: Iterable[Judged]) -> None:
    """Write lines ``qid 0 id 1``."""
    with atomic_write(path) as file:
        for qid, relevant in judged:
            file.writelines(f"{_safe(qid)} 0 {_safe(item)} 1\n" for item in relevant)


def write_run(path: Path, searched: Iterable[Searched], tag: str) -> None:
    """Write lines ``qid Q0 id rank score tag``."""
    with atomic_write(path) as file:
        for qid, ranking in searched:
            file.writelines(
                f"{_safe(qid)} Q0 {_safe(item)} {rank} {len(ranking) - rank + 1} {_safe(tag)}\n"
                for rank, item in enumerate(ranking, start=1)
            )


def _safe(field: str) -> str:
    return _UNSAFE.sub(lambda match: "".join(f"%{byte:02X}" for byte in match.group().encode()), field)
