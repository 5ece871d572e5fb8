from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda

from generators.base import Generation, ReadingTask
from generators.options import GeneratorOptions, Wording
from generators.reader import PASSAGE_WEIGHT
from generators.span_reader import SpanReader, confidence_of, passage_priors
from rag.components import build_generator
from retrievers.errors import ModelUnavailableError
from retrievers.span_reader.settings import fitting_settings
from retrievers.span_reader.windows import Passage

NOVEL = "Роман «Тихая заводь» написан Сергеем Павловым и издан в Архангельске."
ESSAY = "Очерк «Север» тоже принадлежит Сергею Павлову."
BRIDGE = "Старый мост построил инженер Пётр Орлов в 1874 году."
WHO = "Кто написал роман «Тихая заводь»?"


def chunk(text: str, chunk_id: str = "doc_0", title: str = "", score: float | None = None) -> Document:
    scores = {} if score is None else {"scores": {"cross_encoder": score}}
    return Document(text, id=chunk_id, metadata={"chunk_id": chunk_id, "title": title} | scores)


def task(question: str, *texts: str, title: str = "") -> ReadingTask:
    return ReadingTask(question, tuple(chunk(text, f"doc_{index}", title) for index, text in enumerate(texts)))


@pytest.fixture
def author(scripted_reader):
    """Knows the author in two forms, and a wrong answer that is a little better than each of them."""
    return scripted_reader.scripted_model({"Сергеем Павловым": 6.0, "Сергею Павлову": 6.0, "Пётр Орлов": 6.3})


def test_the_answer_is_nominative_and_the_evidence_is_the_surface(author) -> None:
    found = SpanReader(author).invoke(task(WHO, NOVEL, title="Тихая заводь"))
    assert found.text == "Сергей Павлов"
    (place,) = found.evidence
    assert place.chunk_id == "doc_0"
    assert NOVEL[place.start : place.end] == "Сергеем Павловым"


def test_the_surface_on_request(author) -> None:
    found = SpanReader(author, wording=Wording.SURFACE).invoke(task(WHO, NOVEL))
    assert found.text == "Сергеем Павловым"


def test_the_same_answer_in_several_forms_counts_together(author) -> None:
    found = SpanReader(author).invoke(task(WHO, BRIDGE, NOVEL, ESSAY))
    assert found.text == "Сергей Павлов"
    assert [one.chunk_id for one in found.evidence] == ["doc_1", "doc_2"]
    assert ESSAY[found.evidence[1].start : found.evidence[1].end] == "Сергею Павлову"


def test_one_form_alone_loses_to_a_better_answer(author) -> None:
    assert SpanReader(author).invoke(task(WHO, BRIDGE, NOVEL)).text == "Пётр Орлов"


def test_passages_that_another_reranker_prefers_are_preferred(author) -> None:
    documents = (chunk(BRIDGE, "a_0", score=-2.0), chunk(NOVEL, "b_0", score=2.0))
    assert SpanReader(author).invoke(ReadingTask(WHO, documents)).text == "Сергей Павлов"


def test_the_models_own_relevance_counts_once(scripted_reader) -> None:
    model = scripted_reader.scripted_model({}, relevant=["Роман", "роман"])
    logits = model.read(WHO, [Passage(BRIDGE), Passage(NOVEL)])
    plain = [chunk(BRIDGE), chunk(NOVEL)]
    own = [chunk(BRIDGE, score=0.0), chunk(NOVEL, score=1.0)]
    assert passage_priors(plain, logits, 0.5) == passage_priors(own, logits, 0.5) == [-0.5, 0.0]
    other = [chunk(BRIDGE, score=3.0), chunk(NOVEL, score=0.0)]
    assert passage_priors(other, logits, 0.5) == pytest.approx([-0.5, -3.0 * PASSAGE_WEIGHT])


def test_the_confidence_falls_with_the_score_of_no_answer(scripted_reader) -> None:
    sure, unsure = (
        SpanReader(scripted_reader.scripted_model({"Пётр Орлов": 8.0}, null=null)).invoke(task("Кто?", BRIDGE))
        for null in (0.0, 9.0)
    )
    assert sure.text == unsure.text == "Пётр Орлов"
    assert sure.confidence is not None
    assert unsure.confidence is not None
    assert 0.0 < unsure.confidence < 0.5 < sure.confidence < 1.0


