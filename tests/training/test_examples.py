from __future__ import annotations

from pathlib import Path

import pytest
from langchain_core.documents import Document

from retrievers.documents import search_text as search_text_of_chunk
from retrievers.errors import InputError
from training.examples import Example, read_examples, write_examples


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    examples = [
        Example(question="Кто?", passage="Пушкин написал.", answers=("Пушкин",), answer_start=0, doc_id="1"),
        Example(question="а", passage="б", negatives=("в", "г"), scores=(0.9, 0.1, 0.0), source="duplicates"),
        Example(question="а", passage="б", label=0.0),
    ]
    path = tmp_path / "rows.jsonl"
    assert write_examples(path, examples) == 3
    assert read_examples(path) == examples
    assert "negatives" not in path.read_text(encoding="utf-8").splitlines()[0]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{"question": "а"}', "field passage"),
        ('{"question": " ", "passage": "б"}', "field question"),
        ('{"question": "а", "passage": "б", "negative": ["в"]}', "field negative"),
        ('{"question": "а", "passage": "б", "scores": [1, 2]}', "expected 1"),
        ('{"question": "а", "passage": "б", "label": "nan"}', "field label"),
        ('{"question": "а", "passage": "б в", "answers": ["в"], "answer_start": 1}', "character 1"),
        ('{"question": "а", "passage": "б", "answer_start": 0}', "character 0"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, row: str, message: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"question": "а", "passage": "б"}\n' + row + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        read_examples(path)
    assert "line 2" in str(caught.value) or ":2" in str(caught.value)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n", encoding="utf-8")
    with pytest.raises(InputError, match="no rows"):
        read_examples(path)


def test_models_are_shown_a_passage_as_an_index_shows_its_chunks() -> None:
    example = Example(question="а", passage="Текст.", title="Заголовок")
    chunk = Document("Текст.", metadata={"title": "Заголовок"})
    assert example.text == search_text_of_chunk(chunk)
