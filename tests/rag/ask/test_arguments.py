from __future__ import annotations

import pytest

from rag.ask.arguments import build_parser, metadata_filter, profile_overrides
from retrievers.errors import InputError


def overrides(*flags: str) -> dict:
    return profile_overrides(build_parser().parse_args(list(flags)))


def test_flags_become_nested_options() -> None:
    assert overrides() == {}
    assert overrides("--retriever", "bm25", "--k", "3", "--min-confidence", "0.5") == {
        "retrieval": {"retriever": "bm25", "k": 3},
        "abstention": {"min_confidence": 0.5},
    }


def test_any_option_can_be_set_and_shortcuts_win() -> None:
    assert overrides("--set", "retrieval.k=8", "--set", "generator.kind=chat", "--k", "2") == {
        "retrieval": {"k": 2},
        "generator": {"kind": "chat"},
    }


@pytest.mark.parametrize("assignment", ["retrieval.k", "=3"])
def test_a_malformed_assignment_is_named(assignment: str) -> None:
    with pytest.raises(InputError, match="expected OPTION=VALUE"):
        overrides("--set", assignment)


def test_a_value_has_no_options_of_its_own() -> None:
    with pytest.raises(InputError, match="a value already"):
        overrides("--set", "retrieval=3", "--set", "retrieval.k=3")


@pytest.mark.parametrize(
    ("expressions", "expected"),
    [
        ([], None),
        (["topic=спорт"], {"topic": "спорт"}),
        (["year=1980"], {"year": 1980}),
        (["draft=true"], {"draft": True}),
        (["note=a=b"], {"note": "a=b"}),
        (["topic=спорт", "year=1980"], {"$and": [{"topic": "спорт"}, {"year": 1980}]}),
        (['{"year": {"$gte": 1900}}'], {"year": {"$gte": 1900}}),
    ],
)
def test_filters(expressions, expected) -> None:
    assert metadata_filter(expressions) == expected


@pytest.mark.parametrize("expression", ["topic", "=спорт", '{"year": '])
def test_a_malformed_filter_is_named(expression: str) -> None:
    with pytest.raises(InputError, match="--filter"):
        metadata_filter([expression])
