from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from rag.documents.rows import SourceDocument
from rag.errors import RagIndexError
from rag.index import AnalysisOptions, IndexOptions, prepare
from retrievers.analysis import TermForm

SOURCE = SourceDocument("a", "Байкал", "Озёра Сибири.\n\n## Лёд\n\nЛёд толстый.", {"topic": "география"})


def test_a_document_becomes_rows() -> None:
    rows = prepare.prepare(SOURCE, IndexOptions())
    assert [SOURCE.text[row.start : row.end] for row in rows] == ["Озёра Сибири.", "Лёд толстый."]
    assert [row.terms for row in rows] == ["байкал озеро сибирь", "байкал лед лед толстый"]
    assert [(row.chunk_index, row.headings, row.metadata) for row in rows] == [(0, "", {}), (1, "Лёд", {})]


def test_analysis_options_reach_the_terms() -> None:
    options = IndexOptions(analysis=AnalysisOptions(form=TermForm.WORD))
    assert prepare.prepare(SOURCE, options)[0].terms == "байкал озера сибири"


def test_entities_become_metadata() -> None:
    pytest.importorskip("retrievers.entities")
    source = SourceDocument("p", "", "Александр Пушкин родился в Москве.", {})
    (row,) = prepare.prepare(source, IndexOptions(entities=True))
    assert ["Москва", "LOC"] in json.loads(row.metadata["entities"])


def test_documents_are_read_as_they_are_needed() -> None:
    read: list[int] = []

    def sources() -> object:
        for number in range(1000):
            read.append(number)
            yield SourceDocument(f"d{number}", "", "слово " * 5000, {})

    first = next(iter(prepare.prepare_all(sources(), IndexOptions())))  # type: ignore[arg-type]
    assert first[0].doc_id == "d0"
    assert len(read) < 20


PROCESSES = """
    from rag.documents.rows import SourceDocument
    from rag.index import prepare, IndexOptions

    if __name__ == "__main__":
        prepare._WORTH_PROCESSES, prepare._BATCH = 100, 50
        sources = [SourceDocument(f"d{n}", "", f"Город Иркутск {n} стоит на реке.", {}) for n in range(40)]
        options = IndexOptions(entities=True)
        together = list(prepare.prepare_all(iter(sources), options, workers=2))
        alone = list(prepare.prepare_all(iter(sources), options, workers=1))
        assert together == alone
        assert [source.doc_id for source, _ in together] == [f"d{n}" for n in range(40)]
"""


def test_processes_give_the_same_in_the_same_order(tmp_path: Path) -> None:
    pytest.importorskip("retrievers.entities")
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(PROCESSES))
    subprocess.run([sys.executable, str(script)], check=True, cwd=tmp_path, timeout=120, env=_environment())


def test_a_script_without_a_guard_is_told_so(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(PROCESSES).replace('if __name__ == "__main__"', "if True"))
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, cwd=tmp_path, timeout=120, env=_environment()
    )
    assert done.returncode != 0
    assert RagIndexError.__name__ in done.stderr
    assert "guard" in done.stderr


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
