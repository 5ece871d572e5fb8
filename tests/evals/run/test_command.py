"""The command as a user runs it, over the demo index: figures, files, resuming, mistakes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evals.records import read_passages, read_records
from evals.run.__main__ import main
from evals.run.directory import only_process
from rag.index import build_index, open_index
from rag.profile import load_profile

ROOT = Path(__file__).resolve().parents[3]
QUESTIONS = 12


@pytest.fixture(scope="module")
def index_directory(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("index") / "demo"
    build_index([ROOT / "rag" / "demo" / "corpus"], directory, load_profile().index, profile="offline")
    return directory


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    """Every thirtieth demo question: plain, two-article and unanswerable ones."""
    lines = (ROOT / "rubq_eval.jsonl").read_text("utf-8").splitlines()[::30][:QUESTIONS]
    path = tmp_path_factory.mktemp("data") / "some.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def run(dataset: Path, index: Path, out: Path, *flags: str) -> int:
    return main([str(dataset), "--index", str(index), "--out", str(out), "--jobs", "1", *flags])


@pytest.fixture(scope="module")
def finished(tmp_path_factory, dataset, index_directory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "whole"
    assert run(dataset, index_directory, out, "--answers", "--retrievers", "bm25,coverage") == 0
    return out


def untimed(directory: Path) -> list[dict]:
    rows = [record.model_dump() for record in read_records(directory)]
    for row in rows:
        del row["timings"]
    return rows


def test_files_and_shape_of_the_summary(finished, dataset) -> None:
    summary = json.loads((finished / "summary.json").read_text("utf-8"))
    assert list(summary) == [
        "dataset", "cutoffs", "depth", "k", "threshold", "variants", "comparisons", "environment",
    ]  # fmt: skip
    assert list(summary["variants"]) == ["bm25", "bm25+rerank", "coverage", "coverage+rerank"]
    bm25 = summary["variants"]["bm25"]
    for name in ("hit@1", "mrr@10", "ndcg@10", "em", "f1", "em_lemma_forced", "citation_in_chunk"):
        assert 0.0 <= bm25[name] <= 1.0
    assert set(bm25["latency"]) == {"retrieve", "generate", "total"}
    assert set(summary["variants"]["coverage+rerank"]["latency"]) == {
        "retrieve", "rerank", "select", "generate", "total",
    }  # fmt: skip
    low, high = bm25["intervals"]["f1"]
    assert low <= bm25["f1"] <= high
    assert sum(bm25["failures"].values()) <= summary["dataset"]["questions"] == QUESTIONS
    # The demo questions know no paragraph: their passages are told by the words of the answer.
    assert 0 < summary["dataset"]["with_passage"] == summary["dataset"]["guessed_passages"]
    pairs = {(one["baseline"], one["candidate"]) for one in summary["comparisons"] if one["metric"] == "f1"}
    assert len(pairs) == 6
    assert (finished / "trec" / "qrels.txt").is_file()
    assert (finished / "trec" / "coverage+rerank.run").is_file()


def test_records_are_whole_and_their_passages_are_there(finished) -> None:
    records, passages = read_records(finished), read_passages(finished)
    assert len(records) == 4 * QUESTIONS
    for record in records:
        assert record.answer is not None
        assert len({hit.chunk_id for hit in record.ranking}) == len(record.ranking) <= 50
        assert record.answer.context_ids == tuple(hit.chunk_id for hit in record.ranking[:5])
        assert set(record.answer.context_ids) <= passages.keys()
        assert ("em" in record.metrics) == bool(record.answers)
        for citation in record.answer.citations:
            assert citation.quote in passages[citation.chunk_id].text
    assert any(record.answer and record.answer.abstained and record.answer.text for record in records)


def test_every_mean_is_over_the_questions_that_have_the_metric(finished) -> None:
    summary = json.loads((finished / "summary.json").read_text("utf-8"))
    records = [record for record in read_records(finished) if record.variant == "bm25"]
    values = [record.metrics["f1"] for record in records if record.answers]
    assert summary["variants"]["bm25"]["counts"]["f1"] == len(values) < QUESTIONS
    assert summary["variants"]["bm25"]["f1"] == pytest.approx(sum(values) / len(values))


def test_several_processes_measure_the_same(finished, tmp_path, dataset, index_directory) -> None:
    assert (
        run(dataset, index_directory, tmp_path / "two", "--answers", "--retrievers", "bm25,coverage", "--jobs", "2")
        == 0
    )
    assert untimed(tmp_path / "two") == untimed(finished)


def test_a_killed_run_goes_on_to_the_same_results(finished, tmp_path, dataset, index_directory) -> None:
    out = tmp_path / "killed"
    flags = ["--index", index_directory, "--out", out, "--answers", "--retrievers", "bm25,coverage", "--jobs", "2"]
    command = [sys.executable, "-m", "evals.run", dataset, *flags]
    process = subprocess.Popen(
        list(map(str, command)), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    records = out / "questions.jsonl"
    deadline = time.monotonic() + 120
    while not (records.exists() and records.read_bytes().count(b"\n") >= 3):
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    _wait_for_the_workers(process.pid)
    before = records.read_bytes().count(b"\n")
    assert before < 4 * QUESTIONS
    assert not (out / "summary.json").exists()
    with records.open("ab") as file:
        file.write(b'{"qid": "torn')  # what a write cut short leaves
    assert run(dataset, index_directory, out, "--answers", "--retrievers", "bm25,coverage") == 0
    assert untimed(out) == untimed(finished)
    measured = {(record.qid, record.variant): record.timings for record in read_records(out)}
    assert len(measured) == 4 * QUESTIONS


def _wait_for_the_workers(group: int) -> None:
    """Workers of a killed run end by themselves; a test that never ends says that they do not."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    os.killpg(group, signal.SIGKILL)
    pytest.fail("worker processes outlived their killed parent by a minute")


