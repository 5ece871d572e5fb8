from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda

from generators.base import Generation, ReadingTask
from generators.reader import PASSAGE_WEIGHT, OfflineReader, passage_priors, ranked_answers, read, settle
from generators.reading.question import AnswerType
from retrievers.errors import InputError
from retrievers.joint.model import Passage, load_joint_model

BRIDGE = (
    "Старый мост — каменный мост через реку Сухону в Тотьме. Его построил инженер Пётр Орлов в 1874 году. "
    "Длина моста 108 метров."
)
LIGHTHOUSE = "Маяк Белый стоит на острове Моржовец. Он был открыт 12 июня 1842 года. Высота башни 27 метров."
COMPANY = (
    "Компания «Северный ветер» выпускает ветряные турбины. Директором компании с 2015 года работает Анна Лебедева."
)


def chunk(text: str, chunk_id: str = "doc_0", title: str = "") -> Document:
    return Document(text, id=chunk_id, metadata={"chunk_id": chunk_id, "title": title})


def task(question: str, *texts: str) -> ReadingTask:
    return ReadingTask(question, tuple(chunk(text, f"doc_{index}") for index, text in enumerate(texts)))


@pytest.fixture(scope="module")
def reader() -> OfflineReader:
    return OfflineReader()


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Кто построил Старый мост?", "Пётр Орлов"),
        ("В каком году построен Старый мост?", "1874"),
        ("Какова длина Старого моста?", "108 метров"),
        ("Когда был открыт маяк Белый?", "12 июня 1842 года"),
        ("На каком острове стоит маяк Белый?", "Моржовец"),
        ("Кто директор компании «Северный ветер»?", "Анна Лебедева"),
    ],
)
def test_answers_from_our_own_sentences(reader: OfflineReader, question: str, answer: str) -> None:
    assert reader.invoke(task(question, BRIDGE, LIGHTHOUSE, COMPANY)).text == answer


def test_the_answer_is_nominative_and_the_evidence_is_the_surface(reader: OfflineReader) -> None:
    text = "Роман «Тихая заводь» написан Сергеем Павловым и издан в Архангельске."
    found = reader.invoke(task("Кто написал роман «Тихая заводь»?", text))
    assert found.text == "Сергей Павлов"
    assert found.evidence[0].chunk_id == "doc_0"
    assert text[found.evidence[0].start : found.evidence[0].end] == "Сергеем Павловым"
    assert found.confidence is not None
    assert 0.0 < found.confidence < 1.0


def test_other_passages_with_the_same_answer_are_evidence_too(reader: OfflineReader) -> None:
    second = "В 1874 году инженер Пётр Орлов построил Старый мост."
    found = reader.invoke(task("Кто построил Старый мост?", BRIDGE, second))
    assert {one.chunk_id for one in found.evidence} == {"doc_0", "doc_1"}


def test_a_supported_answer_is_more_confident_than_an_unsupported_one(reader: OfflineReader) -> None:
    supported = reader.invoke(task("Кто построил Старый мост?", BRIDGE)).confidence
    unsupported = reader.invoke(task("Кто изобрёл телеграф?", LIGHTHOUSE)).confidence
    assert supported is not None
    assert unsupported is not None
    assert supported > unsupported


@pytest.mark.parametrize(
    "empty",
    [
        ReadingTask("Кто построил мост?", ()),
        ReadingTask("", (chunk(BRIDGE),)),
        ReadingTask("  \n", (chunk(BRIDGE),)),
        ReadingTask("Кто построил мост?", (chunk(""), chunk(" \n "), chunk("…!"))),
    ],
)
def test_nothing_to_read_gives_no_answer(reader: OfflineReader, empty: ReadingTask) -> None:
    assert reader.invoke(empty) == Generation("", 0.0)


def test_the_same_task_gives_the_same_generation(reader: OfflineReader) -> None:
    one = task("Кто построил Старый мост?", BRIDGE, COMPANY)
    assert reader.invoke(one) == OfflineReader().invoke(one)


async def test_batch_async_and_composition_agree_with_invoke(reader: OfflineReader) -> None:
    tasks = [task("Кто построил Старый мост?", BRIDGE), task("Когда открыт маяк Белый?", LIGHTHOUSE), task("?", "")]
    expected = [reader.invoke(one) for one in tasks]
    assert reader.batch(tasks) == expected
    assert await reader.abatch(tasks) == expected
    assert await reader.ainvoke(tasks[0]) == expected[0]
    assert list(reader.stream(tasks[0])) == [expected[0]]
    chain = reader | RunnableLambda(lambda generation: generation.text)
    assert chain.invoke(tasks[0]) == expected[0].text


