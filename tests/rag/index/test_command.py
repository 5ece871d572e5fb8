from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rag.index import __main__ as command
from rag.index import open_index
from tests.rag.index.samples import generations

ROWS = [
    {"doc_id": "baikal", "title": "Байкал", "text": "Байкал — озеро. Глубина 1642 м.", "topic": "география"},
    {"doc_id": "volga", "title": "Волга", "text": "Волга впадает в Каспийское море.", "topic": "география"},
]


def write_rows(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "documents.jsonl", ROWS)


@pytest.fixture
def built(tmp_path: Path, documents: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """An index that the command built, with the shipped offline profile."""
    assert command.main(["build", str(documents), "--index", str(tmp_path / "index")]) == 0
    said = capsys.readouterr()
    assert said.out == f"{tmp_path / 'index'}: 2 added; documents: 2, chunks: 2\n"
    assert said.err == ""  # no bar where there is no terminal
    return tmp_path / "index"


def test_a_life_of_an_index(built: Path, documents: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed = [*ROWS[:1], {**ROWS[1], "text": "Волга длиннее всех рек Европы."}, {"id": "ob", "text": "Обь — река."}]
    write_rows(documents, changed)
    assert command.main(["add", str(documents), "--index", str(built)]) == 0
    assert "1 added, 1 changed, 1 unchanged; documents: 3, chunks: 3" in capsys.readouterr().out
    assert command.main(["remove", "--doc-id", "ob", "baikal", "--index", str(built)]) == 0
    assert "2 removed; documents: 1, chunks: 1" in capsys.readouterr().out
    assert command.main(["verify", "--index", str(built)]) == 0
    assert capsys.readouterr().out == "the index is sound\n"
    assert command.main(["compact", "--index", str(built)]) == 0
    assert capsys.readouterr().out.endswith("nothing to merge; documents: 1, chunks: 1\n")
    out = built.parent / "out.jsonl"
    assert command.main(["export", "--index", str(built), "--out", str(out)]) == 0
    assert json.loads(out.read_text(encoding="utf-8")) == changed[1]
    with open_index(built) as index:
        assert index.dense().invoke("реки Европы")[0].id == "volga_0"


def test_info_in_words_and_as_json(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["info", "--index", str(built)]) == 0
    assert "documents   2" in capsys.readouterr().out
    assert command.main(["info", "--index", str(built), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["documents"], facts["chunks"], facts["profile"], facts["store"]) == (2, 2, "offline", "chroma")
    assert facts["options"]["chunking"]["size"] == 600


def test_verify_finds_problems_and_says_so_by_its_code(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path,) = built.glob("encoders/*/terms.json")
    path.write_text(path.read_text(encoding="utf-8").replace("1", "2", 1), encoding="utf-8")
    assert command.main(["verify", "--index", str(built)]) == 1
    assert capsys.readouterr().out.endswith("problems found\n")
    assert command.main(["verify", "--index", str(built), "--json"]) == 1
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert problem["part"] == "files"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build", "нет.jsonl", "--index", "{index}"], "нет.jsonl"),
        (["build", "{documents}", "--index", "{documents}"], "is a file"),
        (["build", "{documents}", "--index", "{folder}"], "neither empty nor an index"),
        (["build", "{documents}", "--index", "{index}", "--profile", "нет"], "unknown profile"),
        (["build", "{documents}", "--index", "{index}", "--store", "куда-нибудь"], "http://host:port"),
        (["build", "{documents}", "--index", "{index}", "--store", "http://127.0.0.1:1"], "does not open"),
        (["add", "{documents}", "--index", "{index}"], "no index"),
        (["remove", "--doc-id", "a", "--index", "{index}"], "no index"),
        (["info", "--index", "{index}"], "no index"),
        (["verify", "--index", "{folder}"], "is not an index"),
        (["export", "--index", "{index}", "--out", "{folder}/out.jsonl"], "no index"),
    ],
)
def test_foreseeable_mistakes(
    tmp_path: Path, documents: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"index": tmp_path / "index", "documents": documents, "folder": tmp_path}
    assert command.main([argument.format(**places) for argument in arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    assert message in said.err
    assert not (tmp_path / "index").exists()


def test_wrong_flags_end_with_two(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["destroy"], ["build", "--index", "x"]):
        with pytest.raises(SystemExit) as ended:
            command.main(arguments)
        assert ended.value.code == 2
    capsys.readouterr()


def test_ctrl_c_and_a_full_disk(
    built: Path, documents: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = generations(built)
    for error, code, message in (
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (OSError(28, os.strerror(28)), 2, f"error: {os.strerror(28)}; the index is as it was before\n"),
    ):

        def stop(*args: object, error: BaseException = error) -> None:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr("rag.index.writing.write_manifest", stop)
            assert command.main(["build", str(documents), "--index", str(built)]) == code
        assert capsys.readouterr().err == message
        assert generations(built) == before
    assert command.main(["verify", "--index", str(built)]) == 0


def test_a_bar_on_a_terminal(
    built: Path, documents: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert command.main(["build", str(documents), "--index", str(built)]) == 0
    said = capsys.readouterr()
    assert "chunking" in said.err
    assert "2 added" in said.out
