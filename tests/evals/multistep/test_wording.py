from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.multistep.wording import CASES, Phrase, Pronoun, describe, fill, inflect, sentence
from retrievers.errors import InputError

PETER = Phrase("[Пётр|Петра|Петру|Петра|Петром|Петре] I", "masc")
LOVELACE = Phrase("[Ада] Лавлейс", "femn")


@pytest.mark.parametrize(
    ("template", "slot", "expected"),
    [
        ("кто написал {s|accs}?", Phrase("[картина] «Утро»", "femn"), "Кто написал картину «Утро»?"),
        ("где <родился|родилась|родилось|родились> {s}?", LOVELACE, "Где родилась Ада Лавлейс?"),
        ("кем был отец {s|gent}?", PETER, "Кем был отец Петра I?"),
        ("кто основал {s|accs}?", Phrase("[Санкт-Петербург]", "masc"), "Кто основал Санкт-Петербург?"),
        ("что известно о {s|loct}?", Phrase("[Нижний] [Новгород]", "masc"), "Что известно о Нижнем Новгороде?"),
        ("а где {s} <родился|родилась|родилось|родились>?", Pronoun("femn"), "А где она родилась?"),
        ("а что было у {s|gent+}?", Pronoun("plur"), "А что было у них?"),
        ("а кто в {s|loct} живёт?", Pronoun("neut"), "А кто в нём живёт?"),
    ],
)
def test_sentences(template, slot, expected) -> None:
    assert sentence(template, {"s": slot}) == expected


def test_a_description_is_inflected_as_a_whole_but_for_its_clause() -> None:
    poem = Phrase("[поэма] «Утро»", "femn")
    author = describe("[поэт], [написавший] {s|accs}", {"s": poem})
    assert author.gender == "masc"
    assert author.in_case("gent") == "поэта, написавшего поэму «Утро»"
    assert author.in_case("accs") == "поэта, написавшего поэму «Утро»"


def test_things_are_no_persons_in_the_accusative() -> None:
    assert inflect("[завод], [построивший] мост", "accs", "masc") == "завод, построивший мост"


def test_a_clause_is_closed_where_the_sentence_goes_on() -> None:
    author = describe("[поэт], который написал {s|accs}", {"s": Phrase("«Утро»", "neut")})
    assert sentence("как {s|accs} звали?", {"s": author}) == "Как поэта, который написал «Утро», звали?"
    assert sentence("кто {s}?", {"s": author}) == "Кто поэт, который написал «Утро»?"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{x}", "no slot 'x'"),
        ("<а|б> {s}", "expected four forms"),
        ("{s|locative}", "none of nomn"),
        ("{s|gent}", r"\[хм\]: no nominative"),
    ],
)
def test_templates_that_cannot_be_filled(template, message) -> None:
    with pytest.raises(InputError, match=message):
        fill(template, {"s": Phrase("[хм]", "masc")})


def test_six_forms_or_none() -> None:
    with pytest.raises(InputError, match="expected six forms, found 2"):
        inflect("[Пётр|Петра]", "gent", "masc")


def test_a_description_needs_a_head() -> None:
    with pytest.raises(InputError, match="head of the phrase"):
        describe("автор {s|gent}", {"s": PETER})


@given(st.text(st.characters(exclude_characters="[]{}<>", exclude_categories=["Cs"])), st.sampled_from(CASES))
def test_text_without_marks_stays_as_it_is(text, case) -> None:
    assert inflect(text, case, "masc") == text
    assert fill(text, {}) == text
