"""The errors of the toolkit.

::

    ToolkitError                       anything raised on purpose; commands print it and exit with code 2
    ├── InputError (ValueError)        a question, file, path or option that cannot be used
    ├── MissingExtraError (ImportError)  optional packages are not installed
    ├── ModelUnavailableError (OSError)  weights neither on disk nor reachable
    ├── StoreUnavailableError (OSError)  a vector store that does not open or answer
    └── RagIndexError                  an index directory that cannot be used
        ├── IndexNotFoundError         there is none
        ├── IndexFormatError           it is damaged, foreign or of a newer format
        ├── IndexMismatchError         it was built with another encoder than the one asked for
        └── IndexLockedError           another process is writing it
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrievers.errors import (
    InputError,
    MissingExtraError,
    ModelUnavailableError,
    StoreUnavailableError,
    ToolkitError,
)

if TYPE_CHECKING:
    from pydantic import ValidationError

__all__ = [
    "IndexFormatError",
    "IndexLockedError",
    "IndexMismatchError",
    "IndexNotFoundError",
    "InputError",
    "MissingExtraError",
    "ModelUnavailableError",
    "RagIndexError",
    "StoreUnavailableError",
    "ToolkitError",
    "first_mistake",
]


class RagIndexError(ToolkitError):
    """An index directory that cannot be used; the message says why and what to do."""


class IndexNotFoundError(RagIndexError):
    """The directory holds no index."""


class IndexFormatError(RagIndexError):
    """The directory holds something else, a damaged index, or one of a newer format."""


class IndexMismatchError(RagIndexError):
    """The index was built with another encoder than the one it is asked to work with."""


class IndexLockedError(RagIndexError):
    """Another process is writing this index."""


def first_mistake(error: ValidationError, whole: str = "record") -> str:
    """Field and message of the first thing that a model found wrong; ``whole`` names what has no field of its own."""
    first = error.errors()[0]
    field = ".".join(map(str, first["loc"])) or whole
    return f"field {field}: {first['msg'].removeprefix('Value error, ')}"
