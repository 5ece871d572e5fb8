"""Files appear whole or not at all, and what the system says against writing them is one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.files import LineAppender, atomic_write, drop_torn_line, remove_leftovers
from retrievers.errors import InputError

FULL = Path("/dev/full")


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path) -> None:
    path = tmp_path / "new" / "a.json"
    with atomic_write(path) as file:
        file.write("старое")
    with pytest.raises(UnicodeEncodeError), atomic_write(path) as file:
        file.write("новое\ud800")
    assert path.read_text("utf-8") == "старое"
    assert list(path.parent.iterdir()) == [path]


def test_errors_of_the_system_are_named_with_the_file(tmp_path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(InputError, match=r"file/a\.json: cannot be written: "),
        atomic_write(tmp_path / "file" / "a.json"),
    ):
        pass
    with pytest.raises(InputError, match=r"a\.json: cannot be written: No space"), atomic_write(tmp_path / "a.json"):
        raise OSError(28, "No space left on device")
    with pytest.raises(ConnectionResetError), atomic_write(tmp_path / "a.json"):
        raise ConnectionResetError  # of what is being written, not of the file
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_a_full_disk_ends_an_appender_with_one_line() -> None:
    with pytest.raises(InputError, match="/dev/full: cannot be written: No space"), LineAppender(FULL) as appender:
        appender.append("строка\n")


@pytest.mark.parametrize(
    ("left", "kept"),
    [("", ""), ("{", ""), ("а\n", "а\n"), ('а\nб\n{"т', "а\nб\n"), ("а\n\n", "а\n\n")],
)
def test_a_torn_line_is_dropped(left, kept, tmp_path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(left, "utf-8")
    drop_torn_line(path)
    assert path.read_text("utf-8") == kept
    with LineAppender(path) as appender:
        appender.append("ещё\n")
    assert path.read_text("utf-8") == kept + "ещё\n"
    drop_torn_line(tmp_path / "missing.jsonl")


def test_leftovers_of_one_file_are_removed(tmp_path) -> None:
    for name in (".a[1].json-x", ".b.json-x", "a[1].json"):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path / "a[1].json")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".b.json-x", "a[1].json"]
