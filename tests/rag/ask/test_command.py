"""The command as a user runs it, over the demo index: output, exit codes, and every kind of bad input."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import rag.demo
from generators.base import NO_ANSWER
from rag.ask import __main__ as command
from rag.profile import load_profile

DEPTH = "Какова наибольшая глубина Байкала?"


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory) -> Path:
    """A user's cache of our own, so that the demo index is built once for this file."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rag.demo.platformdirs, "user_cache_path", lambda name: folder / name)
        rag.demo.open_demo_index(load_profile()).close()
        yield folder


def ask(capsys, *flags: str) -> tuple[int, str, str]:
    code = command.main(list(flags))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def feed(monkeypatch, lines: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines), encoding="utf-8"))


def test_an_answer_with_its_sources(capsys) -> None:
    code, out, err = ask(capsys, DEPTH)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "1642 м"
    assert lines[1].startswith("Уверенность: 0,")
    assert "Байкал · документ baikal · фрагмент baikal_" in out
    assert "**1642 м**" in out


def test_json_has_every_field_and_offsets_are_real(capsys) -> None:
    code, out, _ = ask(capsys, DEPTH, "--json", "--k", "3")
    assert code == 0
    [line] = out.splitlines()
    answer = json.loads(line)
    assert list(answer) == [
        "question", "answer", "abstained", "confidence", "citations", "contexts", "timings",
    ]  # fmt: skip
    assert answer["question"] == DEPTH
    assert len(answer["contexts"]) == 3
    assert {"chunk_id", "doc_id", "title", "text", "scores"} == set(answer["contexts"][0])
    assert {"bm25", "hybrid", "cross_encoder"} <= set(answer["contexts"][0]["scores"])
    assert {"retrieve", "rerank", "generate", "total"} <= set(answer["timings"])
    source = (rag.demo.demo_corpus() / "geography" / "baikal.md").read_text(encoding="utf-8")
    citation = answer["citations"][0]
    with rag.demo.open_demo_index(load_profile()) as index:
        text = index.chunks.document(citation["doc_id"]).text
    assert text[citation["start"] : citation["end"]] == citation["quote"]
    assert citation["quote"] in source
    assert citation["quote"][citation["answer_start"] : citation["answer_end"]] == "1642 м"


@pytest.mark.parametrize("retriever", ["bm25", "tfidf", "dense", "hybrid", "coverage"])
def test_every_retriever_answers(capsys, retriever: str) -> None:
    code, out, _ = ask(capsys, DEPTH, "--retriever", retriever, "--json", "--min-confidence", "0")
    assert code == 0
    answer = json.loads(out)
    assert any(context["doc_id"] == "baikal" for context in answer["contexts"])
    assert retriever in answer["contexts"][0]["scores"]


def test_streaming_prints_the_same(capsys) -> None:
    _, plain, _ = ask(capsys, DEPTH)
    _, streamed, _ = ask(capsys, DEPTH, "--stream")
    assert streamed == plain


def test_contexts_neighbours_and_filters(capsys) -> None:
    _, out, _ = ask(capsys, DEPTH, "--show-contexts", "--set", "retrieval.neighbours=1")
    assert "Контексты" in out
    _, out, _ = ask(capsys, DEPTH, "--json", "--filter", "topic=спорт", "--min-confidence", "0")
    with rag.demo.open_demo_index(load_profile()) as index:
        topics = {index.chunks.document(c["doc_id"]).metadata["topic"] for c in json.loads(out)["contexts"]}
    assert topics == {"спорт"}


def test_a_question_the_corpus_cannot_answer(capsys) -> None:
    code, out, _ = ask(capsys, "Как приготовить тирамису без маскарпоне?")
    assert code == 0
    assert out.splitlines()[0] == NO_ANSWER
    assert "Ближайшие фрагменты" in out
    _, out, _ = ask(capsys, DEPTH, "--min-confidence", "1", "--json")
    assert json.loads(out)["abstained"]


