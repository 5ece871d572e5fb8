"""ragas' own metrics over a loopback judge: Russian prompts arrive, failures are counted, a rerun goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evals.judged.__main__ import main
from evals.records import AnswerRecord, Passage, QuestionRecord, write_rows
from prompts.judge import judge_prompts
from rag.index import build_index
from rag.profile import load_profile

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of ragas and what it brings
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def write_run(directory: Path) -> Path:
    answers = {
        "q1": AnswerRecord(text="1642 метра", abstained=False, confidence=0.9, context_ids=("b_0", "v_0")),
        "q2": AnswerRecord(text="Волга", abstained=True, confidence=0.1, context_ids=("v_0",)),
        "q3": AnswerRecord(text="сломано", abstained=False, confidence=0.8, context_ids=("v_0",)),
    }
    records = [
        QuestionRecord(qid=qid, variant="bm25", question="Какова глубина Байкала?", answers=("1642 м",), answer=answer)
        for qid, answer in answers.items()
    ]
    passages = [
        Passage(chunk_id="b_0", doc_id="b", title="Байкал", text="Глубина Байкала — 1642 метра."),
        Passage(chunk_id="v_0", doc_id="v", title="Волга", text="Волга впадает в Каспийское море."),
    ]
    directory.mkdir()
    write_rows(directory / "questions.jsonl", records)
    write_rows(directory / "passages.jsonl", passages)
    (directory / "summary.json").write_text(json.dumps({"variants": {"bm25": {}}, "environment": {}}))
    return directory


def judge(asked: dict[str, Any]) -> str:
    """What a sensible model would say, told apart by the instruction it got."""
    [prompt] = [message["content"] for message in asked["messages"] if "Данные:" in str(message["content"])]
    data = prompt.rpartition("Данные:")[2]
    if "Разложи ответ" in prompt:
        statement = [] if "сломано" in data else ["Глубина Байкала — 1642 метра."]
        return json.dumps({"statements": statement}, ensure_ascii=False)
    if "список утверждений" in prompt:
        row = {"statement": "Глубина Байкала — 1642 метра.", "reason": "Так сказано.", "verdict": 1}
        return json.dumps({"statements": [row]}, ensure_ascii=False)
    if "помог ли отрывок" in prompt:
        return json.dumps({"reason": "Так сказано.", "verdict": int("1642 метра" in data)}, ensure_ascii=False)
    if "Придумай вопрос" in prompt:
        return json.dumps({"question": "Какова глубина Байкала?", "noncommittal": 0}, ensure_ascii=False)
    return "не JSON"


@pytest.fixture
def server(fake_openai):
    pytest.importorskip("ragas", reason="ragas of the extra judge is not installed")
    with fake_openai.serve(fake_openai.FakeOpenAI(reply=judge)) as fake:
        yield fake


def run(directory: Path, server: Any, *flags: str) -> int:
    return main([str(directory), "--base-url", server.url, "--model", "fake", *flags])


def test_answers_are_judged_and_those_that_are_not_are_counted(tmp_path, server, capsys) -> None:
    directory = write_run(tmp_path / "run")
    assert run(directory, server, "--metrics", "faithfulness,context_precision") == 0
    summary = json.loads((directory / "summary.json").read_text("utf-8"))["judged"]
    assert summary["variants"]["bm25"] == {
        "faithfulness": {"mean": 1.0, "judged": 1, "unjudged": {"abstained": 1, "empty statements": 1}},
        "context_precision": {"mean": pytest.approx(1 / 3), "judged": 3, "unjudged": {}},
    }
    assert "1.000 (1 / 2)" in capsys.readouterr().out
    rows = [json.loads(line) for line in (directory / "judged.jsonl").read_text("utf-8").splitlines()]
    assert [row["qid"] for row in rows] == ["q1", "q2", "q3"]
    assert all(request["temperature"] == 0.0 for request in server.requests)
    asked = len(server.requests)
    assert run(directory, server, "--metrics", "faithfulness,context_precision") == 0
    assert len(server.requests) == asked


def test_relevancy_compares_questions_by_the_encoder_of_an_index(tmp_path, server) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "b.txt").write_text("Глубина Байкала — 1642 метра. Озеро лежит в Сибири.", "utf-8")
    build_index([tmp_path / "corpus"], tmp_path / "index", load_profile().index, profile="offline")
    directory = write_run(tmp_path / "run")
    index = str(tmp_path / "index")
    assert run(directory, server, "--metrics", "answer_relevancy", "--limit", "1", "--index", index) == 0
    summary = json.loads((directory / "summary.json").read_text("utf-8"))["judged"]["variants"]["bm25"]
    # The judge asks back the very question that was asked.
    assert summary["answer_relevancy"] == {"mean": pytest.approx(1.0), "judged": 1, "unjudged": {}}


def test_a_judge_that_talks_nonsense_gives_no_judgement(tmp_path, server) -> None:
    directory = write_run(tmp_path / "run")
    assert run(directory, server, "--metrics", "context_recall", "--limit", "1") == 0
    summary = json.loads((directory / "summary.json").read_text("utf-8"))["judged"]["variants"]["bm25"]
    assert (summary["context_recall"]["mean"], summary["context_recall"]["judged"]) == (None, 0)
    assert sum(summary["context_recall"]["unjudged"].values()) == 1


def test_a_judge_that_goes_away_leaves_nothing_unjudged_for_good(tmp_path, server, capsys, monkeypatch) -> None:
    directory = write_run(tmp_path / "run")
    monkeypatch.setattr("evals.judged.judge.check_server", lambda options: None)  # it goes away after that
    monkeypatch.setattr(server, "status", 401)
    assert run(directory, server, "--metrics", "context_precision") == 2
    assert "run the same command again" in capsys.readouterr().err
    assert (directory / "judged.jsonl").read_text("utf-8") == ""
    monkeypatch.setattr(server, "status", 200)
    with (directory / "judged.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"qid": "torn')  # what a kill leaves
    assert run(directory, server, "--metrics", "context_precision") == 0
    summary = json.loads((directory / "summary.json").read_text("utf-8"))["judged"]["variants"]["bm25"]
    assert summary["context_precision"] == {"mean": pytest.approx(1 / 3), "judged": 3, "unjudged": {}}


def test_mistakes_exit_with_two(tmp_path, server, capsys) -> None:
    directory = write_run(tmp_path / "run")
    for flags, message in (
        (["--metrics", "truth"], "unknown 'truth'; known: faithfulness"),
        (["--model", "other"], "has no model 'other'; it has fake"),
        (["--variants", "dense"], "unknown 'dense'; known: bm25"),
        (["--limit", "0"], "--limit: expected at least 1"),
        (["--metrics", ","], "--metrics: expected at least one of faithfulness"),
        (["--timeout", "0"], "--timeout: expected seconds above 0"),
        (["--base-url", "http://127.0.0.1:9/v1"], "no judge at http://127.0.0.1:9/v1"),
    ):
        assert run(directory, server, "--metrics", "faithfulness", *flags) == 2
        assert message in capsys.readouterr().err
    assert not (directory / "judged.jsonl").exists()
    assert run(tmp_path, server) == 2
    assert "no finished run" in capsys.readouterr().err


def test_judgements_of_another_judge_are_not_mixed_in(tmp_path, server, capsys) -> None:
    directory = write_run(tmp_path / "run")
    assert run(directory, server, "--metrics", "context_precision", "--limit", "1") == 0
    assert run(directory, server, "--metrics", "faithfulness") == 2
    assert "another judge or other metrics" in capsys.readouterr().err


def test_the_examples_in_the_prompts_fit_the_models_of_ragas() -> None:
    pytest.importorskip("ragas", reason="ragas of the extra judge is not installed")
    from ragas.metrics.collections.answer_relevancy.util import AnswerRelevancePrompt
    from ragas.metrics.collections.context_precision.util import ContextPrecisionPrompt
    from ragas.metrics.collections.context_recall.util import ContextRecallPrompt
    from ragas.metrics.collections.faithfulness.util import NLIStatementPrompt, StatementGeneratorPrompt

    theirs = {
        "statements": StatementGeneratorPrompt,
        "verdicts": NLIStatementPrompt,
        "relevance": AnswerRelevancePrompt,
        "precision": ContextPrecisionPrompt,
        "recall": ContextRecallPrompt,
    }
    assert theirs.keys() == judge_prompts().keys()
    for task, prompt in judge_prompts().items():
        assert prompt.examples
        for given, wanted in prompt.examples:
            theirs[task].input_model.model_validate(given, strict=True)
            theirs[task].output_model.model_validate(wanted, strict=True)
