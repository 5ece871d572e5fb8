from __future__ import annotations

import datetime
import decimal
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.documents.rows import RESERVED_METADATA, SourceDocument, document_from_row
from retrievers.errors import InputError

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
SCALAR = TEXT | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()


def test_everything_beside_id_title_and_text_is_metadata():
    row = {
        "id": 7,
        "title": " Байкал ",
        "text": "Озеро.",
        "topic": "география",
        "year": 1996,
        "area": 31.7,
        "lake": True,
    }
    assert document_from_row(row, "x") == SourceDocument(
        "7", "Байкал", "Озеро.", {"topic": "география", "year": 1996, "area": 31.7, "lake": True}
    )


def test_doc_id_wins_over_id():
    source = document_from_row({"doc_id": "a_b", "id": 5, "text": "т"}, "x")
    assert (source.doc_id, source.title, source.metadata) == ("a_b", "", {"id": 5})


def test_nested_values_become_json_text_and_null_is_left_out():
    row = {"id": "a", "text": "т", "tags": ["лёд", 1], "where": {"b": 1, "a": None}, "none": None}
    assert document_from_row(row, "x").metadata == {"tags": '["лёд", 1]', "where": '{"a": null, "b": 1}'}


def test_dates_decimals_and_large_integers():
    row = {"id": "a", "text": "т", "day": datetime.date(1961, 4, 12), "sum": decimal.Decimal("1.5"), "big": 2**70}
    assert document_from_row(row, "x").metadata == {"day": "1961-04-12", "sum": 1.5, "big": str(2**70)}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"text": "т"}, 'p.jsonl, line 3: expected .*"doc_id" or "id"'),
        ({"id": " ", "text": "т"}, "empty"),
        ({"id": True, "text": "т"}, "found True"),
        ({"id": 1.5, "text": "т"}, r"found 1\.5"),
        ({"id": "a\nb", "text": "т"}, "control"),
        ({"id": "a"}, '"text", found no such field'),
        ({"id": "a", "text": None}, "no such field"),
        ({"id": "a", "text": 5}, "type int"),
        ({"id": "a", "text": "т", "title": ["б"]}, "type list"),
        ({"id": "a", "text": "т", "start": 5}, "'start' .* rename"),
        ({"id": "a", "text": "т", "x": float("nan")}, "nan"),
        ({"id": "a", "text": "т", "x": b"1"}, "type bytes"),
        ({"id": "a", "text": "т\0"}, "NUL"),
        ({"id": "a", "text": "т\ud800"}, "surrogate"),
        ({"id": "a", "text": "т", "x": "\udfff"}, "'x' holds half"),
        ({"id": "a", "text": "т", "x": [b"1"]}, "JSON"),
    ],
)
def test_bad_rows_say_where_and_what(row: dict[str, object], message: str):
    with pytest.raises(InputError, match=message) as caught:
        document_from_row(row, "p.jsonl, line 3")
    assert str(caught.value).startswith("p.jsonl, line 3: ")


def test_the_digest_depends_on_every_field_and_not_on_their_order():
    source = SourceDocument("a", "Б", "в", {"x": 1, "y": "г"})
    assert source.digest == SourceDocument("a", "Б", "в", {"y": "г", "x": 1}).digest
    assert len(source.digest) == 64
    others = [
        SourceDocument("b", "Б", "в", {"x": 1, "y": "г"}),
        SourceDocument("a", "Бб", "в", {"x": 1, "y": "г"}),
        SourceDocument("a", "Б", "вв", {"x": 1, "y": "г"}),
        SourceDocument("a", "Б", "в", {"x": 2, "y": "г"}),
        SourceDocument("a", "Б", "в", {"x": 1}),
    ]
    assert len({source.digest, *(other.digest for other in others)}) == 6


@given(
    st.text("абв/_.", min_size=1),
    TEXT.map(str.strip),
    TEXT,
    st.dictionaries(TEXT.filter(lambda name: name not in RESERVED_METADATA and name != "id"), SCALAR, max_size=4),
)
def test_a_row_written_out_reads_back_the_same(doc_id: str, title: str, text: str, metadata: dict):
    source = SourceDocument(doc_id, title, text, metadata)
    again = document_from_row(json.loads(json.dumps(source.to_row())), "x")
    assert again == source
    assert again.digest == source.digest
