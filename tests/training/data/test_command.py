from __future__ import annotations

import json

import pytest

from training.data.__main__ import main
from training.data.formats import FORMATS
from training.examples import read_examples, write_examples


@pytest.fixture
def pages(tmp_path, write_lines):
    """A table of sixty questions over twenty pages, with a duplicate."""
    rows = [
        {
            "question": f"Как зовут мастера номер {at} в цехе {at % 20}?",
            "passage": f"Мастер {at} работает в цехе {at % 20}.",
            "answer": f"Мастер {at}",
            "doc_id": f"цех {at % 20}",
        }
        for at in range(60)
    ]
    return write_lines(tmp_path / "rows.jsonl", [*rows, rows[7]])


def test_a_folder_with_sets_and_a_manifest(pages, tmp_path, run, read_lines) -> None:
    ran = run(
        pages, "--format", "columns", "--out", tmp_path / "out", "--split", "0.8", "0.1", "0.1", "--deduplicate",
        "--near", "1", "--seed", "0", "--licence", "CC0-1.0", "--source", "shop",
    )  # fmt: skip
    assert (ran.code, ran.err) == (0, "")
    assert "train │   48" in ran.out.replace("┃", "│")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))
    assert manifest["sets"]["dev"] == {
        "rows": 6,
        "groups": 2,
        "questions": 6,
        "with_answers": 6,
        "with_answer_in_place": 6,
        "with_negatives": 0,
        "labelled": 0,
    }
    assert manifest["removed"] == {"duplicate": 1}
    assert (manifest["licence"], manifest["sources"]) == ("CC0-1.0", {"shop": 60})
    assert manifest["options"] == {
        "source": "shop",
        "split": [0.8, 0.1, 0.1],
        "seed": 0,
        "near": 1.0,
        "deduplicate": True,
    }
    assert [entry["name"] for entry in manifest["outputs"]] == ["train.jsonl", "dev.jsonl", "test.jsonl"]
    assert str(tmp_path) not in json.dumps(manifest)
    documents = [
        {row.doc_id for row in read_examples(tmp_path / "out" / f"{name}.jsonl")} for name in ("train", "test")
    ]
    assert not documents[0] & documents[1]


def test_the_same_input_gives_the_same_bytes(pages, tmp_path, run) -> None:
    for name in ("one", "two"):
        assert run(pages, "--format", "columns", "--out", tmp_path / name, "--split", "0.5", "0.5").code == 0
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_without_a_split_all_is_training_data_and_its_own_format_is_read_again(pages, tmp_path, run) -> None:
    assert run(pages, "--format", "columns", "--out", tmp_path / "one").code == 0
    assert run(tmp_path / "one" / "train.jsonl", "--format", "examples", "--out", tmp_path / "two").code == 0
    assert [path.name for path in sorted((tmp_path / "two").iterdir())] == ["manifest.json", "train.jsonl"]
    assert read_examples(tmp_path / "two" / "train.jsonl") == read_examples(tmp_path / "one" / "train.jsonl")


def test_evaluation_questions_are_left_out_counted_and_shown(pages, tmp_path, run, write_lines, read_lines) -> None:
    held = write_lines(
        tmp_path / "eval.jsonl", [{"qid": "1", "question": "Как зовут мастера номер 3 в цехе номер 3, скажи?"}]
    )
    ran = run(pages, "--format", "columns", "--out", tmp_path / "out", "--held-out", held, "--near", "0.81")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))
    assert manifest["removed"] == {"nearly an evaluation question": 1}
    assert manifest["held_out"]["questions"] == 1
    assert "some of what was left out" in ran.out
    assert "номер 3 в цехе 3?" not in (tmp_path / "out" / "train.jsonl").read_text("utf-8")


def test_a_limit_reads_no_further(tmp_path, write_lines, run, read_lines) -> None:
    path = write_lines(tmp_path / "rows.jsonl", [{"question": "а", "passage": "б"}, "no JSON at all"])
    assert run(path, "--format", "columns", "--out", tmp_path / "out", "--limit", "1").code == 0
    assert len(read_lines(tmp_path / "out" / "train.jsonl")) == 1


