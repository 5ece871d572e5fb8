"""The likeliest answer inside each candidate."""

from __future__ import annotations

import threading

import pytest
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda

from generators.base import Generation
from generators.reader import OfflineReader
from rag.chain import RagChain
from rag.serve.answers.spans import MARKED, likeliest_spans
from rag.serve.work import Job, StoppedError

QUESTION = "Кто написал роман «Обломов»?"


class Nothing(BaseRetriever):
    """Finds nothing: spans are read in passages that are there."""

    def _get_relevant_documents(self, query, *, run_manager):
        raise AssertionError


class ByLength:
    """The longer the passage, the surer."""

    def confidence(self, question, generation, documents):
        (document,) = documents
        return len(document.page_content) / 1000


def reading(generator, judge=None):
    return RagChain(retriever=Nothing(), generator=generator, judge=judge)


def passage(number, text):
    return Document(id=f"a_{number}", page_content=text, metadata={"chunk_id": f"a_{number}"})


def test_each_passage_is_read_alone():
    passages = [
        passage(0, "Роман «Обломов» написал Иван Гончаров в 1859 году."),
        passage(1, "Роман хвалил Лев Толстой."),
    ]
    first, second = likeliest_spans(reading(OfflineReader()), QUESTION, passages, Job())
    assert first.text == passages[0].page_content[first.start : first.end] == "Иван Гончаров"
    assert second.text == passages[1].page_content[second.start : second.end]
    assert first.confidence > second.confidence


def test_the_judge_of_the_chain_says_what_a_passage_is_worth():
    one = passage(0, "Роман «Обломов» написал Иван Гончаров.")
    (span,) = likeliest_spans(reading(OfflineReader(), ByLength()), QUESTION, [one], Job())
    assert span.confidence == len(one.page_content) / 1000


def test_a_passage_without_candidates_has_none():
    assert likeliest_spans(reading(OfflineReader()), QUESTION, [passage(0, "…")], Job()) == [None]


def test_those_after_the_first_are_not_read():
    passages = [passage(n, "Роман «Обломов» написал Иван Гончаров.") for n in range(MARKED + 2)]
    found = likeliest_spans(reading(OfflineReader()), QUESTION, passages, Job())
    assert [one is not None for one in found] == [True] * MARKED + [False] * 2


def test_a_language_model_is_not_asked():
    asked = RunnableLambda(lambda _: pytest.fail("asked") or Generation(""))
    assert likeliest_spans(reading(asked), QUESTION, [passage(0, "Текст.")], Job()) == [None]


def test_it_stops_with_its_job():
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(StoppedError):
        likeliest_spans(reading(OfflineReader()), QUESTION, [passage(0, "Текст.")], Job(cancel=cancelled))
