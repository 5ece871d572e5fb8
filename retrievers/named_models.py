"""Models by name: folders under one root, where ``python -m training.models add`` puts them.

The root is ``$RAG_MODELS``, or ``models`` in the user's data directory, ``~/.local/share/russian-rag/models`` on Linux.
A name is that of a folder right under it; what lies in the folder is the business of whoever loads it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import platformdirs

from retrievers.errors import InputError, ModelUnavailableError

APPLICATION = "russian-rag"
ROOT_VARIABLE = "RAG_MODELS"
RECORDS = frozenset({"training.json", "parity.json"})  # beside weights, and none themselves

_NAME = re.compile(r"\w[\w.-]*")


def models_root() -> Path:
    """Where named models lie; the directory may be missing."""
    chosen = os.environ.get(ROOT_VARIABLE)
    return Path(chosen).expanduser() if chosen else platformdirs.user_data_path(APPLICATION) / "models"


def check_name(name: str) -> str:
    """``name`` where it can be a model's.

    Raises:
        InputError: it is a path, begins with a dot or a dash, or holds other signs than letters, digits, ``._-``.
    """
    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r} cannot be a model's name; expected letters, digits and ._- as in my-reranker")
    return name


def known_names() -> list[str]:
    """Names of the models under the root, in alphabetical order."""
    root = models_root()
    if not root.is_dir():
        return []
    return sorted(folder.name for folder in root.iterdir() if _NAME.fullmatch(folder.name) and folder.is_dir())


def find_named(name: str) -> Path | None:
    """Folder of the model of that name; None where there is none."""
    folder = models_root() / name
    return folder if _NAME.fullmatch(name) and folder.is_dir() else None


def find_weights(model: str, suffix: str, *, feature: str) -> Path:
    """The one file that holds a small model's weights.

    Args:
        model: path of the file, or the name of a model that lies in a folder with that one file.
        suffix: of the file, ``".npz"`` or ``".json"``.
        feature: what needs it, for the message.

    Returns:
        The path; that of a file that is not there where ``model`` looks like a path.

    Raises:
        ModelUnavailableError: there is no such name, or not exactly one such file in its folder.
    """
    path = Path(model).expanduser()
    if path.is_file() or path.suffix == suffix or not _NAME.fullmatch(model):
        return path
    if (folder := find_named(model)) is None:
        raise ModelUnavailableError(f"{feature}: no file {model} and {no_such_name(model)}")
    files = sorted(file for file in folder.glob(f"*{suffix}") if file.name not in RECORDS)
    if len(files) != 1:
        found = ", ".join(file.name for file in files) or "none"
        raise ModelUnavailableError(f"{feature}: expected one *{suffix} file in {folder}, found {found}")
    return files[0]


def no_such_name(name: str) -> str:
    """Says that ``name`` is no model's, and which ones are."""
    known = ", ".join(known_names()) or "none"
    return f"no model named {name} in {models_root()} (there: {known})"