def test_skipped_records_are_counted(tmp_path, write_lines, run) -> None:
    path = write_lines(tmp_path / "rows.jsonl", [{"question": "а", "passage": "б"}, {"question": "", "passage": "б"}])
    ran = run(path, "--format", "columns", "--out", tmp_path / "out")
    assert "a text is empty" in ran.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "{out}", "{pages}"], "expected --format NAME"),
        (["--format", "columns", "--out", "{out}"], "expected INPUT"),
        (["--format", "columns", "{pages}"], "expected --out DIR"),
        (["--format", "columns", "--out", "{out}", "{out}/none.jsonl"], "none.jsonl: no such file"),
        (["--format", "columns", "--out", "{pages}", "{pages}"], "--out"),
        (["--format", "columns", "--out", "{out}", "--graded", "{pages}"], "--graded says nothing to --format columns"),
        (["--format", "squad", "--out", "{out}", "--negatives", "0", "{pages}"], "--negatives says nothing"),
        (["--format", "rubq", "--out", "{out}", "{pages}"], "--format rubq needs --paragraphs"),
        (["--format", "columns", "--out", "{out}", "--limit", "0", "{pages}"], "--limit"),
        (["--format", "columns", "--out", "{out}", "--held-out-passages", "{pages}"], "needs --held-out"),
        (["--format", "columns", "--out", "{out}", "--near", "2", "--deduplicate", "{pages}"], "similarity"),
        (["--format", "columns", "--out", "{out}", "{pages}", "--split", "0.5"], "two shares"),
        (["--format", "columns", "--out", "{out}", "{pages}", "--held-out", "{pages}"], "none of the 61 examples"),
        (["--format", "squad", "--out", "{out}", "{pages}"], "field answers"),
    ],
)
def test_mistakes_end_in_one_line_and_write_nothing(arguments, message, pages, tmp_path, refused) -> None:
    filled = [argument.format(out=tmp_path / "out", pages=pages) for argument in arguments]
    assert message in refused(*filled)


def test_a_folder_is_replaced_only_by_force(pages, tmp_path, run, refused) -> None:
    arguments = [pages, "--format", "columns", "--out", tmp_path / "out"]
    assert run(*arguments).code == 0
    before = (tmp_path / "out" / "train.jsonl").read_bytes()
    assert "--force" in refused(*arguments, "--limit", "1")
    assert (tmp_path / "out" / "train.jsonl").read_bytes() == before
    assert run(*arguments, "--limit", "1", "--force").code == 0
    assert len(read_examples(tmp_path / "out" / "train.jsonl")) == 1


def test_a_folder_of_other_files_is_never_replaced(pages, tmp_path, refused) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").touch()
    arguments = [pages, "--format", "columns", "--out", tmp_path / "home", "--force"]
    assert "files of other kinds (thesis.txt)" in refused(*arguments)


def test_labelled_pairs_are_cut_behind_the_split(tmp_path, write_lines, run) -> None:
    rows = [{"question": f"Где дом {at}?", "passage": f"Дом {at}.", "negatives": [f"Дом {at + 1}."]} for at in range(8)]
    path = write_lines(tmp_path / "rows.jsonl", rows)
    flags = ("--format", "columns", "--split", "0.5", "0.5", "--labelled")
    assert run(path, *flags, "--out", tmp_path / "out").code == 0
    parts = [read_examples(tmp_path / "out" / f"{name}.jsonl") for name in ("train", "dev")]
    assert [[row.label for row in part] for part in parts] == [[1.0, 0.0] * 4] * 2


def test_empty_inputs(tmp_path, refused) -> None:
    (tmp_path / "empty.jsonl").write_text("\n")
    assert "no example was read" in refused(tmp_path / "empty.jsonl", "--format", "columns", "--out", tmp_path / "out")


def test_the_list_tells_every_format(capsys) -> None:
    assert main(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(FORMATS)


def test_every_evaluation_file_at_hand_is_kept_out_of_its_own_training_data(shared_data, tmp_path, run) -> None:
    questions = shared_data / "ruwiki" / "rubq_dev.jsonl"
    ran = run(questions, "--format", "questions", "--out", tmp_path / "out", "--held-out", questions)
    assert (ran.code, ran.out) == (2, "")
    assert "none of the 323 examples is left" in ran.err
    assert not (tmp_path / "out").exists()


def test_pairs_written_by_another_command_can_be_split(tmp_path, run) -> None:
    from training.examples import Example

    rows = [Example(question=f"Где дом {at}?", passage=f"Дом {at} на горе.", negatives=("Нигде.",)) for at in range(9)]
    write_examples(tmp_path / "pairs.jsonl", rows)
    assert (
        run(tmp_path / "pairs.jsonl", "--format", "examples", "--out", tmp_path / "out", "--split", "0.6", "0.4").code
        == 0
    )
    parts = [read_examples(tmp_path / "out" / f"{name}.jsonl") for name in ("train", "dev")]
    assert sorted(map(len, parts)) == [4, 5]
    assert sorted((row for part in parts for row in part), key=lambda row: row.question) == rows
