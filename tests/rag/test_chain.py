"""The chain over small fakes: what passes between the stages, and that every way of calling it agrees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from pydantic import Field

from generators.base import NO_ANSWER, Evidence, Generation, ReadingTask
from rag.answer import Answer
from rag.chain import RagChain
from retrievers.documents import with_score
from retrievers.errors import InputError

SOURCE = "Байкал — озеро в Сибири. Его глубина достигает 1642 метров. Вода прозрачна."


def chunk(doc_id: str, index: int, start: int, text: str) -> Document:
    chunk_id = f"{doc_id}_{index}"
    metadata = {"chunk_id": chunk_id, "doc_id": doc_id, "title": "Байкал", "start": start, "end": start + len(text)}
    return Document(id=chunk_id, page_content=text, metadata=metadata)


FIRST = chunk("baikal", 0, 0, SOURCE[:24])
SECOND = chunk("baikal", 1, 25, SOURCE[25:])


class FixedRetriever(BaseRetriever):
    documents: list[Document]
    asked: list[dict[str, Any]] = Field(default_factory=list)

    def _get_relevant_documents(self, query, *, run_manager, k: int = 4, filter=None):
        return self.search(query, k, filter)

    async def _aget_relevant_documents(self, query, *, run_manager, k: int = 4, filter=None):
        return self.search(query, k, filter)

    def search(self, query, k, filter):
        self.asked.append({"query": query, "k": k, "filter": filter})
        return [with_score(document, "fixed", 10.0 - n, n + 1) for n, document in enumerate(self.documents[:k])]


class Reversing(BaseDocumentCompressor):
    def compress_documents(self, documents, query, callbacks=None):
        return [with_score(document, "reversing", n, n + 1) for n, document in enumerate(reversed(documents))]


class Reader(Runnable[ReadingTask, Generation]):
    """Answers from the chunk that holds a needle, if it was given that chunk."""

    def __init__(self, needle: str, confidence: float | None = 0.75) -> None:
        self.needle, self.confidence = needle, confidence

    def invoke(self, input: ReadingTask, config: RunnableConfig | None = None, **kwargs) -> Generation:
        for document in input.documents:
            start = document.page_content.find(self.needle)
            if start >= 0:
                span = Evidence(document.metadata["chunk_id"], start, start + len(self.needle))
                return Generation(self.needle, self.confidence, (span,))
        return Generation("")


class Writer(Reader):
    """The same, streamed word by word."""

    def __init__(self, needle: str) -> None:
        super().__init__(needle, confidence=None)

    def stream(self, input: ReadingTask, config: RunnableConfig | None = None, **kwargs) -> Iterator[Generation]:
        whole = self.invoke(input)
        words = whole.text.split(" ")
        for n, word in enumerate(words):
            yield Generation(word if n == 0 else f" {word}")
        yield Generation("", evidence=whole.evidence)

    async def astream(self, input: ReadingTask, config: RunnableConfig | None = None, **kwargs):
        for part in self.stream(input):
            yield part


class FixedJudge:
    def __init__(self, value: float) -> None:
        self.value = value

    def confidence(self, question: str, generation: Generation, documents: Sequence[Document]) -> float:
        assert documents
        return self.value


def make_chain(**options: Any) -> RagChain:
    defaults = {"retriever": FixedRetriever(documents=[FIRST, SECOND]), "generator": Reader("1642 метров")}
    return RagChain(**(defaults | options))


def untimed(answer: Answer) -> dict[str, Any]:
    return {key: value for key, value in answer.to_dict().items() if key != "timings"}


def test_the_citation_points_into_the_source() -> None:
    answer = make_chain().invoke("Какова глубина Байкала?")
    assert answer.answer == "1642 метров"
    assert not answer.abstained
    [citation] = answer.citations
    assert citation.quote == "Его глубина достигает 1642 метров."
    assert SOURCE[citation.start : citation.end] == citation.quote
    assert citation.quote[citation.answer_start : citation.answer_end] == "1642 метров"
    assert (citation.doc_id, citation.chunk_id, citation.title) == ("baikal", "baikal_1", "Байкал")
    assert [context.chunk_id for context in answer.contexts] == ["baikal_0", "baikal_1"]
    assert answer.contexts[0].scores == {"fixed": 10.0}
    assert set(answer.timings) == {"retrieve", "generate", "total"}
    assert all(seconds >= 0 for seconds in answer.timings.values())


def test_the_compressor_orders_a_wider_pool_and_scores_survive() -> None:
    retriever = FixedRetriever(documents=[FIRST, SECOND])
    answer = make_chain(retriever=retriever, compressor=Reversing(), pool=20, k=1).invoke("Какова глубина?")
    assert retriever.asked[-1]["k"] == 20
    [context] = answer.contexts
    assert context.chunk_id == "baikal_1"
    assert context.scores == {"fixed": 9.0, "reversing": 0.0}
    assert answer.citations[0].score == 0.0
    assert "rerank" in answer.timings


def test_k_and_filter_are_options_of_a_call() -> None:
    retriever = FixedRetriever(documents=[FIRST, SECOND])
    chain = make_chain(retriever=retriever)
    answer = chain.invoke("Какова глубина?", k=1, filter={"topic": "география"})
    assert retriever.asked[-1] == {"query": "Какова глубина?", "k": 1, "filter": {"topic": "география"}}
    assert answer.abstained  # the passage with the answer was not among the first k
    assert answer.answer == NO_ANSWER
    assert answer.citations == ()
    assert [context.chunk_id for context in answer.contexts] == ["baikal_0"]


def test_a_low_confidence_is_withheld() -> None:
    answer = make_chain(min_confidence=0.8).invoke("Какова глубина?")
    assert answer.abstained
    assert answer.confidence == 0.75
    assert make_chain(min_confidence=0.7).invoke("Какова глубина?").answer == "1642 метров"
    judged = make_chain(min_confidence=0.7, judge=FixedJudge(0.2)).invoke("Какова глубина?")
    assert judged.abstained
    assert judged.confidence == 0.2


def test_nothing_found_is_an_abstention_without_asking_the_generator() -> None:
    def refuse(task: ReadingTask) -> Generation:
        raise AssertionError("asked to read nothing")

    chain = make_chain(retriever=FixedRetriever(documents=[]), generator=RunnableLambda(refuse))
    for answer in (chain.invoke("Кто там?"), sum_parts(chain.stream("Кто там?"))):
        assert (answer.answer, answer.abstained, answer.confidence) == (NO_ANSWER, True, 0.0)


def sum_parts(parts: Iterator[Answer]) -> Answer:
    first, *rest = parts
    for part in rest:
        first = first + part
    return first


@pytest.mark.parametrize("generator", [Reader("1642 метров"), Writer("1642 метров"), Writer("нет такого")])
@pytest.mark.parametrize("min_confidence", [0.0, 0.5, 0.9])
async def test_every_way_of_calling_agrees(generator, min_confidence) -> None:
    chain = make_chain(generator=generator, min_confidence=min_confidence, judge=FixedJudge(0.6))
    question = "Какова глубина Байкала?"
    expected = untimed(chain.invoke(question))
    assert untimed(await chain.ainvoke(question)) == expected
    assert untimed(chain.batch([question])[0]) == expected
    assert untimed(sum_parts(chain.stream(question))) == expected
    assert untimed(sum_parts(iter([part async for part in chain.astream(question)]))) == expected


def test_streaming_shows_contexts_first_then_words() -> None:
    parts = list(make_chain(generator=Writer("1642 метров")).stream("Какова глубина?"))
    assert parts[0].contexts
    assert parts[0].answer == ""
    assert [part.answer for part in parts[1:-1]] == ["1642", " метров"]
    assert parts[-1].citations


def test_text_that_may_be_withheld_is_not_streamed() -> None:
    chain = make_chain(generator=Writer("1642 метров"), min_confidence=0.5, judge=FixedJudge(0.1))
    assert [part.answer for part in chain.stream("Какова глубина?")] == ["", NO_ANSWER]


def test_chosen_passages_are_streamed_as_found_ones_are() -> None:
    chain = make_chain(generator=Writer("1642 метров"))
    parts = list(chain.stream_read("Какова глубина?", [SECOND]))
    assert [one.chunk_id for one in parts[0].contexts] == ["baikal_1"]
    assert [part.answer for part in parts] == ["", "1642", " метров", ""]
    withheld = make_chain(generator=Writer("1642 метров"), min_confidence=0.5, judge=FixedJudge(0.1))
    assert [part.answer for part in withheld.stream_read("Какова глубина?", [SECOND])] == ["", NO_ANSWER]


def test_it_composes_with_other_runnables() -> None:
    chain = RunnableLambda(str.strip) | make_chain() | RunnableLambda(lambda answer: answer.answer)
    assert chain.invoke("  Какова глубина?  ") == "1642 метров"


def test_callbacks_reach_every_stage() -> None:
    class Recorder(BaseCallbackHandler):
        def __init__(self) -> None:
            self.started: list[str] = []

        def on_chain_start(self, serialized, inputs, **kwargs) -> None:
            self.started.append(kwargs["name"])

        def on_retriever_start(self, serialized, query, **kwargs) -> None:
            self.started.append(kwargs["name"])

    recorder = Recorder()
    chain = make_chain(compressor=Reversing(), generator=RunnableLambda(Reader("1642 метров").invoke))
    chain.invoke("Какова глубина?", {"callbacks": [recorder]})
    assert recorder.started == ["RagChain", "retrieve", "rerank", "generate"]


@pytest.mark.parametrize("question", ["", "  \n", "я", "???", "🦄🦄", "42", "а" * 100_000])
async def test_a_question_without_words_is_refused(question: str) -> None:
    chain = make_chain()
    with pytest.raises(InputError, match="question"):
        chain.invoke(question)
    with pytest.raises(InputError, match="question"):
        await chain.ainvoke(question)


def test_a_latin_question_is_a_question() -> None:
    assert make_chain().invoke("How deep is Lake Baikal?").answer == "1642 метров"


def test_a_misspelt_option_is_an_error() -> None:
    with pytest.raises(ValueError, match="Extra inputs"):
        make_chain(top_k=3)
    with pytest.raises(TypeError, match="top_k"):
        make_chain().invoke("Какова глубина?", top_k=3)


async def test_the_halves_make_the_whole() -> None:
    chain = make_chain(compressor=Reversing(), k=1)
    found = chain.search("Какова глубина Байкала?")
    assert [document.id for document in found.documents] == ["baikal_1", "baikal_0"]
    assert list(found.timings) == ["retrieve", "total", "rerank"]
    assert (await chain.asearch("Какова глубина Байкала?")).documents == found.documents
    whole = untimed(chain.invoke("Какова глубина Байкала?"))
    assert untimed(chain.read(found.question, found.documents[:1])) == whole
    assert untimed(await chain.aread(found.question, found.documents[:1])) == whole
    assert untimed(sum_parts(chain.stream_read(found.question, found.documents[:1]))) == whole
    parts = [part async for part in chain.astream_read(found.question, found.documents[:1])]
    assert untimed(sum_parts(iter(parts))) == whole


def test_somebody_elses_choice_of_passages_is_read() -> None:
    chain = make_chain()
    assert chain.read("Какова глубина Байкала?", [FIRST]).abstained
    assert chain.read("Какова глубина Байкала?", []).contexts == ()
    assert chain.search("Байкал", k=1).documents[0].id == "baikal_0"
    with pytest.raises(InputError):
        chain.search("?!")
