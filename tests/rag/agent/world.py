"""A small world for the agent's tests: a few articles, real lexical search over them, and a reader who knows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from langchain_core.documents import Document
from langchain_core.runnables import Runnable, RunnableConfig

from generators.base import Evidence, Generation, ReadingTask
from rag.agent.agent import QaAgent
from rag.agent.checking import EvidenceCheck
from rag.agent.options import AgentOptions
from rag.chain import RagChain
from retrievers.analysis import Analyzer
from retrievers.bm25 import BM25Retriever

ARTICLES = {
    "Солярис": "«Солярис» — роман Станислава Лема о живом океане. Роман издан в 1961 году.",
    "Станислав Лем": "Станислав Лем родился во Львове. Отец писателя был врачом.",
    "Обломов": "Роман «Обломов» написал Иван Гончаров. Он вышел в 1859 году.",
    "Иван Гончаров": "Иван Гончаров родился в Симбирске и служил цензором.",
    "Львов": "Львов — город на западе Украины. Во Львове делали керосиновые лампы.",
    "Симбирск": "Симбирск стоит на Волге. Город основан в 1648 году.",
}
QUESTION = "В каком городе родился автор романа «Солярис»?"


def chunks() -> list[Document]:
    documents = []
    for number, (title, text) in enumerate(ARTICLES.items()):
        doc_id = f"d{number}"
        metadata = {"chunk_id": f"{doc_id}_0", "doc_id": doc_id, "title": title, "start": 0, "end": len(text)}
        documents.append(Document(id=f"{doc_id}_0", page_content=text, metadata=metadata))
    return documents


class Reader(Runnable[ReadingTask, Generation]):
    """Answers the questions it knows with the words it was told, from the passage that holds them.

    Args:
        known: by question, its answers, likeliest first, each with the confidence in it.
    """

    def __init__(self, known: Mapping[str, Sequence[tuple[str, float]]]) -> None:
        self.known = known
        self.asked: list[str] = []

    def alternatives(self, task: ReadingTask, n: int) -> list[Generation]:
        self.asked.append(task.question)
        found = [self._placed(task, *answer) for answer in self.known.get(task.question, ())]
        return [one for one in found if one is not None][:n]

    def invoke(self, input: ReadingTask, config: RunnableConfig | None = None, **kwargs) -> Generation:
        return next(iter(self.alternatives(input, 1)), Generation("", 0.0))

    def _placed(self, task: ReadingTask, text: str, confidence: float) -> Generation | None:
        for document in task.documents:
            surface = next((form for form in FORMS.get(text, (text,)) if form in document.page_content), None)
            if surface is not None:
                start = document.page_content.index(surface)
                return Generation(text, confidence, (Evidence(str(document.id), start, start + len(surface)),))
        return None


# How the articles word what the reader answers in the nominative.
FORMS = {"Станислав Лем": ("Станислава Лема",), "Львов": ("Львове",), "Симбирск": ("Симбирске",), "океан": ("океане",)}
KNOWN = {
    "Кто написал роман «Солярис»?": [("Станислав Лем", 0.6)],
    "Где родился Станислав Лем?": [("Львов", 0.7)],
    "Где родился Иван Гончаров?": [("Симбирск", 0.8)],
    "Кто написал роман «Обломов»?": [("Иван Гончаров", 0.9)],
    "Когда вышел роман «Солярис»?": [("1961 году", 0.9)],
    "Когда вышел роман «Обломов»?": [("1859 году", 0.8)],
    "О чём роман «Обломов»?": [("Роман", 0.01)],
}


def build(
    known: Mapping[str, Sequence[tuple[str, float]]] = KNOWN, planner=None, ways=None, bridge=None, **options
) -> QaAgent:
    """An agent over the world; ``chain.generator.asked`` tells what was read."""
    documents = chunks()
    retriever = BM25Retriever.from_documents(documents, k=5)
    min_confidence = options.pop("min_confidence", 0.1)
    chain = RagChain(retriever=retriever, generator=Reader(known), k=3, pool=5, min_confidence=min_confidence)
    settings = AgentOptions(**options)
    check = EvidenceCheck(Analyzer(), lambda term: 1.0, min_confidence=0.1, min_coverage=settings.coverage)
    return QaAgent(chain, planner, check, ways=ways, bridge=bridge, options=settings)
