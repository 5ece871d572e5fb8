"""Stores by URL, and arrays of saved indexes."""

from __future__ import annotations

import io

import numpy as np

from benchmarks.fuzzing.target import Scratch, Target, bytes_of, foreseen, text_of
from retrievers.errors import InputError
from retrievers.files import load_array, load_json
from retrievers.stores.urls import StoreURL

_SECRET = "тайна-7"
_URLS = (
    "chroma",
    "chroma:/srv/векторы",
    "chroma+http://localhost:8000",
    "milvus:индекс.db",
    "milvus+https://[::1]:19530",
)
_PIECES = (
    "chroma", "milvus", "+", "http", "https", "://", ":", "//", "@", "/", "?", "#", "[", "]", "%00", "%5B", ".db",
    "65536", "-1", f"имя:{_SECRET}@", "\u2100", "\uff1a", "\u3002", "xn--", "\t",
)  # fmt: skip
_TYPES = ("int32", "int64", "float32")


def open_target(name: str, scratch: Scratch) -> Target:
    """``store-urls`` or ``array-files``."""
    if name == "store-urls":
        return Target(_check_url, bytes_of(*_URLS, f"chroma+http://имя:{_SECRET}@host"), bytes_of(*_PIECES))
    path = scratch.folder / "числа.npy"

    def check(data: bytes) -> None:
        path.write_bytes(data)
        for mapped in (False, True):
            with foreseen():
                array = load_array(path, _TYPES, mmap=mapped)
                assert array.ndim == 1
                assert array.dtype.name in _TYPES
                assert array.nbytes <= len(data)
                array.sum()
        with foreseen():
            assert isinstance(load_json(path), dict)

    seeds = tuple(_saved(np.arange(length, dtype=kind)) for kind in _TYPES for length in (0, 5))
    pieces = bytes_of(
        "'descr': '<i8'", "'<f4'", "'|O'", "(5,)", "(99999999999,)", "True", "\x93NUMPY", "PK\x03\x04", " ", "\n"
    )
    return Target(check, (*seeds, b'{"a": 1}'), pieces)


def _check_url(data: bytes) -> None:
    text = text_of(data)
    try:
        StoreURL.parse(text)
    except InputError as error:
        told = str(error)
    else:
        told = ""
    before, at, after = text.rpartition("@")
    assert not at or _SECRET not in before.partition("//")[2] or _SECRET in after or _SECRET not in told, "a password"
    if told:
        return
    store = StoreURL.parse(text)
    assert StoreURL.parse(str(store)) == store
    assert store.absolute().absolute() == store.absolute()
    assert store.host is None or store.address.startswith("http")


def _saved(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=False)
    return out.getvalue()