def test_the_confidence_is_calibrated() -> None:
    plain = fitting_settings(64)
    assert confidence_of(0.8, plain) == pytest.approx(0.8)
    assert confidence_of(0.5, plain.model_copy(update={"confidence_bias": -2.0})) == pytest.approx(0.1192, abs=1e-4)
    flat = plain.model_copy(update={"confidence_scale": 0.5})
    assert 0.5 < confidence_of(0.8, flat) < 0.8
    assert 0.0 < confidence_of(0.0, plain) < confidence_of(1.0, plain) < 1.0


def test_an_answer_behind_the_first_window_is_found(scripted_reader) -> None:
    model = scripted_reader.scripted_model({"Пётр Орлов": 6.0}, settings=fitting_settings(96, max_answer=20))
    text = "Мост стоит на реке. " * 12 + BRIDGE
    found = SpanReader(model).invoke(task("Кто построил мост?", text, title="Старый мост"))
    assert found.text == "Пётр Орлов"
    assert text[found.evidence[0].start : found.evidence[0].end] == "Пётр Орлов"


@pytest.mark.parametrize(
    "empty",
    [
        ReadingTask("Кто построил мост?", ()),
        ReadingTask(" \n", (chunk(BRIDGE),)),
        ReadingTask("Кто построил мост?", (chunk(""), chunk(" \n ", title="Мост"))),
    ],
)
def test_nothing_to_read_gives_no_answer(author, empty) -> None:
    assert SpanReader(author).invoke(empty) == Generation("", 0.0)


def test_only_the_first_passages_are_read(author) -> None:
    assert SpanReader(author, passages=1).invoke(task(WHO, NOVEL, BRIDGE)).text == "Сергей Павлов"
    with pytest.raises(ValueError, match="passages ≥ 1"):
        SpanReader(author, passages=0)


async def test_batch_async_stream_and_composition_agree_with_invoke(author) -> None:
    reader = SpanReader(author)
    tasks = [task(WHO, NOVEL), task("Кто построил мост?", BRIDGE), task("?", "")]
    expected = [reader.invoke(one) for one in tasks]
    assert reader.batch(tasks) == expected
    assert await reader.abatch(tasks) == expected
    assert await reader.ainvoke(tasks[0]) == expected[0]
    assert list(reader.stream(tasks[0])) == [expected[0]]
    assert [part async for part in reader.astream(tasks[0])] == [expected[0]]
    chain = reader | RunnableLambda(lambda generation: generation.text)
    assert chain.invoke(tasks[0]) == expected[0].text


def test_a_profile_names_it(span_reader_folder) -> None:
    options = GeneratorOptions(kind="span", model=str(span_reader_folder), wording="surface")
    found = build_generator(options).invoke(task(WHO, NOVEL, BRIDGE, title="Заводь"))
    texts = {"doc_0": NOVEL, "doc_1": BRIDGE}
    place = found.evidence[0]
    assert found.text == " ".join(texts[place.chunk_id][place.start : place.end].split())


def test_a_missing_model_is_an_error_at_the_first_question(tmp_path) -> None:
    reader = build_generator(GeneratorOptions(kind="span", model=str(tmp_path / "none")))
    with pytest.raises(ModelUnavailableError, match="there is no folder"):
        reader.invoke(task(WHO, NOVEL))


def test_reading_with_an_export_needs_no_torch(span_reader_folder) -> None:
    code = (
        "import sys\nfrom langchain_core.documents import Document\nfrom generators.base import ReadingTask\n"
        "from generators.span_reader import SpanReader\n"
        f"document = Document({BRIDGE!r}, id='a_0')\n"
        f"assert SpanReader({str(span_reader_folder)!r}).invoke(ReadingTask('Кто построил мост?', (document,))).text\n"
        "sys.exit(bool({'torch', 'transformers', 'sentence_transformers'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@settings(deadline=None, max_examples=40)
@given(
    question=st.text(alphabet="Ктогде? 🙂", max_size=60),
    title=st.text(alphabet="Мост \n", max_size=20),
    texts=st.lists(st.text(alphabet="Абвио\u0301 .,«»()—0129ABc%\n", max_size=90), max_size=3),
)
def test_evidence_is_always_inside_its_passage(scripted_reader, question, title, texts) -> None:
    model = scripted_reader.scripted_model({"А": 3.0, "о": 2.0}, settings=fitting_settings(48))
    found = SpanReader(model).invoke(task(question, *texts, title=title))
    assert bool(found.text) == bool(found.evidence)
    assert found.confidence is not None
    assert 0.0 <= found.confidence <= 1.0
    for one in found.evidence:
        text = texts[int(one.chunk_id.removeprefix("doc_"))]
        assert 0 <= one.start < one.end <= len(text)
        assert text[one.start : one.end].strip()
