from __future__ import annotations

import pytest
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.retrievers import BaseRetriever

from retrievers.documents import RERANKER, with_score
from training.examples import Example
from training.negatives.denoising import Limits
from training.negatives.mining import Miner, MiningOptions
from training.negatives.protection import Protection, Reason

QUESTION = "Кто написал роман «Обломов»?"
POSITIVE = "Роман «Обломов» написал Иван Гончаров, и напечатали его в журнале в 1859 году."


def chunk(number: int, text: str, doc_id: str = "other", title: str = "") -> Document:
    metadata = {"doc_id": doc_id, "chunk_id": f"{doc_id}_{number}", "title": title}
    return Document(text, id=f"{doc_id}_{number}", metadata=metadata)


CHUNKS = [
    chunk(0, POSITIVE, doc_id="own"),
    chunk(1, "Роман написал Лев Толстой.", title="Толстой"),
    chunk(2, "Об Иване Гончарове говорили много."),
    chunk(3, f"{POSITIVE} Так было.", doc_id="copy"),
    chunk(4, "Другая глава о романе.", doc_id="own"),
    chunk(5, "Сказку написал Пушкин."),
    chunk(6, "О погоде."),
]


class Found(BaseRetriever):
    """Finds the same chunks for every question."""

    chunks: list[Document]

    def _get_relevant_documents(self, query, *, run_manager, k: int = 10, **kwargs) -> list[Document]:
        return self.chunks[:k]


class Scores(BaseDocumentCompressor):
    """Scores by text; what it does not know gets the default."""

    known: dict[str, float]
    default: float = 0.0

    def compress_documents(self, documents, query, callbacks=None) -> list[Document]:
        scored = [with_score(one, RERANKER, self.known.get(one.page_content, self.default), 1) for one in documents]
        return scored[::-1]  # whatever the order


def example(**fields: object) -> Example:
    values = {"question": QUESTION, "passage": POSITIVE, "answers": ("Иван Гончаров",), "doc_id": "own", **fields}
    return Example.model_validate(values)


def mined(
    options: MiningOptions, scorer: Scores | None = None, *, same_document: bool = False, one: Example | None = None
) -> tuple[Example, Miner]:
    one = one or example()
    miner = Miner(Found(chunks=CHUNKS), Protection([one], same_document=same_document), options, scorer)
    return next(iter(miner.mine([one]))), miner


def test_what_answers_is_no_negative() -> None:
    result, miner = mined(MiningOptions(count=5))
    assert result.negatives == ("Толстой\nРоман написал Лев Толстой.", "Сказку написал Пушкин.", "О погоде.")
    assert dict(+miner.tally.dropped) == {
        Reason.POSITIVE: 1,
        Reason.ANSWER: 1,
        Reason.NEAR_POSITIVE: 1,
        Reason.DOCUMENT: 1,
    }
    assert (miner.tally.candidates, miner.tally.kept, miner.tally.short, miner.tally.without) == (7, 3, 1, 0)


def test_the_same_document_on_request() -> None:
    result, _ = mined(MiningOptions(count=2), same_document=True)
    assert result.negatives[1] == "Другая глава о романе."


def test_a_positive_of_another_row_of_the_question() -> None:
    rows = [example(), example(passage="О погоде.", answers=(), doc_id="else")]
    protection = Protection(rows, same_document=False)
    assert protection.reason_against(rows[0], CHUNKS[6]) is Reason.POSITIVE


def test_a_passage_labelled_as_no_answer_is_no_positive() -> None:
    protection = Protection([example(passage="О погоде.", label=0.0)], same_document=False)
    assert protection.reason_against(example(), CHUNKS[6]) is None


def test_a_rank_window() -> None:
    result, miner = mined(MiningOptions(count=5, window=(6, 6)))
    assert result.negatives == ("Сказку написал Пушкин.",)
    assert miner.tally.dropped[Reason.WINDOW] == 6


def test_the_hardest_by_score_below_the_margin_with_their_scores() -> None:
    scorer = Scores(known={POSITIVE: 3.0, "Роман написал Лев Толстой.": 2.5, "О погоде.": 1.0})
    result, miner = mined(MiningOptions(count=5, limits=Limits(margin=1.0), keep_scores=True), scorer)
    assert result.negatives == ("О погоде.", "Сказку написал Пушкин.")
    assert result.scores == (3.0, 1.0, 0.0)
    assert miner.tally.dropped[Reason.MARGIN] == 1


def test_negatives_there_were_stay_and_are_scored_too() -> None:
    scorer = Scores(known={POSITIVE: 3.0, "О погоде.": 1.0})
    one = example(negatives=("О погоде.",))
    result, miner = mined(MiningOptions(count=1, keep_scores=True), scorer, one=one)
    assert result.negatives == ("О погоде.", "Толстой\nРоман написал Лев Толстой.")
    assert result.scores == (3.0, 1.0, 0.0)
    assert miner.tally.dropped[Reason.KNOWN] == 1


def test_a_pair_labelled_0_is_left_alone() -> None:
    one = example(label=0.0)
    result, miner = mined(MiningOptions(), one=one)
    assert result == one
    assert miner.tally.candidates == 0


@pytest.mark.parametrize("answers", [True, False])
def test_common_answers_can_be_let_through(answers: bool) -> None:
    protection = Protection([example()], same_document=True, answers=answers)
    expected = Reason.ANSWER if answers else None
    assert protection.reason_against(example(), CHUNKS[2]) is expected
