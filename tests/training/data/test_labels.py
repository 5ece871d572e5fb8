from __future__ import annotations

from training.data.labels import labelled_pairs
from training.examples import Example


def test_negatives_become_rows_of_their_own() -> None:
    rows = [
        Example(question="Где?", passage="Там.", title="Место", negatives=("Нигде.",), scores=(1, 0), doc_id="7"),
        Example(question="Кто?", passage="Он.", label=0.5),
    ]
    assert list(labelled_pairs(rows)) == [
        Example(question="Где?", passage="Там.", title="Место", label=1.0, doc_id="7"),
        Example(question="Где?", passage="Нигде.", label=0.0, doc_id="7"),
        Example(question="Кто?", passage="Он.", label=0.5),
    ]
