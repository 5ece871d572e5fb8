from __future__ import annotations

import pytest

from retrievers.errors import InputError
from training.data.leaks import HeldOut, LeakFilter, Reason, read_held_out, remove_duplicates, remove_leaks
from training.examples import Example

PARAGRAPH = "Глубина Байкала достигает 1642 метров, и это самое глубокое озеро на всей планете Земля."
HELD_OUT = [HeldOut("Какова наибольшая глубина Байкала?", PARAGRAPH), HeldOut("Кто написал «Войну и мир»?")]


def example(question: str, passage: str = "Отрывок о другом.", **more: object) -> Example:
    return Example(question=question, passage=passage, **more)


@pytest.fixture
def leaks() -> LeakFilter:
    return LeakFilter(HELD_OUT)


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("какова наибольшая глубина байкала", Reason.QUESTION),
        ("Какая наибольшая глубина у Байкала?", Reason.NEAR_QUESTION),
        ("Кто написал «Анну Каренину»?", None),
        ("Какова наибольшая глубина Ладоги?", None),
        ("!", None),
    ],
)
def test_questions(leaks, question, reason) -> None:
    leak = leaks.of_question(question)
    assert (leak and leak.reason) == reason
    if leak:
        assert leak.text == "Какова наибольшая глубина Байкала?"


def test_what_is_left_keeps_its_order_and_what_is_not_is_counted(leaks) -> None:
    rows = [
        example("Кто написал «Войну и мир»?"),
        example("Где находится Эльбрус?"),
        example("Какая наибольшая глубина у Байкала?"),
        example("Кто открыл Нептун?"),
    ]
    filtered = remove_leaks(rows, leaks)
    assert filtered.kept == [rows[1], rows[3]]
    assert filtered.counts == {"evaluation question": 1, "nearly an evaluation question": 1}
    assert [removal.example for removal in filtered.removed] == [rows[0], rows[2]]


def test_the_second_text_of_a_pair_of_questions_is_a_question_too(leaks) -> None:
    assert remove_leaks([example("Автор «Войны и мира»?", "Кто написал «Войну и мир»?")], leaks).kept == []


def test_passages_are_looked_at_when_asked(leaks) -> None:
    row = example("Где?", "Глубина Байкала достигает 1642 метров, и это самое глубокое озеро на всей планете.")
    assert remove_leaks([row], leaks).kept == [row]
    assert remove_leaks([row], leaks, passages=True).counts == {"evaluation passage": 1}


def test_duplicates_in_either_order_and_their_negatives() -> None:
    rows = [
        example("Где Эльбрус?", "На Кавказе.", negatives=("На Урале.",)),
        example("где эльбрус", "на кавказе", negatives=("На Алтае.", "На Урале.")),
        example("На Кавказе", "Где Эльбрус"),
    ]
    filtered = remove_duplicates(rows, near=None)
    assert filtered.counts == {"duplicate": 2}
    assert [row.negatives for row in filtered.kept] == [("На Урале.", "На Алтае.")]


def test_the_same_object_twice_is_a_duplicate() -> None:
    row = example("Где Эльбрус?")
    assert remove_duplicates([row, row]).counts == {"duplicate": 1}


def test_negatives_without_scores_do_not_join_scored_ones() -> None:
    rows = [
        example("Где?", "Там.", negatives=("Тут.",), scores=(1.0, 0.0)),
        example("где", "там", negatives=("Здесь.",)),
    ]
    (kept,) = remove_duplicates(rows).kept
    assert kept == rows[0]


def test_near_duplicates_agree_in_question_passage_label_and_answer() -> None:
    passage = "Город Томск основан в 1604 году по указу Бориса Годунова на берегу реки Томи."
    first = example("В каком году был основан город Томск?", passage, answers=("1604",), label=1.0)
    same = example("В каком году основан город Томск?", passage.removesuffix(" Томи."), answers=("1604",), label=1.0)
    assert remove_duplicates([first, same]).counts == {"near-duplicate": 1}
    for change in (
        {"passage": "Первый острог стоял на Воскресенской горе, и его население было невелико."},
        {"label": 0.0},
        {"answers": ("1605",)},
        {"question": "Чьим указом основан город Томск?"},
    ):
        assert remove_duplicates([first, same.model_copy(update=change)]).removed == []
    assert remove_duplicates([first, same], near=None).removed == []


def test_evaluation_files_of_all_shapes(tmp_path, write_lines) -> None:
    path = write_lines(
        tmp_path / "held.jsonl.gz",
        [
            {"qid": "1", "question": "Кто?", "paragraph": "Он."},
            {"question": "Что?", "passage": "Это."},
            {"qid": "3", "question": "Чей дом?", "hops": [{"question": "Кто построил дом?", "answer": "Он"}]},
            {"qid": "4", "question": "А сад?", "history": [{"question": "Чей дом?"}], "standalone": "Чей сад?"},
        ],
    )
    assert read_held_out([path]) == [
        HeldOut("Кто?", "Он."),
        HeldOut("Что?", "Это."),
        HeldOut("Чей дом?"),
        HeldOut("Кто построил дом?"),
        HeldOut("А сад?"),
        HeldOut("Чей дом?"),
        HeldOut("Чей сад?"),
    ]


@pytest.mark.parametrize(("lines", "message"), [([], "no questions"), ([{"qid": "1"}], "field question")])
def test_files_without_questions(tmp_path, write_lines, lines, message) -> None:
    with pytest.raises(InputError, match=message):
        read_held_out([write_lines(tmp_path / "held.jsonl", lines)])


def test_real_questions_of_one_set_in_another(shared_data) -> None:
    held_out = read_held_out([shared_data / "ruwiki" / "rubq_dev.jsonl", shared_data / "ruwiki" / "miracl_dev.jsonl"])
    rows = read_held_out([shared_data / "questions" / "miracl_queries.jsonl.zst"])
    filtered = remove_leaks([example(row.question) for row in rows], LeakFilter(held_out))
    # 231 of the development questions stand in the file as they are; «Какая самая высокая гора на Кавказе?» in others.
    assert filtered.counts["evaluation question"] >= 231
    assert "Какая самая высокая гора на Кавказе?" in {removal.example.question for removal in filtered.removed}
    assert len(filtered.kept) > 5400


def test_every_evaluation_question_is_found_in_its_own_file(shared_data) -> None:
    held_out = read_held_out([shared_data / "ruwiki" / "rubq_dev.jsonl"])
    leaks = LeakFilter(held_out)
    assert all(leaks.of_question(one.question) for one in held_out)
