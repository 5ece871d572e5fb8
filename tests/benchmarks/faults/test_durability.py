"""Orders of calls that a power cut could and could not undo."""

from __future__ import annotations

import pytest

from benchmarks.faults.durability import unsafe_order
from benchmarks.faults.shim import Boundary, Kind

# A writer that does everything right: each line a call, its kind and its paths.
SAFE = """
    truncate .lock
    mkdir segments/2
    create segments/2/rows
    create segments/2/rows-journal
    write segments/2/rows-journal
    write segments/2/rows
    remove segments/2/rows-journal
    sync segments/2/rows
    sync segments/2
    sync segments
    create CURRENT.json.new
    write CURRENT.json.new
    sync CURRENT.json.new
    rename CURRENT.json.new CURRENT.json
    sync .
    remove segments/1/rows
    rmdir segments/1
"""


def calls(text: str) -> list[Boundary]:
    rows = [line.split() for line in text.splitlines() if line.strip()]
    return [
        Boundary(number, Kind(row[0]), *(f"index/{path}" if path != "." else "index" for path in row[1:]))
        for number, row in enumerate(rows, start=1)
    ]


def test_a_right_order_is_safe() -> None:
    assert unsafe_order(calls(SAFE)) == []


@pytest.mark.parametrize(
    ("left_out", "breach"),
    [
        (
            "sync segments/2/rows\n",
            "index/segments/2/rows is not safe when CURRENT.json is replaced (call 13): write in",
        ),
        ("sync segments/2\n", "index/segments/2/rows is not safe when CURRENT.json is replaced (call 13): create in"),
        ("sync segments\n", "index/segments/2 is not safe when CURRENT.json is replaced (call 13): mkdir in call 2"),
        ("sync CURRENT.json.new\n", "index/CURRENT.json.new is not safe when CURRENT.json is replaced"),
        ("sync .\n", "index/segments/1/rows is removed (call 15) before the new CURRENT.json is safe"),
    ],
)
def test_every_sync_is_needed(left_out: str, breach: str) -> None:
    found = unsafe_order(calls(SAFE.replace(left_out, "\n")))
    assert any(line.startswith(breach) for line in found), found


def test_a_file_that_is_written_again_after_its_sync_is_not_safe() -> None:
    found = unsafe_order(calls(SAFE.replace("    sync segments\n", "    write segments/2/rows\n    sync segments\n")))
    assert found == ["index/segments/2/rows is not safe when CURRENT.json is replaced (call 15): write in call 10"]


def test_what_is_removed_later_need_not_be_safe() -> None:
    passing = "    create segments/2/passing\n    sync segments/2\n    write segments/2/passing\n"
    order = SAFE.replace("    create CURRENT.json.new\n", f"{passing}    create CURRENT.json.new\n")
    assert unsafe_order(calls(order + "    remove segments/2/passing\n")) == []
    assert unsafe_order(calls(order)) != []


def test_a_store_that_is_only_read_keeps_its_own_files() -> None:
    reading = "    truncate segments/1/chroma/header.bin\n    write segments/1/chroma/chroma.sqlite3\n"
    assert unsafe_order(calls(reading + SAFE)) == []
    writing = "    mkdir segments/2/chroma\n    create segments/2/chroma/header.bin\n"
    found = unsafe_order(calls(SAFE.replace("    sync segments/2\n", f"{writing}    sync segments/2\n")))
    assert {line.split(" ", 1)[0] for line in found} == {"index/segments/2/chroma/header.bin"}