def test_a_finished_run_is_not_measured_again(tmp_path, dataset, index_directory, monkeypatch) -> None:
    out = tmp_path / "again"
    assert run(dataset, index_directory, out, "--retrievers", "bm25", "--compressor", "off") == 0
    before = (out / "questions.jsonl").read_bytes()
    monkeypatch.setattr("evals.run.measuring.Bench.measure", lambda *_: pytest.fail("measured again"))
    assert run(dataset, index_directory, out, "--retrievers", "bm25", "--compressor", "off") == 0
    assert (out / "questions.jsonl").read_bytes() == before


def test_the_default_directory_has_a_name_for_each_configuration(
    tmp_path, dataset, index_directory, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    for flags in (["--k", "1,5"], ["--k", "1,5"], ["--k", "1,10"]):
        assert main([str(dataset), "--index", str(index_directory), "--jobs", "1", "--retrievers", "bm25", *flags]) == 0
    names = [path.name for path in (tmp_path / "runs").iterdir()]
    assert len(names) == 2
    assert all(name.startswith("some-") for name in names)
    assert "hit@10" in capsys.readouterr().out


def test_gold_chunks_of_the_file_are_taken_at_their_word(tmp_path, index_directory) -> None:
    question = {"qid": "q", "question": "Какова глубина Байкала?", "answers": ["1642 м"], "gold_doc_ids": ["baikal"]}
    with open_index(index_directory) as index:
        doc_id = next(doc for doc in index.chunks.doc_ids() if "baikal" in doc)
        gold = index.chunks.chunks_of(doc_id)[1].id
    file = tmp_path / "chunks.jsonl"
    file.write_text(json.dumps({**question, "gold_doc_ids": [doc_id], "gold_chunk_ids": [gold]}), "utf-8")
    assert run(file, index_directory, tmp_path / "out", "--retrievers", "bm25", "--compressor", "off") == 0
    [record] = read_records(tmp_path / "out")
    assert record.relevant_chunk_ids == (gold,)
    assert json.loads((tmp_path / "out" / "summary.json").read_text("utf-8"))["dataset"]["guessed_passages"] == 0


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--retrievers", "bm52"], "unknown 'bm52'; known: bm25"),
        (["--compressor", "maybe"], "unknown 'maybe'; known: on, off"),
        (["--k", "1,x"], "expected whole numbers"),
        (["--k", "0"], "--k: "),
        (["--limit", "0"], "--limit: "),
        (["--jobs", "0"], "--jobs: expected at least 1"),
        (["--set", "compressor.kind=none"], "measure it with --compressor off"),
        (["--set", "retrieval.neighbors=1"], "neighbors"),
    ],
)
def test_mistakes_are_named_and_nothing_is_made(flags, message, tmp_path, dataset, index_directory, capsys) -> None:
    assert run(dataset, index_directory, tmp_path / "out", *flags) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_directories_that_hold_something_else_are_left_alone(
    finished, tmp_path, dataset, index_directory, capsys
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert run(dataset, index_directory, tmp_path) == 2
    assert "holds no run" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    before = (finished / "questions.jsonl").read_bytes()
    assert run(dataset, index_directory, finished, "--limit", "3") == 2
    assert "run with another options" in capsys.readouterr().err
    assert (finished / "questions.jsonl").read_bytes() == before


def test_a_file_of_another_corpus_is_refused(tmp_path, index_directory, capsys) -> None:
    file = tmp_path / "other.jsonl"
    file.write_text('{"qid": "q", "question": "Кто?", "gold_doc_ids": ["12345"]}', "utf-8")
    assert run(file, index_directory, tmp_path / "out") == 2
    assert "do not belong together" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_some_missing_documents_are_counted(tmp_path, dataset, index_directory, capsys) -> None:
    row = {"qid": "extra", "question": "Кто написал?", "answers": ["Никто"], "gold_doc_ids": ["12345"]}
    file = tmp_path / "more.jsonl"
    file.write_text(dataset.read_text("utf-8") + "\n" + json.dumps(row, ensure_ascii=False), "utf-8")
    assert run(file, index_directory, tmp_path / "out", "--retrievers", "bm25", "--compressor", "off") == 0
    assert "gold documents that are not in the index: 1, counted as not found" in capsys.readouterr().out
    summary = json.loads((tmp_path / "out" / "summary.json").read_text("utf-8"))
    assert summary["variants"]["bm25"]["counts"]["hit@1"] > 0
    extra = next(record for record in read_records(tmp_path / "out") if record.qid == "extra")
    assert extra.metrics["hit@20"] == 0.0


def test_two_commands_do_not_write_one_run(finished, dataset, index_directory, capsys) -> None:
    before = (finished / "questions.jsonl").read_bytes()
    with only_process(finished):
        assert run(dataset, index_directory, finished, "--answers", "--retrievers", "bm25,coverage") == 2
    assert "another process is at work" in capsys.readouterr().err
    assert (finished / "questions.jsonl").read_bytes() == before


def test_what_kills_left_is_cleared_away(tmp_path, dataset, index_directory) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in (".lock", ".run.json-abc"):  # killed before run.json was whole
        (out / name).touch()
    flags = ("--retrievers", "bm25", "--compressor", "off", "--limit", "2")
    assert run(dataset, index_directory, out, *flags) == 0
    before = untimed(out)
    (out / ".questions.jsonl-abc").write_text("{", "utf-8")  # killed in the last rewrite, before the summary
    for name in ("summary.json", "passages.jsonl"):
        (out / name).unlink()
    assert run(dataset, index_directory, out, *flags) == 0
    assert untimed(out) == before
    assert {path.name for path in out.iterdir() if path.is_file()} >= {"summary.json", "passages.jsonl"}
    assert [path.name for path in out.glob(".*")] == [".lock"]


def test_a_place_that_cannot_be_written_to_is_named(tmp_path, dataset, index_directory, capsys) -> None:
    (tmp_path / "file").write_text("mine")
    assert run(dataset, index_directory, tmp_path / "file" / "out") == 2
    assert "cannot be written" in capsys.readouterr().err
    assert run(dataset, index_directory, tmp_path / "file") == 2
    assert "holds no run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"question": "  "}, "qid 'q': field question: the question is empty"),
        ({"question": "?!"}, "qid 'q': field question: .*holds no word"),
        ({"gold_chunk_ids": ["elsewhere_0"]}, "field gold_chunk_ids: .* has none of the 1 chunks"),
    ],
)
def test_questions_that_cannot_be_asked_are_found_before_any_is(
    fields, message, tmp_path, index_directory, capsys
) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text(json.dumps({"qid": "q", "question": "Кто такой Гончаров?"} | fields), "utf-8")
    assert run(file, index_directory, tmp_path / "out") == 2
    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


def test_what_a_reader_of_the_table_must_know_stands_under_it(tmp_path, dataset, index_directory, capsys) -> None:
    question = json.loads(dataset.read_text("utf-8").splitlines()[0]) | {"answers": []}
    file = tmp_path / "q[bold]1.jsonl"
    file.write_text(json.dumps(question, ensure_ascii=False), "utf-8")
    flags = ("--retrievers", "bm25", "--compressor", "off", "--answers", "--depth", "7", "--k", "10,1")
    assert run(file, index_directory, tmp_path / "[red]out", *flags) == 0
    shown = capsys.readouterr().out
    assert "q[bold]1.jsonl: 1 questions" in " ".join(shown.split())
    assert "only 7 candidates were fetched (--depth): metrics at 10 see no more than those" in shown
    assert "questions without a gold answer: 1 (0 of them unanswerable)" in shown
    assert str(tmp_path / "[red]out") in shown
