from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_tests.integration_tests import RetrieversIntegrationTests

from retrievers.analysis import fold
from retrievers.bm25 import BM25Retriever
from retrievers.errors import InputError
from retrievers.expansion import Rewriter, SynonymRetriever, SynonymTable, read_synonyms, shipped_synonyms


class TestStandard(RetrieversIntegrationTests):
    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return SynonymRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        pages = [Document(page_content=f"Роман номер {number} о США") for number in range(5)]
        return {"retriever": BM25Retriever.from_documents(pages)}

    @property
    def retriever_query_example(self) -> str:
        return "Соединённые Штаты"


def found_in(question: str, table: SynonymTable | None = None) -> list[str]:
    """Known names in a question, as written there."""
    return [question[match.start : match.stop] for match in (table or shipped_synonyms()).find(question)]


@pytest.mark.parametrize(
    ("question", "known"),
    [
        ("Кто был первым президентом США?", ["США"]),
        ("кто президент сша", ["сша"]),
        ("КТО ПРЕЗИДЕНТ США И ФРГ", ["США", "ФРГ"]),
        ("Столица Соединённых Штатов Америки", ["Соединённых Штатов Америки"]),  # the longest
        ("Кто правил Советским Союзом?", ["Советским Союзом"]),
        ("Кем он служил в МИДе СССР?", ["МИДе", "СССР"]),
        ("Сколько вузов в Екатеринбурге?", ["вузов", "Екатеринбурге"]),
        ("Кто погиб в годы Великой Отечественной войны?", ["Великой Отечественной войны"]),
        ("Кто возглавлял ВКП(б) в 1930 году?", ["ВКП(б)"]),
        ("Когда построили Красноярскую ГЭС?", ["ГЭС"]),
        ("Какие ран были у солдата?", []),  # РАН
        ("Какой газ легче воздуха?", []),  # ГАЗ
        ("Сколько спид у машины", ["спид"]),
        ("Где родился Максим Горький?", []),
        ("Кто такой Союз?", []),
        ("", []),
        ("?!", []),
    ],
)
def test_known_names_in_any_form(question: str, known: list[str]) -> None:
    assert found_in(question) == known


def test_both_directions() -> None:
    table = shipped_synonyms()
    assert "Организация Объединённых Наций" in table.find("Кто руководит ООН?")[0].names
    assert "ООН" in table.find("Кто руководит Организацией Объединённых Наций?")[0].names


def test_an_abbreviation_of_several_things_means_all_of_them() -> None:
    table = SynonymTable([["ВТО", "Всемирная торговая организация"], ["ВТО", "Всероссийское театральное общество"]])
    (match,) = table.find("Кто возглавлял ВТО?")
    assert match.names == ("Всемирная торговая организация", "Всероссийское театральное общество")


def test_rewrites_name_things_twice() -> None:
    assert isinstance(shipped_synonyms(), Rewriter)
    assert shipped_synonyms().rewrites("Кто руководил МИД СССР в ВОВ?", 5) == [
        "Кто руководил МИД (Министерство иностранных дел) СССР (Советский Союз) в ВОВ (Великая Отечественная война)?",
        "Кто руководил МИД (Министерство иностранных дел) СССР (Союз Советских Социалистических Республик) "
        "в ВОВ (Великая Отечественная война)?",
    ]
    assert len(shipped_synonyms().rewrites("Где учат в Петербурге?", 2)) == 2
    assert shipped_synonyms().rewrites("Где родился Гоголь?", 3) == []


async def test_async_rewrites_the_same() -> None:
    table = shipped_synonyms()
    assert await table.arewrites("Кто правил СССР?", 1) == table.rewrites("Кто правил СССР?", 1)


def test_another_name_finds_the_passage(bm25, names) -> None:
    retriever = SynonymRetriever(retriever=bm25)
    question = "Как звали первого президента США?"
    assert names(bm25.invoke(question, k=1)) == ["франция"]  # «первый президент» stands in both
    assert names(retriever.invoke(question, k=1)) == ["сша"]
    expansion = retriever.expand(question)
    assert expansion.question_weight == 1.0
    assert set(expansion.texts) == set(bm25.analyzer("Соединённые Штаты Америки"))
    assert {addition.weight for addition in expansion.added} == {retriever.weight}


