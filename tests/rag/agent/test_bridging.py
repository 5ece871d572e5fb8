"""Which answers are followed: of the right kind, with a document of their own, and names that the reader overlooked."""

from __future__ import annotations

import pytest

from rag.agent.bridging import LINKED, OTHER_KIND, Bridge, TitleLinker
from rag.agent.finding import FoundAnswer

QUERY = "Какой писатель придумал живой океан?"


@pytest.fixture(scope="module")
def linker(world) -> TitleLinker:
    retriever = world.build().chain.retriever
    return TitleLinker(lambda text, where: retriever.invoke(text, filter=where))


def odds(probability: float) -> float:
    return probability / (1.0 - probability)


def answers(*pairs: tuple[str, float]) -> list[FoundAnswer]:
    return [FoundAnswer(text, confidence) for text, confidence in pairs]


def test_an_answer_that_a_document_is_called_by_is_linked(linker) -> None:
    assert linker.names_document("Лем")
    assert linker.names_document("писатель Станислав Лем")
    assert not linker.names_document("океан")
    assert not linker.names_document("")


def test_a_first_name_alone_means_nobody(world, linker) -> None:
    assert not linker.names_document("Станислав")
    assert not linker.names_document("Иван")
    named = [one.text for one in Bridge(linker).candidates("писатель", QUERY, (), world.chunks(), 9)]
    assert "Иван Гончаров" in named
    assert not {"Иван", "Станислав"} & set(named)


def test_a_document_of_its_own_raises_the_odds(world, linker) -> None:
    found = Bridge(linker).candidates("вещь", QUERY, answers(("лампы", 0.5), ("Станислав Лем", 0.4)), world.chunks(), 5)
    assert [one.text for one in found] == ["Станислав Лем", "лампы"]
    assert odds(found[0].confidence) == pytest.approx(LINKED * odds(0.4))
    assert found[1].confidence == 0.5


def test_another_kind_than_the_slot_s_lowers_the_odds(world) -> None:
    found = Bridge().candidates("писатель", QUERY, answers(("Львов", 0.5), ("Станислав Лем", 0.4)), world.chunks(), 5)
    assert [one.text for one in found[:2]] == ["Станислав Лем", "Львов"]
    assert odds(found[1].confidence) == pytest.approx(OTHER_KIND * odds(0.5))


def test_names_that_the_reader_overlooked_stand_behind_its_answers(world, linker) -> None:
    found = Bridge(linker).candidates("писатель", QUERY, answers(("океан", 0.9), ("роман", 0.3)), world.chunks(), 5)
    texts = [one.text for one in found]
    assert texts[0] == "Станислав Лем"
    assert "Иван Гончаров" in texts
    assert "океан" not in texts  # it only repeats the question
    [quote] = found[0].citations
    assert quote.quote[quote.answer_start : quote.answer_end] == "Станислава Лема"
    cities = Bridge(linker).candidates("город", QUERY, (), world.chunks(), 5)
    assert {"Львов", "Симбирск"} <= {one.text for one in cities}


def test_a_name_in_the_words_of_its_passage_is_put_into_the_nominative(world) -> None:
    found = Bridge().candidates("писатель", QUERY, answers(("Станислава Лема", 0.6)), world.chunks(), 1)
    assert [one.text for one in found] == ["Станислав Лем"]


def test_a_sentence_fills_no_slot(world) -> None:
    said = (
        "Насколько можно судить по этим отрывкам, живой океан придумал писатель, которого критики ценили очень высоко"
    )
    assert (
        Bridge().candidates("вещь", QUERY, answers((said, 0.9), ("лампы", 0.1)), world.chunks(), 5)[0].text == "лампы"
    )


def test_nothing_found_is_nothing_to_follow(world) -> None:
    assert Bridge().candidates("вещь", QUERY, (), world.chunks(), 5) == ()
    assert Bridge().candidates("писатель", QUERY, (), (), 5) == ()
