from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from retrievers.errors import InputError
from retrievers.files import load_array, load_json

TYPES = ("uint8", "int32", "int64", "float32")


@pytest.mark.parametrize("mmap", [True, False])
@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("length", [0, 1, 1000])
def test_what_numpy_saves_is_read(name: str, length: int, mmap: bool, tmp_path: Path) -> None:
    saved = np.arange(length).astype(name)
    np.save(tmp_path / "a.npy", saved)
    read = load_array(tmp_path / "a.npy", TYPES, mmap=mmap)
    assert type(read) is np.ndarray
    assert read.dtype == saved.dtype
    np.testing.assert_array_equal(read, saved)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 2), np.int32),
        np.zeros(3, ">i4"),
        np.zeros((), np.int32),
        np.zeros(3, np.float64),
        np.array(["а"]),
        np.zeros(2, [("a", np.int32)]),
    ],
    ids=["matrix", "other byte order", "number", "other type", "texts", "records"],
)
def test_other_arrays_are_refused(array: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(InputError, match=r"expected an array .*a\.npy"):
        load_array(tmp_path / "a.npy", TYPES)


def test_a_pickle_is_no_array(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(InputError, match="another file"):
        load_array(tmp_path / "a.npy", TYPES)


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"\0", lambda data: data[:60]])
def test_a_file_of_another_size_is_refused(change, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(5, dtype=np.int32))
    (tmp_path / "a.npy").write_bytes(change((tmp_path / "a.npy").read_bytes()))
    with pytest.raises(InputError, match=r"a\.npy"):
        load_array(tmp_path / "a.npy", TYPES)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_other_than_a_json_object_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(InputError, match="expected a JSON object"):
        load_json(tmp_path / "a.json")
    with pytest.raises(InputError, match="expected a JSON object"):
        load_json(tmp_path / "missing.json")
