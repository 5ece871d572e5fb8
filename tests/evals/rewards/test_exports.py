"""The command and its formats, row by row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evals.records import PASSAGES_FILE, QUESTIONS_FILE, read_records, write_rows
from evals.rewards.__main__ import main
from evals.rewards.formats.registry import FORMATS
from generators.base import NO_ANSWER

PARQUET = {"verl", "search-r1"}


@pytest.fixture
def export(run_directory: Path, tmp_path: Path) -> Any:
    """Export the run in a format and read the rows back."""

    def run(name: str, *flags: str, directory: Path = run_directory) -> list[dict[str, Any]]:
        out = tmp_path / f"rows.{'parquet' if name in PARQUET else 'jsonl'}"
        reader = parquet() if name in PARQUET else None
        assert main([str(directory), "--format", name, "--out", str(out), *flags]) == 0
        if reader is not None:
            rows: list[dict[str, Any]] = reader.read_table(out).to_pylist()
            return rows
        return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]

    return run


def parquet() -> Any:
    return pytest.importorskip("pyarrow.parquet", reason="pyarrow of the extra docs is not installed")


def test_jsonl_keeps_every_raw_component_beside_the_sum(export):
    rows = export("jsonl")
    assert len(rows) == 6
    right, wrong = rows[0], rows[1]
    assert right["reward"] == pytest.approx(1.0, abs=0.02)
    assert wrong["reward"] < right["reward"]
    assert right["components"]["answer_f1_lemma"] == right["components"]["citation_in_chunk"] == 1.0
    assert right["costs"] == {"searches": 1.0, "passages": 3.0}
    steps = rows[5]["steps"]
    assert [step["components"]["new_gold"] for step in steps] == [0.5, 0.5, 0.0]
    assert steps[0]["reward"] > steps[1]["reward"] > 0 > steps[2]["reward"]


def test_guessing_does_not_pay(export, run_directory, make_depth, make_unanswerable, make_answer):
    records = [
        make_depth("right", make_answer("1642 м")),
        make_depth("withheld", make_answer("636 км", abstained=True)),
        make_depth("wrong", make_answer("636 км"), metrics={"citation_gold": 0.0}),
        make_unanswerable("right", make_answer("", abstained=True)),
        make_unanswerable("wrong", make_answer("два")),
    ]
    write_rows(run_directory / QUESTIONS_FILE, records)
    right, withheld, wrong, silent, made_up = (row["reward"] for row in export("jsonl"))
    assert right > withheld > wrong
    assert silent > made_up
    assert made_up < 0


def test_trl_rows_hold_the_prompt_and_what_rewards_need(export):
    rows = export("trl")
    assert [(row["qid"], row["variant"]) for row in rows] == [
        ("depth", "bm25"),
        ("depth", "dense"),
        ("children", "bm25"),
        ("children", "dense"),
        ("river", "agent"),
    ]
    system, user = rows[0]["prompt"]
    assert (system["role"], user["role"]) == ("system", "user")
    assert "<документ 3>\nАнгара\nАнгара вытекает из Байкала.\n</документ 3>" in user["content"]
    assert rows[0]["answers"] == ["1642 м", "1642 метра"]
    assert rows[0]["passage_doc_ids"] == ["baikal", "baikal", "angara"]
    assert (rows[2]["answers"], rows[2]["answerable"]) == ([], False)


def test_trl_prm_labels_each_step(export, capsys):
    rows = export("trl-prm")
    assert rows[-1]["completions"] == [
        "<search>озеро глубиной 1642 м</search> <think>Байкала</think>",
        "<search>река из озера Байкал</search> <think>река Ангара</think>",
        "<search>Река из озера «Байкал»</search>",
        "<answer>Ангара</answer>",
    ]
    assert rows[-1]["labels"] == [True, True, False, True]
    assert rows[1]["labels"] == [True, False]
    assert all(len(row["completions"]) == len(row["labels"]) for row in rows)
    assert "left out: 2 (a step has no gold to judge it by)" in capsys.readouterr().err


def test_kto_labels_by_the_threshold(export):
    rows = export("kto")
    assert [(row["qid"], row["variant"], row["label"]) for row in rows] == [
        ("depth", "bm25", True),
        ("depth", "dense", False),
        ("children", "bm25", True),
        ("children", "dense", False),
        ("river", "agent", True),
    ]
    assert rows[0]["completion"] == [{"role": "assistant", "content": "1642 м [1]"}]
    assert rows[2]["completion"][0]["content"] == NO_ANSWER
    assert not any(row["label"] for row in export("kto", "--threshold", "1.01"))


def test_dpo_pairs_the_best_with_the_worst(export, capsys):
    depth, children = export("dpo")
    assert depth["chosen"] == [{"role": "assistant", "content": "1642 м [1]"}]
    assert depth["rejected"] == [{"role": "assistant", "content": "636 км [2]"}]
    assert (depth["chosen_variant"], depth["rejected_variant"]) == ("bm25", "dense")
    assert children["chosen"][0]["content"] == NO_ANSWER
    assert depth["chosen_reward"] - depth["rejected_reward"] >= 0.1
    reasons = capsys.readouterr().err
    assert "1 (answered by one variant only)" in reasons
    assert "1 (no gold answer)" in reasons


def test_dpo_leaves_out_what_says_the_same_or_is_worth_the_same(export, run_directory, make_depth, make_answer, capsys):
    records = [
        *(make_depth(name, make_answer(text)) for name, text in (("a", "1642 м"), ("b", "1642 М."))),
        *(
            make_depth(name, make_answer(text)).model_copy(update={"qid": "wrong"})
            for name, text in (("a", "636 км"), ("b", "79 км"))
        ),
        make_depth("a", make_answer("1642 м")).model_copy(update={"qid": "good"}),
        make_depth("b", make_answer("636 км")).model_copy(update={"qid": "good"}),
    ]
    write_rows(run_directory / QUESTIONS_FILE, records)
    assert [row["qid"] for row in export("dpo")] == ["good"]
    reasons = capsys.readouterr().err
    assert "1 (the same answer from every variant)" in reasons
    assert "1 (rewards closer than the margin)" in reasons


def test_a_better_search_does_not_prefer_a_text(export, run_directory, make_depth, make_answer):
    found = make_depth("found", make_answer("636 км"))
    missed = make_depth("missed", make_answer("79 км"), ranking=found.ranking[2:])
    right = make_depth("right", make_answer("1642 м"), ranking=found.ranking[2:])
    write_rows(run_directory / QUESTIONS_FILE, [found, missed, right])
    labels = {row["variant"]: row["reward"] for row in export("kto")}
    assert labels["found"] == labels["missed"] < labels["right"]


def test_verl_rows(export):
    rows = export("verl", "--split", "test")
    assert [row["extra_info"]["index"] for row in rows] == [0, 1, 2, 3, 4]
    first = rows[0]
    assert first["data_source"] == "russian-rag"
    assert first["reward_model"] == {
        "style": "rule",
        "ground_truth": {"target": ["1642 м", "1642 метра"], "answerable": True},
    }
    assert first["extra_info"]["split"] == "test"
    assert rows[2]["reward_model"]["ground_truth"] == {"target": [], "answerable": False}
    assert [message["role"] for message in first["prompt"]] == ["system", "user"]


def test_search_r1_rows_hold_each_question_once_and_no_passage(export, capsys):
    rows = export("search-r1")
    assert [row["id"] for row in rows] == ["depth", "children", "river"]
    (message,) = rows[0]["prompt"]
    assert message["role"] == "user"
    assert message["content"].endswith("Вопрос: Какова наибольшая глубина Байкала?")
    assert "636 км" not in message["content"]
    assert rows[0]["golden_answers"] == ["1642 м", "1642 метра"]
    assert "2 (the same question under another variant)" in capsys.readouterr().err


def test_parquet_columns_have_types_even_where_every_list_is_empty(
    export, run_directory, make_unanswerable, make_answer
):
    write_rows(run_directory / QUESTIONS_FILE, [make_unanswerable("bm25", make_answer("", abstained=True))])
    (row,) = export("search-r1")
    assert row["golden_answers"] == row["reward_model"]["ground_truth"]["target"] == []


def test_openrlhf_and_verifiers_rows(export):
    row = export("openrlhf")[0]
    assert json.loads(row["label"]) == {"target": ["1642 м", "1642 метра"], "answerable": True}
    assert row["input"][1]["role"] == "user"
    row = export("verifiers")[0]
    assert (row["name"], row["answers"]) == ("depth (bm25)", ["1642 м", "1642 метра"])
    assert isinstance(row["prompt"], str)


def test_variants_are_chosen_by_name(export, capsys):
    assert {row["variant"] for row in export("jsonl", "--variant", "bm25", "--variant", "agent")} == {"bm25", "agent"}
    assert main(["nowhere", "--format", "trl", "--out", "rows.jsonl"]) == 2
    assert "nowhere" in capsys.readouterr().err


def test_mistakes_end_with_code_2_and_leave_no_file(run_directory, tmp_path, capsys):
    out = tmp_path / "rows.jsonl"
    command = [str(run_directory), "--format", "kto", "--out", str(out)]
    assert main([*command, "--variant", "hybrid"]) == 2
    assert "--variant 'hybrid': " in capsys.readouterr().err
    (run_directory / PASSAGES_FILE).unlink()
    assert main(command) == 2
    message = capsys.readouterr().err
    assert "5 (text of a passage is not in passages.jsonl)" in message
    assert "none of 6 records makes a row of format kto" in message
    assert not out.exists()


def test_a_file_that_cannot_be_written_is_named(run_directory, tmp_path, capsys):
    (tmp_path / "file").write_text("", encoding="utf-8")
    out = tmp_path / "file" / "rows.jsonl"
    assert main([str(run_directory), "--format", "jsonl", "--out", str(out)]) == 2
    assert f"{out}: cannot be written" in capsys.readouterr().err


def test_the_records_file_may_be_named_itself(export, run_directory):
    assert export("trl", directory=run_directory / QUESTIONS_FILE) == export("trl")
    assert len(read_records(run_directory)) == 6


def test_every_format_of_the_command_is_registered():
    assert set(FORMATS) == {
        "jsonl", "trl", "trl-prm", "kto", "dpo", "verl", "search-r1", "verifiers", "openrlhf"
    }  # fmt: skip
