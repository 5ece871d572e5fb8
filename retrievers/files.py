"""Arrays and JSON objects of saved indexes, read as strictly as they are written."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrievers.errors import InputError

# What np.save writes for one row of numbers. np.load would evaluate any other header, and take archives and pickles.
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00(..)\{'descr': '([<|](?:[iu][1248]|f[248]))', "
    rb"'fortran_order': False, 'shape': \((\d{1,18}),\), \} *\n",
    re.DOTALL,
)
_LONGEST_HEADER = 192  # bytes; they are padded to a multiple of 64, and 128 are enough


def load_array(path: Path, types: Collection[str], *, mmap: bool = False) -> NDArray[Any]:
    """One row of numbers, saved with ``np.save``.

    Args:
        path: of the file.
        types: names of the types it may hold, as ``("int32",)``.
        mmap: map it into memory instead of reading it.

    Raises:
        InputError: the file is missing, or holds something else or less.
    """
    try:
        with path.open("rb") as file:
            header = _HEADER.match(file.read(_LONGEST_HEADER))
        size = path.stat().st_size
        if header is None or int.from_bytes(header[1], "little") + 10 != header.end():
            raise InputError(f"expected an array in {path}, got another file")
        numbers, length = np.dtype(header[2].decode()), int(header[3])
        if numbers.name not in types:
            raise InputError(f"expected an array of {' or '.join(types)} in {path}, got {numbers}")
        if size != header.end() + length * numbers.itemsize:
            raise InputError(f"expected {length} numbers of {numbers} in {path}, got a file of {size} bytes")
        if mmap and length:
            return np.asarray(np.memmap(path, numbers, mode="r", offset=header.end(), shape=(length,)))
        return np.fromfile(path, numbers, count=length, offset=header.end())
    except OSError as error:
        raise InputError(f"expected an array in {path}, got: {error}") from error


def load_json(path: Path) -> dict[str, Any]:
    """One JSON object of a saved index.

    Raises:
        InputError: the file is missing or holds no JSON object.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"expected a JSON object in {path}, got: {error}") from error
    if not isinstance(values, dict):
        raise InputError(f"expected a JSON object in {path}, got {type(values).__name__}")
    return values
