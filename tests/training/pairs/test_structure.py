from __future__ import annotations

from rag.documents.rows import SourceDocument
from training.pairs.corpus import passages_of
from training.pairs.structure import heading_pairs, inverse_cloze_pairs, title_pairs

TEXT = """Байкал лежит в котловине на юге Сибири. Вода его холодна даже летом, и лёд сходит в мае. Рыбаки знают
это хорошо и выходят на промысел осенью, когда омуль собирается в стаи у берегов.

== Климат ==
Осенью над озером дуют сильные ветры. Самый известный из них зовётся сарма и приходит из долины. Он
поднимает волну в четыре метра, срывает крыши с домов и валит деревья на берегу.

=== Лёд ===
Лёд встаёт в январе и держится до мая. По нему ездят на грузовиках, пока он не начнёт трещать.

== Примечания ==
Смотри также работы Лимнологического института за разные годы, здесь не перечисленные.
"""
BAIKAL = SourceDocument("1", "Байкал", TEXT, {})


def passages():
    return list(passages_of([BAIKAL]))


def test_title_and_first_passages() -> None:
    pairs = list(title_pairs(passages(), per_document=2))
    assert [pair.question for pair in pairs] == ["Байкал", "Байкал"]
    assert pairs[0].passage.startswith("Байкал лежит")
    assert {pair.title for pair in pairs} == {""}


def test_headings_with_the_title_and_without_notes() -> None:
    pairs = list(heading_pairs(passages()))
    assert [pair.question for pair in pairs] == ["Байкал: Климат", "Байкал: Климат, Лёд"]
    assert pairs[1].passage.startswith("Лёд встаёт")


def test_inverse_cloze_takes_the_sentence_out() -> None:
    pairs = list(inverse_cloze_pairs(passages(), seed=1, kept_share=0.0))
    assert pairs
    for pair in pairs:
        assert pair.question in TEXT
        assert pair.question not in pair.passage


def test_inverse_cloze_may_leave_it_in() -> None:
    pairs = list(inverse_cloze_pairs(passages(), seed=1, kept_share=1.0))
    assert pairs
    assert all(pair.question in pair.passage for pair in pairs)


def test_about_one_in_ten_sentences_stays_by_default() -> None:
    many = [SourceDocument(str(at), "Байкал", TEXT, {}) for at in range(300)]
    pairs = list(inverse_cloze_pairs(passages_of(many), seed=0))
    kept = sum(pair.question in pair.passage for pair in pairs) / len(pairs)
    assert 0.06 < kept < 0.15