def test_one_question_a_line_from_standard_input(capsys, monkeypatch) -> None:
    feed(monkeypatch, f"{DEPTH}\n\nя\nКто такой Витус Беринг?\n".encode())
    code, out, err = ask(capsys, "--json")
    assert code == 2
    assert "line 3 of standard input" in err
    answers = [json.loads(line) for line in out.splitlines()]
    assert [set(answer) == {"question", "error"} for answer in answers] == [False, True, False]
    assert answers[0]["answer"] == "1642 м"


def test_a_line_in_another_encoding_is_named(capsys, monkeypatch) -> None:
    feed(monkeypatch, DEPTH.encode("cp1251") + b"\n" + DEPTH.encode())
    code, out, err = ask(capsys)
    assert code == 2
    assert "line 1 of standard input" in err
    assert out.startswith("1642 м")


def test_an_interactive_prompt_goes_on_after_a_bad_question(capsys, monkeypatch) -> None:
    asked = iter(["я", DEPTH, ""])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda prompt: next(asked))
    code, out, err = ask(capsys)
    assert code == 0
    assert "1642 м" in out
    assert "error: the question" in err


@pytest.mark.parametrize("question", ["", " ", "я", "?!", "🦄🦄", "а " * 50_000])
def test_a_question_without_words_or_too_long(capsys, question: str) -> None:
    code, out, err = ask(capsys, question)
    assert (code, out) == (2, "")
    assert err.startswith("error: the question")
    assert err.count("\n") == 1


@pytest.mark.parametrize("question", ["How deep is Lake Baikal?", "Baikal 🌊 глубина"])
def test_a_question_in_latin_or_with_emoji_is_a_question(capsys, question: str) -> None:
    code, out, err = ask(capsys, question)
    assert (code, err) == (0, "")
    assert out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--profile", "ofline"], "unknown profile 'ofline'; known: offline, quality, small"),
        (["--retriever", "elastic"], "'bm25', 'tfidf', 'dense', 'hybrid' or 'coverage'"),
        (["--k", "0"], "retrieval.k"),
        (["--min-confidence", "2"], "abstention.min_confidence"),
        (["--set", "retrieval.top=3"], "retrieval.top"),
        (["--filter", '{"topic": {"$like": "с"}}'], r"$like"),
        (["--index", "/nonexistent/index"], "/nonexistent/index"),
    ],
)
def test_a_wrong_option_is_named(capsys, flags: list[str], message: str) -> None:
    code, out, err = ask(capsys, DEPTH, *flags)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert "Traceback" not in err


def test_directories_that_are_no_index(capsys, tmp_path) -> None:
    empty, foreign = tmp_path / "empty", tmp_path / "foreign"
    empty.mkdir()
    foreign.mkdir()
    (foreign / "notes.txt").write_text("не индекс")
    for directory in (empty, foreign, foreign / "notes.txt"):
        code, out, err = ask(capsys, DEPTH, "--index", str(directory))
        assert (code, out) == (2, "")
        assert str(directory) in err


def test_a_profile_for_another_encoder_is_refused(capsys) -> None:
    directory = rag.demo.demo_index_directory(load_profile())
    code, _, err = ask(capsys, DEPTH, "--index", str(directory), "--profile", "small")
    assert code == 2
    assert "intfloat/multilingual-e5-small" in err


def test_the_installed_command_pulls_in_no_torch(cache) -> None:
    """In a process of its own: imports, cold start, UTF-8 output under any locale, a closed pipe."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "PYTHONIOENCODING": "utf-8"}
    program = (
        "import sys; from rag.ask.__main__ import main; code = main(sys.argv[1:]);"
        "heavy = {'torch', 'transformers', 'sklearn', 'natasha'} & set(sys.modules); sys.stderr.write(str(heavy));"
        "sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, DEPTH], capture_output=True, text=True, encoding="utf-8", env=environment
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1642 м")
    assert done.stderr.endswith("set()")
