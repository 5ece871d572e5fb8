"""Whether a file is what its suffix says, told from its first bytes and, for archives, from their directory."""

from __future__ import annotations

import zipfile
from pathlib import Path

from retrievers.errors import InputError

MOST_UNPACKED = 128 * 2**20  # bytes of a .docx without its packing; a thousand pages are some 20 MB of XML
# XML packs 10 to 50 times, and deflate's own limit is 1032; only what unpacks to more than this many bytes is judged.
MOST_RATIO = 200
RATIO_FROM = 8 * 2**20
MOST_PARTS = 5_000
_HEAD = 1024
_MARKS = {".gz": b"\x1f\x8b", ".parquet": b"PAR1", ".docx": b"PK\x03\x04", ".pdf": b"%PDF-"}
# Of archives, programs, pictures and old Word files; a text begins with none of them.
_FOREIGN = (
    b"PK\x03\x04",
    b"%PDF-",
    b"\x1f\x8b",
    b"\x7fELF",
    b"MZ\x90",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"\xd0\xcf\x11\xe0",
)


class ContentsError(InputError):
    """A file that is something else than its suffix says."""


def check_contents(path: Path) -> None:
    """Refuse a file whose bytes are not what its suffix says.

    Raises:
        ContentsError: it is something else.
        InputError: it is an archive that no program writes for a document.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    mark = _MARKS.get(path.suffix)
    if mark is None:
        found = next((foreign for foreign in _FOREIGN if head.startswith(foreign)), None)
        if found is not None:
            raise ContentsError(f"{path}: holds no text, as {path.suffix} says; send it under its own suffix")
    elif not (mark in head if path.suffix == ".pdf" else head.startswith(mark)):  # a PDF may have bytes before its mark
        raise ContentsError(f"{path}: is no {path.suffix} file; send it under the suffix of what it is")
    if path.suffix == ".docx":
        _check_word(path)


def _check_word(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise InputError(f"{path}: a damaged archive ({error}); open and save it anew") from error
    if "word/document.xml" not in {part.filename for part in parts}:
        raise ContentsError(f"{path}: an archive, but no Word document; send one of its files")
    unpacked = sum(part.file_size for part in parts)
    packed = sum(part.compress_size for part in parts)
    if (
        len(parts) > MOST_PARTS
        or unpacked > MOST_UNPACKED
        or (unpacked > RATIO_FROM and unpacked > MOST_RATIO * packed)
    ):
        raise InputError(
            f"{path}: unpacks to {unpacked:,} bytes in {len(parts):,} parts, which is no document; "
            "split it or take the pictures out"
        )
    # Entries that share bytes unpack to more than any limit on the archive's size would let through.
    ends = 0
    for part in sorted(parts, key=lambda part: part.header_offset):
        if part.header_offset < ends:
            raise InputError(f"{path}: parts of the archive overlap, as in no document; open and save it anew")
        ends = part.header_offset + part.compress_size
    if len({part.filename for part in parts}) < len(parts):
        raise InputError(f"{path}: two parts of the archive have one name, as in no document; open and save it anew")