def test_a_question_without_known_names_is_searched_with_as_it_is(bm25) -> None:
    retriever = SynonymRetriever(retriever=bm25)
    assert retriever.expand("Кто снял «Сталкера»?").added == ()
    scores = [hit.metadata["scores"]["synonyms"] for hit in retriever.invoke("Кто снял «Сталкера»?")]
    assert scores == pytest.approx([hit.metadata["scores"]["bm25"] for hit in bm25.invoke("Кто снял «Сталкера»?")])


async def test_async_filter_and_k(bm25, names) -> None:
    retriever = SynonymRetriever(retriever=bm25)
    question = "Кто был первым президентом США?"
    assert await retriever.ainvoke(question, k=1) == retriever.invoke(question, k=1)
    assert names(await retriever.ainvoke(question, filter={"doc_id": "франция"})) == ["франция"]


def test_the_shipped_table_is_sound() -> None:
    table = shipped_synonyms()
    counts = Counter(fold(name) for group in table.groups for name in group)
    assert [name for name, count in counts.items() if count > 1] == []  # one thing a name
    for group in table.groups:
        for name in group:  # every name is found by itself, and brings the others
            (match,) = table.find(name)
            assert set(match.names) == set(group) - {name}


GOOD = """
[[group]]
names = ["ЖЗЛ", "Жизнь замечательных людей"]

[[group]]
names = ["кот", "кошка"]
"""


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "synonyms.toml"
    path.write_text("\ufeff" + GOOD, encoding="utf-8")
    table = read_synonyms(path)
    assert len(table) == 2
    assert found_in("Кто основал серию ЖЗЛ о кошках?", table) == ["ЖЗЛ", "кошках"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + '\n[[group]]\nnames = ["один"]\n', r"synonyms\.toml:8: expected at least two names .*, got 1"),
        (GOOD + '\n[[group]]\nnames = ["Ёлка", "ель", "елка"]\n', r"toml:8: a name stands twice in its group: Ёлка,"),
        (GOOD + '\n[[group]]\nnames = ["а", 5]\n', r"toml:8: expected a name to be a text with words, got 5"),
        (GOOD + '\n[[group]]\nnames = ["а", "—"]\n', r"toml:8: expected a name to be a text with words, got '—'"),
        (GOOD + '\n[[group]]\nname = ["а", "б"]\n', r"toml:8: expected a group to be names = "),
        (GOOD + '\n[[group]]\nnames = "а, б"\n', r"toml:8: expected a group to be names = "),
        (GOOD + "\n[[group]\n", r"toml: not TOML: .*line 8"),
        ("", r"toml: expected \[\[group\]\] tables and nothing else, got nothing"),
        ("[[groups]]\nnames = []", r"expected \[\[group\]\] tables and nothing else, got groups"),
        ('group = [{ names = ["а"] }]', r"toml:1: expected at least two names"),
    ],
)
def test_mistakes_name_their_line(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "synonyms.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_synonyms(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.toml: the synonyms cannot be read"):
        read_synonyms(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes("США".encode("cp1251"))
    with pytest.raises(InputError, match=r"latin\.toml: the synonyms cannot be read"):
        read_synonyms(tmp_path / "latin.toml")


@settings(deadline=None)
@given(st.lists(st.sampled_from(["США", "сша", "Советского", "Союза", "ВКП(б)", "и", ",", "МИДа", "Санкт-", "«"])))
def test_matches_lie_in_the_question_in_order(parts: list[str]) -> None:
    question = " ".join(parts)
    at = 0
    for match in shipped_synonyms().find(question):
        assert at <= match.start < match.stop <= len(question)
        at = match.stop
    for rewrite in shipped_synonyms().rewrites(question, 3):
        assert len(rewrite) > len(question)
