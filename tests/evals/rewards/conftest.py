"""A small run: its records and passages as `python -m evals.run` writes them, and a tiny policy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evals.dataset import Hop
from evals.records import (
    PASSAGES_FILE,
    QUESTIONS_FILE,
    AnswerRecord,
    CitationRecord,
    Passage,
    QuestionRecord,
    Ranked,
    Step,
    write_rows,
)

PASSAGES = (
    Passage(chunk_id="baikal_1", doc_id="baikal", title="Байкал", text="Глубина озера достигает 1642 м."),
    Passage(chunk_id="baikal_0", doc_id="baikal", title="Байкал", text="Длина озера 636 км."),
    Passage(chunk_id="angara_0", doc_id="angara", title="Ангара", text="Ангара вытекает из Байкала."),
)
RANKING = tuple(Ranked(chunk_id=one.chunk_id, doc_id=one.doc_id, score=3.0 - n) for n, one in enumerate(PASSAGES))
DEPTH = "Какова наибольшая глубина Байкала?"


def answered(text: str, *, abstained: bool = False, cited: tuple[int, ...] = ()) -> AnswerRecord:
    citations = tuple(
        CitationRecord(chunk_id=PASSAGES[n].chunk_id, doc_id=PASSAGES[n].doc_id, quote=PASSAGES[n].text, start=0, end=9)
        for n in cited
    )
    return AnswerRecord(
        text=text,
        abstained=abstained,
        confidence=0.5,
        citations=citations,
        context_ids=tuple(one.chunk_id for one in PASSAGES),
    )


def depth_record(variant: str, answer: AnswerRecord, **values: Any) -> QuestionRecord:
    found: dict[str, Any] = {"answers": ("1642 м", "1642 метра"), "gold_doc_ids": ("baikal",), "ranking": RANKING}
    return QuestionRecord(qid="depth", variant=variant, question=DEPTH, answer=answer, **(found | values))


def unanswerable_record(variant: str, answer: AnswerRecord) -> QuestionRecord:
    return QuestionRecord(
        qid="children",
        variant=variant,
        question="Сколько детей у Байкала?",
        answerable=False,
        ranking=RANKING,
        answer=answer,
    )


def river_record() -> QuestionRecord:
    """Two hops, three searches, the third of which repeats the second in other punctuation."""
    lake, river = RANKING[0], RANKING[2]
    return QuestionRecord(
        qid="river",
        variant="agent",
        question="Какая река вытекает из озера глубиной 1642 м?",
        answers=("Ангара",),
        gold_doc_ids=("baikal", "angara"),
        hops=(
            Hop(question="У какого озера глубина 1642 м?", answer="Байкал", gold_doc_ids=("baikal",)),
            Hop(question="Какая река вытекает из Байкала?", answer="Ангара", gold_doc_ids=("angara",)),
        ),
        ranking=RANKING,
        answer=answered("Ангара"),
        steps=(
            Step(query="озеро глубиной 1642 м", ranking=(lake,), answer="Байкала"),
            Step(query="река из озера Байкал", ranking=(lake, river), answer="река Ангара"),
            Step(query="Река из озера «Байкал»", ranking=(lake,)),
        ),
    )


@pytest.fixture
def make_answer() -> Any:
    """``make_answer(text, abstained=…, cited=(numbers of passages from 0))``."""
    return answered


@pytest.fixture
def make_depth() -> Any:
    """``make_depth(variant, answer, **fields)``: the record of a question with an answer."""
    return depth_record


@pytest.fixture
def make_unanswerable() -> Any:
    """``make_unanswerable(variant, answer)``: the record of a question without one."""
    return unanswerable_record


@pytest.fixture
def river() -> QuestionRecord:
    """The record of a multi-step question."""
    return river_record()


@pytest.fixture
def run_records() -> list[QuestionRecord]:
    """Two variants of three questions, and a multi-step one; one question has no gold answer."""
    return [
        depth_record("bm25", answered("1642 м", cited=(0,)), metrics={"citation_in_chunk": 1.0, "citation_gold": 1.0}),
        depth_record("dense", answered("636 км", cited=(1,)), metrics={"citation_in_chunk": 1.0, "citation_gold": 1.0}),
        unanswerable_record("bm25", answered("два", abstained=True)),
        unanswerable_record("dense", answered("два")),
        depth_record("bm25", answered("Ангара"), answers=()).model_copy(update={"qid": "unlabelled"}),
        river_record(),
    ]


@pytest.fixture
def run_directory(tmp_path: Path, run_records: list[QuestionRecord]) -> Path:
    """Directory of a run with those records."""
    directory = tmp_path / "run"
    directory.mkdir()
    write_rows(directory / QUESTIONS_FILE, run_records)
    write_rows(directory / PASSAGES_FILE, PASSAGES)
    return directory


@pytest.fixture(scope="session")
def tiny_policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random GPT-2 that knows a dozen words, right answers among them, so that guessing is rewarded now and then."""
    torch = pytest.importorskip("torch", reason="torch of the extra hf is not installed")
    transformers = pytest.importorskip("transformers", reason="transformers of the extra hf is not installed")
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["[UNK]", "[END]", "1642", "636", "м", "км", "метра", "Ангара", "Байкал", "река", "озеро", "два"]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    wrapped = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", eos_token="[END]", pad_token="[END]", model_max_length=1024
    )
    wrapped.chat_template = "{% for message in messages %}{{ message['content'] }} {% endfor %}"
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=len(words), n_positions=1024, n_embd=32, n_layer=2, n_head=4, bos_token_id=1, eos_token_id=1
    )
    folder = tmp_path_factory.mktemp("tiny-policy")
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)
    wrapped.save_pretrained(folder)
    return folder
