"""Votes become questions that the evaluation reads."""

from __future__ import annotations

import json
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.dataset import read_questions
from rag.serve.feedback import FeedbackFile, unjudged_beside

pytest.importorskip("fastapi", reason="fastapi of the extra serve is not installed")

QUESTION = "Какова наибольшая глубина Байкала?"
UP = {"question": QUESTION, "vote": "up", "answer": "1642 м", "chunk_ids": ["baikal_0"], "doc_ids": ["baikal"]}


@pytest.fixture
def kept(service) -> Path:
    return service.options.feedback


def send(client, **vote) -> str:
    response = client.post("/api/feedback", json=vote)
    assert response.status_code == 201, response.text
    return response.json()["qid"]


def test_a_vote_up_makes_the_answer_gold(client, kept):
    qid = send(client, **UP)
    (question,) = read_questions(kept)
    assert (question.qid, question.question, question.answerable) == (qid, QUESTION, True)
    assert (question.answers, question.gold_doc_ids, question.gold_chunk_ids) == (("1642 м",), ("baikal",), ())


def test_a_vote_up_for_an_abstention_makes_the_question_unanswerable(client, kept):
    send(client, question="Кто открыл Плутон?", vote="up", answer="Ответа нет.", abstained=True, doc_ids=["baikal"])
    (question,) = read_questions(kept)
    assert (question.answers, question.gold_doc_ids, question.answerable) == ((), (), False)


def test_a_right_answer_takes_the_place_of_the_wrong_one(client, kept):
    """Its document is gold where a passage that was read holds it; the wrong answer's documents are not."""
    whole = client.get("/api/documents/baikal").json()
    holding = next(
        chunk["chunk_id"] for chunk in whole["chunks"] if "1642" in whole["text"][chunk["start"] : chunk["end"]]
    )
    vote = {
        "question": QUESTION,
        "vote": "down",
        "answer": "636 км",
        "correct_answer": " 1642 м ",
        "doc_ids": ["lem"],
    }
    send(client, **vote, chunk_ids=["lem_0", holding, "gone_7"])
    send(client, **vote, chunk_ids=["lem_0"])
    first, second = read_questions(kept)
    assert (first.answers, first.gold_doc_ids, first.answerable) == (("1642 м",), ("baikal",), True)
    assert (second.answers, second.gold_doc_ids) == (("1642 м",), ())


def test_that_an_answer_is_wrong_says_nothing_an_evaluation_could_use(client, kept):
    send(client, question=QUESTION, vote="down", answer="636 км", doc_ids=["baikal"])
    assert not kept.exists()
    (question,) = read_questions(unjudged_beside(kept))
    assert (question.answers, question.gold_doc_ids) == ((), ())


def test_that_an_abstention_is_wrong_says_that_there_is_an_answer(client, kept):
    send(client, question=QUESTION, vote="down", answer="Ответа нет.", abstained=True)
    (question,) = read_questions(kept)
    assert (question.answers, question.answerable) == ((), True)


def test_what_the_evaluation_does_not_read_stands_beside(client, kept, service):
    send(client, **UP)
    record = json.loads(kept.read_text(encoding="utf-8"))
    assert (record["vote"], record["given"], record["chunk_ids"]) == ("up", "1642 м", ["baikal_0"])
    assert record["profile"] == "offline"
    assert record["generation"] == service.snapshots.directory.joinpath("CURRENT.json").read_text().split('"')[-2]
    assert record["time"].endswith("+00:00")


def test_votes_go_through_an_evaluation(client, kept, demo_copy, tmp_path):
    """The metrics that a run reports are those that the votes say something about."""
    from evals.run.__main__ import main

    send(client, **UP)
    send(client, question="Кто открыл Плутон?", vote="up", answer="Ответа нет.", abstained=True)
    one_pipeline = ["--retrievers", "bm25", "--compressor", "off", "--answers", "--jobs", "1"]
    code = main([str(kept), "--index", str(demo_copy), "--out", str(tmp_path / "run"), *one_pipeline])
    assert code == 0
    lines = (tmp_path / "run" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    answerable, unanswerable = (json.loads(line) for line in lines)
    assert answerable["metrics"]["hit@1"] == 1.0
    assert "em" in answerable["metrics"]
    assert "hit@1" not in unanswerable["metrics"]
    assert "em" not in unanswerable["metrics"]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"question": " "}, "question"),
        ({"question": "а" * 2001}, "question"),
        ({"vote": "sideways"}, "vote"),
        ({"answer": "а" * 20_001}, "answer"),
        ({"answer": "  "}, None),
        ({"correct_answer": "1637 м"}, None),
        ({"vote": "down", "correct_answer": ""}, "correct_answer"),
        ({"doc_ids": [""]}, "doc_ids.0"),
        ({"doc_ids": ["x"] * 101}, "doc_ids"),
        ({"chunk_ids": ["x" * 2001]}, "chunk_ids.0"),
        ({"qid": "mine"}, "qid"),
    ],
)
def test_what_is_no_vote_is_refused(client, kept, change, param):
    response = client.post("/api/feedback", json=UP | change)
    assert response.status_code == 422
    assert response.json()["error"]["param"] == param
    assert not kept.exists()


