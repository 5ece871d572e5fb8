"""Rows with negatives as labelled pairs, which cosine and similar losses learn from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from training.examples import Example


def labelled_pairs(examples: Iterable[Example]) -> Iterator[Example]:
    """Every pair with a label: 1 for the passage that belongs, 0 for each negative, which becomes a row of its own.

    A row that has a label keeps it. The negatives' rows keep the document of the pair, so that a split does not part
    them; a teacher's scores go, since their list is taken apart.
    """
    for example in examples:
        label = 1.0 if example.label is None else example.label
        yield example.model_copy(update={"label": label, "negatives": (), "scores": ()})
        for negative in example.negatives:
            yield Example(
                question=example.question, passage=negative, label=0.0, doc_id=example.doc_id, source=example.source
            )
