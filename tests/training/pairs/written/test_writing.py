"""The whole way through a loopback server that speaks as a chat model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("langchain_openai", reason="langchain_openai of the extra chat is not installed")

from tests.training.pairs.samples import PAGES
from training.examples import read_examples
from training.pairs.__main__ import main
from training.pairs.written.asking import WriterOptions, ask_all
from training.pairs.written.requests import Request

GOOD = {"question": "Кто написал роман «Обломов»?", "answer": "Иван Гончаров"}


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    path = tmp_path / "pages.jsonl"
    texts = [
        f"{page['text'].split('==')[0]} Роман «Обломов» написал Иван Гончаров. {'Снова зима. ' * 10}" for page in PAGES
    ]
    rows = [{**page, "text": text} for page, text in zip(PAGES, texts, strict=True)]
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return path


def written(pages: Path, out: Path, url: str, *flags: str) -> int:
    flags = ("--base-url", url, "--model", "fake", "--reader", "none", "--retries", "0", *flags)
    return main([str(pages), "--kind", "written", "--out", str(out), *flags])


def test_examples_and_what_was_refused(pages, tmp_path, fake_openai, capsys) -> None:
    says = iter([GOOD, {"question": "Кто он?", "answer": "Иван Гончаров"}, "не JSON"])
    fake = fake_openai.FakeOpenAI(reply=lambda asked: json.dumps(next(says), ensure_ascii=False))
    out = tmp_path / "out.jsonl"
    with fake_openai.serve(fake):
        assert written(pages, out, fake.url) == 0
    examples = read_examples(out)
    assert [example.question for example in examples] == [GOOD["question"]]
    assert examples[0].passage.startswith(examples[0].answers[0], examples[0].answer_start)
    table = capsys.readouterr().out
    assert "left out: no JSON with a question" in table
    assert "left out: question too short or too long" in table


def test_the_prompt_fences_the_passage(pages, tmp_path, fake_openai) -> None:
    fake = fake_openai.FakeOpenAI(text=json.dumps(GOOD, ensure_ascii=False))
    with fake_openai.serve(fake):
        assert written(pages, tmp_path / "out.jsonl", fake.url) == 0
    prompt = fake.requests[0]["messages"][0]["content"]
    assert "Байкал" in prompt
    assert '"question", "answer"' in prompt


def test_a_span_is_named_to_the_model(pages, tmp_path, fake_openai) -> None:
    fake = fake_openai.FakeOpenAI(text='{"question": "О чём помнит журнал «Нива»?"}')
    out = tmp_path / "out.jsonl"
    with fake_openai.serve(fake):
        assert written(pages, out, fake.url, "--about", "span") == 0
    for example in read_examples(out):
        given = json.dumps(example.answers[0], ensure_ascii=False)
        assert any(f'"answer": {given}' in asked["messages"][0]["content"] for asked in fake.requests)


def test_a_rerun_goes_on_where_the_last_one_stopped(pages, tmp_path, fake_openai, capsys) -> None:
    out = tmp_path / "out.jsonl"
    fake = fake_openai.FakeOpenAI(reply=lambda asked: json.dumps(GOOD, ensure_ascii=False))
    with fake_openai.serve(fake):
        assert written(pages, out, fake.url, "--limit", "1") == 0
        before = len(fake.requests)
        replies = tmp_path / "out.jsonl.replies.jsonl"
        with replies.open("a", encoding="utf-8") as stream:
            stream.write('{"key": "cut off')
        assert written(pages, out, fake.url) == 0
    assert len(fake.requests) == 3
    assert before < 3
    assert len(read_examples(out)) == 3


def test_a_server_that_is_gone_leaves_the_replies_and_no_examples(pages, tmp_path, fake_openai, capsys) -> None:
    fake = fake_openai.FakeOpenAI(status=500)
    out = tmp_path / "out.jsonl"
    with fake_openai.serve(fake):
        assert written(pages, out, fake.url) == 2
    assert not out.exists()
    assert "HTTP 500" in capsys.readouterr().err


def test_a_failed_request_is_asked_again(fake_openai) -> None:
    from training.pairs.corpus import Passage

    fake = fake_openai.FakeOpenAI(text="{}", status=503)
    pauses: list[float] = []
    kept: list[object] = []

    def recover(seconds: float) -> None:
        pauses.append(seconds)
        fake.status = 200

    with fake_openai.serve(fake):
        options = WriterOptions(base_url=fake.url, model="fake", retries=2)
        replies = list(ask_all(iter([Request(Passage("1", "Т", "Текст."))]), options, keep=kept.append, pause=recover))
    assert [reply.text for reply in replies] == ["{}"]
    assert kept == replies
    assert pauses == [1.0]


def test_the_reader_must_find_the_answer_again(pages, tmp_path, fake_openai, capsys) -> None:
    wrong = {"question": "Где находится озеро Байкал?", "answer": "Снова зима"}
    says = [GOOD, wrong, wrong]
    fake = fake_openai.FakeOpenAI(reply=lambda asked: json.dumps(says[len(fake.requests) - 1], ensure_ascii=False))
    out = tmp_path / "out.jsonl"
    with fake_openai.serve(fake):
        flags = ["--base-url", fake.url, "--model", "fake", "--retries", "0"]
        assert main([str(pages), "--kind", "written", "--out", str(out), *flags]) == 0
    assert [example.question for example in read_examples(out)] == [GOOD["question"]]
    assert "left out: a reader answers otherwise" in capsys.readouterr().out