@pytest.mark.parametrize("options", [{"read_only": True}, {"feedback": None}])
def test_a_service_that_keeps_none_says_so(make_service, client_of, demo_copy, options):
    with client_of(make_service(**options)) as opened:
        response = opened.post("/api/feedback", json=UP)
    assert (response.status_code, response.json()["error"]["code"]) == (403, "read_only")
    assert not (demo_copy.parent / "feedback.jsonl").exists()


def test_a_file_that_cannot_be_written_is_the_services_trouble(make_service, client_of, tmp_path):
    with client_of(make_service(feedback=tmp_path)) as opened:
        response = opened.post("/api/feedback", json=UP)
    assert (response.status_code, response.json()["error"]["code"]) == (500, "internal")
    assert str(tmp_path) not in response.text


# The file.


def lines_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_bytes().removesuffix(b"\n").split(b"\n")]


def test_votes_at_once_are_lines_of_their_own(client, kept):
    with ThreadPoolExecutor(8) as pool:
        qids = list(pool.map(lambda _: send(client, **UP), range(40)))
    assert len(set(qids)) == 40
    assert sorted(question.qid for question in read_questions(kept)) == sorted(qids)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_the_file_is_its_owners(tmp_path):
    FeedbackFile(tmp_path / "f.jsonl").append({})
    assert stat.S_IMODE((tmp_path / "f.jsonl").stat().st_mode) == 0o600


def test_half_a_line_that_a_crash_left_is_removed(tmp_path):
    path = tmp_path / "f.jsonl"
    path.write_bytes(b'{"n": 1}\n{"n": 2, "question": "\xd0')
    FeedbackFile(path).append({"n": 3})
    assert lines_of(path) == [{"n": 1}, {"n": 3}]


def test_a_last_line_without_its_end_is_kept(tmp_path):
    path = tmp_path / "f.jsonl"
    path.write_bytes(b'{"n": 1}\n{"n": 2}')
    FeedbackFile(path).append({"n": 3})
    assert lines_of(path) == [{"n": 1}, {"n": 2}, {"n": 3}]


@given(st.lists(st.dictionaries(st.text(max_size=9), st.text(max_size=99)), max_size=4), st.integers(0, 400))
def test_wherever_a_crash_cuts_the_file_the_whole_lines_stay(tmp_path_factory, records, cut):
    path = tmp_path_factory.mktemp("cut") / "f.jsonl"
    file = FeedbackFile(path)
    for record in records:
        file.append(record)
    content = path.read_bytes()[:cut] if records else b""
    path.write_bytes(content)
    file.append({"n": 1})
    assert lines_of(path)[: content.count(b"\n")] == records[: content.count(b"\n")]
    assert lines_of(path)[-1] == {"n": 1}


def test_a_long_torn_line_is_found_from_its_beginning(tmp_path):
    path = tmp_path / "f.jsonl"
    path.write_bytes(b'{"n": 1}\n{"given": "' + "а".encode() * 200_000)
    FeedbackFile(path).append({"n": 3})
    assert lines_of(path) == [{"n": 1}, {"n": 3}]


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    from rag.serve import feedback

    path = tmp_path / "f.jsonl"
    file = FeedbackFile(path)
    file.append({"n": 1})
    write = feedback.os.write
    monkeypatch.setattr(feedback.os, "write", lambda handle, line: write(handle, line[:5]))
    with pytest.raises(OSError, match="No space left"):
        file.append({"n": 2})
    monkeypatch.undo()
    assert path.read_bytes() == b'{"n": 1}\n'
