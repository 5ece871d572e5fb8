from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.pairs.samples import PAGES
from training.examples import read_examples
from training.pairs.__main__ import main
from training.pairs.arguments import Kind, build_parser


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    path = tmp_path / "pages.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as stream:
        stream.writelines(json.dumps(page, ensure_ascii=False) + "\n" for page in PAGES)
    return path


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.WRITTEN])
def test_every_kind_makes_pairs_with_their_facts(kind: Kind, pages: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "out" / "pairs.jsonl"
    assert main([str(pages), "--kind", kind, "--out", str(out)]) == 0
    examples = read_examples(out)
    assert {example.source.partition(":")[0] for example in examples} == {kind.value}
    facts = json.loads((tmp_path / "out" / "pairs.manifest.json").read_text(encoding="utf-8"))
    assert facts["rows"] == len(examples) == sum(facts["sources"].values())
    assert str(tmp_path) not in json.dumps(facts)
    assert f"{len(examples)} pairs" in capsys.readouterr().out


def test_an_evaluation_question_does_not_come_out(pages: Path, tmp_path: Path) -> None:
    free, filtered = tmp_path / "free.jsonl", tmp_path / "filtered.jsonl"
    main([str(pages), "--kind", "cloze", "--reworded", "0", "--out", str(free)])
    held_out = read_examples(free)[0].question
    evaluation = tmp_path / "eval.jsonl"
    evaluation.write_text(json.dumps({"question": held_out}, ensure_ascii=False), encoding="utf-8")
    arguments = [str(pages), "--kind", "cloze", "--reworded", "0", "--held-out", str(evaluation)]
    assert main([*arguments, "--out", str(filtered)]) == 0
    assert held_out not in {example.question for example in read_examples(filtered)}
    facts = json.loads((tmp_path / "filtered.manifest.json").read_text(encoding="utf-8"))
    assert facts["removed"]["evaluation question"] >= 1


def test_a_limit_takes_pairs_from_all_over(pages: Path, tmp_path: Path) -> None:
    out = tmp_path / "few.jsonl"
    assert main([str(pages), "--kind", "heading", "--limit", "3", "--out", str(out)]) == 0
    assert len(read_examples(out)) == 3


def test_folders_and_packed_files_are_read(tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard", reason="zstandard is not installed")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "лёд.md").write_text(f"# Лёд\n\n{PAGES[0]['text']}", encoding="utf-8")
    lines = "".join(json.dumps(page, ensure_ascii=False) + "\n" for page in PAGES)
    (tmp_path / "pages.jsonl.zst").write_bytes(zstandard.ZstdCompressor().compress(lines.encode()))
    out = tmp_path / "pairs.jsonl"
    sources = [str(tmp_path / "docs"), str(tmp_path / "pages.jsonl.zst")]
    assert main([*sources, "--kind", "inverse-cloze", "--out", str(out)]) == 0
    assert len({example.doc_id for example in read_examples(out)}) == 1 + len(PAGES)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "name documents"),
        (["нет.jsonl"], "no such file"),
        (["PAGES", "--limit", "0"], "--limit"),
        (["PAGES", "--kept-share", "2"], "--kept-share"),
        (["PAGES", "--held-out", "нет.jsonl"], "нет.jsonl"),
    ],
)
def test_mistakes_are_told_in_one_line_and_leave_nothing(flags, message, pages: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "out.jsonl"
    flags = [str(pages) if flag == "PAGES" else flag for flag in flags]
    assert main([*flags, "--kind", "title", "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not out.exists()


def test_a_corpus_without_pairs_is_an_error(tmp_path: Path, capsys) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Коротко.", encoding="utf-8")
    assert main([str(path), "--kind", "cloze", "--out", str(tmp_path / "o.jsonl")]) == 2
    assert "no pairs came out" in capsys.readouterr().err


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from training.pairs.arguments import build_parser; build_parser().format_help(); "
    code += "bad = {'torch', 'transformers', 'slovnet', 'navec'} & set(sys.modules); sys.exit(str(bad) if bad else 0)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_flag_is_explained() -> None:
    assert all(action.help for action in build_parser()._actions)
