"""Data files of Hugging Face data sets: fetched at one revision, never their scripts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from retrievers.errors import InputError

_NAME = re.compile(r"[\w-][\w.-]*/[\w.-]+")
_COMMIT = re.compile(r"[0-9a-f]{40}")
# A data set repository may hold Python scripts and archives besides: nothing else than these is fetched.
_DATA_FILES = ("*.jsonl", "*.jsonl.gz", "*.jsonl.zst", "*.parquet", "*.tsv")
_CARD = "README.md"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where data came from.

    Args:
        name: of the data set on the hub.
        revision: commit, where the hub told it, else the revision asked for.
        licence: as the data set's card states it; None where it does not.
    """

    name: str
    revision: str
    licence: str | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A data set's files on this machine."""

    folder: Path
    origin: Origin


def fetch(name: str, revision: str, *, subset: str | None = None) -> Snapshot:
    """Fetch a data set's data files into the hub's cache; what lies there already is not fetched again.

    Args:
        name: ``owner/name``.
        revision: full commit hash, tag or branch.
        subset: fetch only the folders whose names begin with this and a hyphen.

    Raises:
        InputError: the name is none, there is no such data set or revision, or the hub cannot be reached.
    """
    from huggingface_hub import snapshot_download

    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r} is no name of a data set on the hub; expected owner/name, like kaengreg/rubq")
    patterns = [pattern if subset is None else f"{subset}-{pattern}" for pattern in _DATA_FILES]
    try:
        folder = Path(
            snapshot_download(name, repo_type="dataset", revision=revision, allow_patterns=[*patterns, _CARD])
        )
    except (OSError, ValueError) as error:  # every error of the hub's own is one of these
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{name} at revision {revision} could not be fetched ({reason}); where this machine has no access, run "
            f"hf download --repo-type dataset {name} --revision {revision} --local-dir DIR  on one that has and read "
            "the folder instead"
        ) from error
    commit = folder.name if _COMMIT.fullmatch(folder.name) else revision
    return Snapshot(folder, Origin(name, commit, _licence(folder / _CARD)))


def _licence(card: Path) -> str | None:
    """The ``license`` of a card's front matter."""
    if not card.is_file():
        return None
    front = re.match(r"---\s*\n(.*?)\n---", card.read_text(encoding="utf-8", errors="replace"), re.DOTALL)
    found = re.search(r"^license:[ \t]*(\S.*)$", front.group(1), re.MULTILINE) if front else None
    return found.group(1).strip("\"' ") if found else None
