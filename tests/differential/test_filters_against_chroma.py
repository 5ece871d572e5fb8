"""Filters evaluated here find what Chroma finds, on generated metadata and filters.

Both must accept the same filters too: what one refuses, the other refuses. Integers stay within what a float holds
exactly, because beyond it SQLite compares a stored integer with a float operand in its own way.
"""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrievers.errors import InputError
from retrievers.filters import matches, validate

FIELDS = st.sampled_from(["тема", "год"])
NUMBERS = st.one_of(st.integers(-2, 3), st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0]))
SCALARS = st.one_of(st.sampled_from(["а", "А", "1", "б в", ""]), NUMBERS, st.booleans())
LISTS = st.one_of(
    st.lists(st.sampled_from(["а", "б"]), min_size=1, max_size=2),
    st.lists(st.integers(0, 2), min_size=1, max_size=2),
    st.lists(st.booleans(), min_size=1, max_size=2),
)
METADATA = st.lists(
    st.dictionaries(FIELDS, st.one_of(SCALARS, LISTS), max_size=2).map(lambda found: {"всегда": 1, **found}),
    min_size=1,
    max_size=8,
)
CONDITIONS = st.one_of(
    SCALARS,
    st.builds(lambda op, value: {op: value}, st.sampled_from(["$eq", "$ne", "$contains", "$not_contains"]), SCALARS),
    st.builds(lambda op, value: {op: value}, st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), SCALARS),
    st.builds(
        lambda op, values: {op: values}, st.sampled_from(["$in", "$nin"]), st.lists(SCALARS, min_size=0, max_size=2)
    ),
    st.builds(lambda value: {"$near": value}, SCALARS),
)
FILTERS = st.recursive(
    st.builds(lambda field, condition: {field: condition}, FIELDS, CONDITIONS),
    lambda parts: st.builds(
        lambda op, several: {op: several}, st.sampled_from(["$and", "$or"]), st.lists(parts, min_size=1, max_size=3)
    ),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def client() -> Any:
    chromadb = pytest.importorskip("chromadb")
    from chromadb.config import Settings

    return chromadb.EphemeralClient(Settings(anonymized_telemetry=False))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=METADATA, filters=st.lists(FILTERS, min_size=1, max_size=5))
def test_same_chunks_as_chroma(client: Any, rows: list[dict[str, Any]], filters: list[dict[str, Any]]) -> None:
    name = f"filters-{uuid.uuid4().hex}"
    collection = client.create_collection(name, embedding_function=None)
    try:
        ids = [str(row) for row in range(len(rows))]
        collection.add(ids=ids, embeddings=[[1.0, 0.0]] * len(rows), metadatas=rows)
        for where in filters:
            try:
                validate(where)
            except InputError:
                with pytest.raises(Exception, match=r"(?i)expected|invalid"):
                    collection.get(where=where)
                continue
            ours = {name for name, row in zip(ids, rows, strict=True) if matches(row, where)}
            assert ours == set(collection.get(where=where)["ids"]), where
    finally:
        client.delete_collection(name)