def test_only_the_first_passages_are_read() -> None:
    found = OfflineReader(passages=1).invoke(task("Кто построил Старый мост?", LIGHTHOUSE, BRIDGE))
    assert {one.chunk_id for one in found.evidence} == {"doc_0"}


def test_passages_must_be_positive() -> None:
    with pytest.raises(ValueError, match="passages"):
        OfflineReader(passages=0)


def test_a_bad_weights_file_is_named_at_load_not_at_construction(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    path.write_bytes(b"broken")
    reader = OfflineReader(path)
    with pytest.raises(InputError, match=r"weights\.npz"):
        reader.load()
    with pytest.raises(InputError, match=r"weights\.npz"):
        reader.invoke(task("Кто построил мост?", BRIDGE))


def test_documents_are_left_as_they_were(reader: OfflineReader) -> None:
    one = task("Кто построил Старый мост?", BRIDGE)
    before = one.documents[0].model_copy(deep=True)
    reader.invoke(one)
    assert one.documents[0] == before


def test_reading_imports_neither_scikit_learn_nor_torch() -> None:
    code = (
        "import sys; from generators.base import ReadingTask; from generators.reader import OfflineReader;"
        "from langchain_core.documents import Document;"
        "document = Document('Мост построил Орлов.', id='a');"
        "assert OfflineReader().invoke(ReadingTask('Кто построил мост?', (document,))).text;"
        "sys.exit(bool({'sklearn', 'torch', 'transformers'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(["Кто построил мост?", "Когда?", "Сколько метров?", "🙂", "what"]),
    st.lists(st.text(alphabet="Абвио\u0301 .,«»()—0129ABc%\n", max_size=60), max_size=3),
)
def test_evidence_is_always_inside_its_passage(question: str, texts: list[str]) -> None:
    found = OfflineReader().invoke(task(question, *texts))
    assert bool(found.text) == bool(found.evidence)
    assert found.confidence is not None
    assert 0.0 <= found.confidence <= 1.0
    for one in found.evidence:
        text = texts[int(one.chunk_id.removeprefix("doc_"))]
        assert 0 <= one.start < one.end <= len(text)
        assert text[one.start : one.end].strip()


def scored(chunk_id: str, score: float) -> Document:
    return Document("…", id=chunk_id, metadata={"chunk_id": chunk_id, "scores": {"cross_encoder": score}})


def test_passages_that_the_reranker_prefers_are_preferred() -> None:
    assert passage_priors([scored("a_0", 1.0), scored("b_0", -1.0)]) == pytest.approx([0.0, -2 * PASSAGE_WEIGHT])
    assert passage_priors([Document("…"), Document("…")]) == pytest.approx([0.0, 0.0])


def test_the_same_answer_in_several_places_counts_together() -> None:
    scores = np.array([1.0, 0.8, 0.7, -3.0])
    together = ranked_answers(scores, ["москва", "тула", "тула", "тула"])
    assert [index for index, _ in together] == [1, 0]
    apart = np.exp(1.0) / (np.exp(0.8) + np.exp(0.7) + np.exp(-3.0))
    assert [likelihood for _, likelihood in together] == pytest.approx([1.0, apart])
    assert [index for index, _ in ranked_answers(scores, ["москва", "тула", "рига", "клин"])] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("text", "expected", "chosen", "settled"),
    [
        ("Маяк открыли 12 июня 1842 года.", AnswerType.TIME, "12 июня", "12 июня 1842 года"),
        ("Маяк открыли 12 июня 1842 года.", AnswerType.TIME, "1842 года", "1842 года"),
        ("Длина моста 108 метров.", AnswerType.MEASURE, "108", "108 метров"),
        ("В городе 12 мостов.", AnswerType.NUMBER, "12", "12"),
        ("Мост построил инженер Пётр Орлов.", AnswerType.PERSON, "инженер Пётр Орлов", "Пётр Орлов"),
        ("Мост построил инженер Пётр Орлов.", AnswerType.NOTION, "инженер Пётр Орлов", "инженер Пётр Орлов"),
    ],
)
def test_a_chosen_span_is_settled_as_people_say_it(text: str, expected: AnswerType, chosen: str, settled: str) -> None:
    question = "Когда открыли маяк?"
    reading = read(question, [(text, "")], load_joint_model().read(question, [Passage("", text)]))
    surfaces = [reading.surface(index) for index in range(len(reading.spans))]
    assert surfaces[settle(reading, surfaces.index(chosen), expected)] == settled
