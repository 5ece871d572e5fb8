"""The collection of an index in Milvus: a row is a chunk of a segment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retrievers.stores.milvus.rows import MOST_BYTES

if TYPE_CHECKING:
    from pymilvus import CollectionSchema, MilvusClient

    from retrievers.bm25 import BM25Options
    from retrievers.stores.urls import StoreURL

_LEAST_K1, _MOST_K1 = 0.01, 3.0  # what the engine takes


def chunk_schema(client: MilvusClient, dimension: int) -> CollectionSchema:
    """Vectors, terms that the engine makes sparse vectors of, and the metadata that filters can find."""
    from pymilvus import DataType, Function, FunctionType

    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    text = {"datatype": DataType.VARCHAR, "max_length": MOST_BYTES}
    schema.add_field("pk", is_primary=True, **text)
    for name in ("segment", "chunk_id", "doc_id"):
        schema.add_field(name, **text)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
    schema.add_field("terms", enable_analyzer=True, analyzer_params={"tokenizer": "standard"}, **text)
    schema.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
    schema.add_field("metadata", DataType.JSON)
    schema.add_function(Function("bm25", FunctionType.BM25, input_field_names=["terms"], output_field_names=["sparse"]))
    return schema


def dense_index(url: StoreURL) -> dict[str, Any]:
    """The index over the vectors, as parameters of ``add_index``.

    Milvus Lite searches exactly: its graph, searched for the chunks of a small segment or of a narrow filter among many
    others, misses some that are there.
    """
    if url.path is not None:
        return {"index_type": "FLAT"}
    return {"index_type": "HNSW", "params": {"M": 16, "efConstruction": 200}}


def sparse_index(url: StoreURL, bm25: BM25Options) -> dict[str, Any]:
    """The index over the terms, likewise."""
    scoring = {"bm25_k1": min(max(bm25.k1, _LEAST_K1), _MOST_K1), "bm25_b": bm25.b}
    # Milvus Lite looks for an index's parameters in another place than the client puts them.
    return {"index_type": "SPARSE_INVERTED_INDEX", "params": scoring if url.path is None else {"params": scoring}}
