"""Cloze questions of real pages: enough of them, in the length people ask in, with their answers in place."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from statistics import median

from rag.documents.rows import document_from_row
from training.pairs.cloze.generate import ClozeOptions, cloze_pairs
from training.pairs.corpus import passages_of


def test_questions_of_wikipedia_pages(shared_data) -> None:
    with gzip.open(shared_data / "ruwiki" / "pages.jsonl.gz", "rt", encoding="utf-8") as lines:
        documents = [document_from_row(json.loads(next(lines)), "pages") for _ in range(8)]
    passages = [passage for document in documents for passage in list(passages_of([document]))[:8]]
    examples = list(cloze_pairs(passages, ClozeOptions(seed=1)))
    assert len(examples) >= len(passages) / 3
    assert 4 <= median(len(example.question.split()) for example in examples) <= 9
    kinds = Counter(example.source for example in examples)
    assert len(kinds) >= 6
    assert max(kinds.values()) < len(examples) / 2
    passage = {passage.text for passage in passages}
    assert all(example.passage in passage for example in examples)
