from __future__ import annotations

from training.examples import Example
from training.pairs.cloze.distant import DistantPassages
from training.pairs.corpus import Passage

ASKED_OF = "Город Чехов основал купец Ворохов в 1786 году, и стоит он на реке Лопасне."
OTHERS = [
    Passage("2", "Ворохов", "Купец Ворохов заложил Чехов весной 1786 года. Потом он уехал в Тулу."),
    Passage("3", "Тула", "В 1786 году в Туле открыли театр. Купцы ходили в него редко."),
    *(
        Passage(str(number), "Чепуха", f"Про что угодно, номер {number}, и ни о чём больше.")
        for number in range(10, 200)
    ),
]


def example(passage: str = ASKED_OF) -> Example:
    return Example(
        question="В каком году купец Ворохов основал Чехов?",
        passage=passage,
        title="Чехов",
        answers=("1786 году",),
        answer_start=passage.index("1786 году"),
        doc_id="1",
        source="cloze:year",
    )


def test_the_passage_that_names_the_same_is_taken() -> None:
    found = DistantPassages([Passage("1", "Чехов", ASKED_OF), *OTHERS]).elsewhere(example())
    assert found is not None
    assert (found.doc_id, found.answers, found.source) == ("2", ("1786 года",), "cloze-distant:year")
    assert found.passage.startswith("1786 года", found.answer_start)


def test_the_own_passage_and_cuts_of_it_are_not() -> None:
    passages = [Passage("1", "Чехов", ASKED_OF), Passage("4", "Чехов", f"{ASKED_OF} И всё."), *OTHERS[1:]]
    assert DistantPassages(passages).elsewhere(example()) is None


def test_a_higher_coverage_may_be_asked_for() -> None:
    passages = [Passage("1", "Чехов", ASKED_OF), *OTHERS]
    assert DistantPassages(passages, min_coverage=1.0).elsewhere(example()) is None
