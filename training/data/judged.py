"""Judged pairs: TREC's Deep Learning tracks, and BEIR folders.

Judgements with the texts of their questions and passages beside them. As positives: a passage judged at least
``min_score`` makes an example, and what was judged below it for the same question are its negatives, the best judged
first; a person has looked at them. Graded: every judged pair makes an example with the judgement as its label.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from evals.datasets.beir import find_layout
from evals.datasets.qrels import Judgement, read_qrels, read_trec_qrels, relevant
from evals.datasets.reading import read_rows
from training.data.found import Found, Skip, SkipReason, make_example
from training.data.passages import Passage, read_queries, read_wanted

TREC, BEIR = "trec", "beir"
_ANY = float("-inf")


def load_trec(
    qrels: Sequence[Path], *, queries: Path, collection: Sequence[Path], min_score: float = 1, graded: bool = False
) -> Iterator[Found]:
    """Read TREC's judgements.

    Args:
        qrels: four columns: question id, unused, passage id, relevance.
        queries: .tsv of question id and text.
        collection: .tsv of passage id and text (or id, URL, title, text), files or folders.
        min_score: a passage belongs to a question from this judgement on (the passage tasks of TREC DL: 2).
        graded: give the judgements as labels.

    Raises:
        InputError: a file or line cannot be used, or a pair has two judgements.
    """
    judged = _by_question(judgement for path in qrels for judgement in read_trec_qrels(path))
    texts = read_queries(queries, judged)
    passages = read_wanted(collection, _named(judged))
    yield from _examples(judged, texts, passages, min_score, graded, TREC)


def load_beir(
    folders: Sequence[Path], *, split: str = "train", min_score: float = 1, graded: bool = False
) -> Iterator[Found]:
    """Read BEIR folders.

    Args:
        folders: each with ``corpus``, ``queries`` and ``qrels``, as ``evals.datasets`` reads them.
        split: of the judgements.
        min_score: as in :func:`load_trec`.
        graded: as in :func:`load_trec`.

    Raises:
        InputError: a part is missing, a line or row cannot be used, or a pair has two judgements.
    """
    for folder in folders:
        layout = find_layout(folder, split)
        judged = _by_question(judgement for path in layout.qrels for judgement in read_qrels(path))
        rows = (row for path in layout.queries for row in read_rows(path))
        texts = {qid: row.text("text") for row in rows if (qid := row.identifier("_id", "id")) in judged}
        passages = read_wanted(layout.corpus, _named(judged))
        yield from _examples(judged, texts, passages, min_score, graded, BEIR)


_Judged = Mapping[str, Sequence[Judgement]]


def _by_question(judgements: Iterable[Judgement]) -> _Judged:
    return relevant(judgements, _ANY)


def _named(judged: _Judged) -> set[str]:
    return {judgement.doc_id for judgements in judged.values() for judgement in judgements}


def _examples(
    judged: _Judged,
    texts: Mapping[str, str],
    passages: Mapping[str, Passage],
    min_score: float,
    graded: bool,
    source: str,
) -> Iterator[Found]:
    for qid, judgements in judged.items():
        if qid not in texts:
            yield Skip(SkipReason.UNKNOWN_QUESTION)
            continue
        known = [judgement for judgement in judgements if judgement.doc_id in passages]
        yield from [Skip(SkipReason.UNKNOWN_PASSAGE)] * (len(judgements) - len(known))
        make = _graded if graded else _positives(known, passages, min_score)
        for judgement in known:
            yield make(judgement, texts[qid], passages[judgement.doc_id], source)


_Make = Callable[[Judgement, str, Passage, str], Found]


def _graded(judgement: Judgement, question: str, passage: Passage, source: str) -> Found:
    return make_example(
        passage.place,
        question,
        passage.text,
        title=passage.title,
        label=judgement.score,
        doc_id=judgement.doc_id,
        source=source,
    )


def _positives(known: Sequence[Judgement], passages: Mapping[str, Passage], min_score: float) -> _Make:
    below = sorted((one for one in known if one.score < min_score), key=lambda one: -one.score)
    negatives = [passages[one.doc_id].shown for one in below]

    def make(judgement: Judgement, question: str, passage: Passage, source: str) -> Found:
        if judgement.score < min_score:
            return Skip(SkipReason.NOT_RELEVANT)
        return make_example(
            passage.place,
            question,
            passage.text,
            title=passage.title,
            negatives=negatives,
            doc_id=judgement.doc_id,
            source=source,
        )

    return make
