from __future__ import annotations

import numpy as np

from generators.reading.candidates import propose
from generators.reading.features import FEATURES, Passage, describe
from generators.reading.parsing import parse
from generators.reading.question import understand


def table(question: str, *texts: str, title: str = "") -> tuple[list[str], dict[str, dict[str, float]]]:
    passages = [Passage(parsed := parse(text), title, tuple(propose(parsed))) for text in texts]
    rows: dict[str, dict[str, float]] = {}
    for passage, matrix in zip(passages, describe(understand(question), passages), strict=True):
        assert matrix.shape == (len(passage.candidates), len(FEATURES))
        assert np.isfinite(matrix).all()
        for candidate, row in zip(passage.candidates, matrix, strict=True):
            rows[passage.parsed.text[candidate.start : candidate.stop]] = dict(zip(FEATURES, row.tolist(), strict=True))
    return list(rows), rows


def test_names_are_unique() -> None:
    assert len(set(FEATURES)) == len(FEATURES)


def test_words_of_the_question_are_known_in_a_candidate() -> None:
    _, rows = table("Кто написал роман «Обломов»?", "Роман «Обломов» написал Иван Гончаров.")
    assert rows["Обломов"]["all_in_question"] == 1.0
    assert rows["Иван Гончаров"]["in_question"] == 0.0
    assert rows["Иван Гончаров"]["kind_person"] == 1.0
    assert rows["Иван Гончаров"]["fit"] == 1.0
    assert rows["Иван Гончаров"]["sentence_coverage"] > 0.9


def test_a_cut_name_is_told_from_a_whole_one() -> None:
    _, rows = table("Кто написал роман?", "Роман написал Иван Гончаров.")
    assert rows["Иван Гончаров"]["is_name"] == 1.0
    assert rows["Гончаров"]["cuts_name"] == 1.0


def test_the_focus_noun_beside_a_candidate_is_seen() -> None:
    _, rows = table("Какой город посетил посол?", "Посол посетил город Казань и реку Волгу.")
    assert rows["Казань"]["focus_before"] == 1.0
    assert rows["Казань"]["like_asked"] > rows["Волгу"]["like_asked"]


def test_birth_stands_before_death_in_brackets() -> None:
    _, rows = table("Когда умер мастер?", "Мастер (1801, Псков — 1870, Тверь) строил мосты.")
    assert (rows["1801"]["bracket_date"], rows["1870"]["bracket_date"]) == (1.0, 2.0)


def test_names_match_in_forms_that_lemmas_miss() -> None:
    _, rows = table("Кто сменил Симанса?", "После Симансом руководил Орлов.")
    assert rows["Орлов"]["sentence_names"] > 0.0


def test_rank_and_repeats_count_passages() -> None:
    _, rows = table("Кто выиграл турнир?", "Турнир выиграл Орлов.", "Второй турнир выиграл Орлов.")
    assert rows["Орлов"]["passage_rank"] == 1.0
    assert rows["Орлов"]["repeats"] == 2.0


def test_a_question_without_terms_is_described() -> None:
    names, _ = table("?", "Турнир выиграл Орлов.")
    assert "Орлов" in names
