"""The shim sees every write below its folder, and stops or refuses the one it was told."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path

import pytest

from benchmarks.faults.shim import Action, Kind, Shim, build_shim, is_loaded, read_log
from tests.benchmarks.faults.conftest import Preloaded

# Arms the shim as the arguments say, does the work, and prints what it raised.
ARMED = """
import errno, os, sys
from pathlib import Path
from benchmarks.faults.shim import Action, Fault, Shim
folder, action, at, error, once = Path(sys.argv[1]), *map(int, sys.argv[2:6])
os.chdir(folder)
log = os.open(sys.argv[6], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
shim = Shim()
shim.arm(folder, Fault(Action(action), at, error, bool(once)), log)
def work():
{work}
try:
    work()
    print("done", shim.refused)
except OSError as refused:
    print(errno.errorcode[refused.errno], shim.refused)
"""

# All that changes a disk, as Python does it: 14 boundaries.
FILES = """
    os.mkdir("sub")                                           # mkdir
    handle = os.open("sub/one", os.O_WRONLY | os.O_CREAT)     # create
    os.write(handle, b"0123456789")                           # write
    os.pwrite(handle, b"ab", 4)                               # write
    os.ftruncate(handle, 8)                                   # truncate
    os.fsync(handle)                                          # sync
    os.close(handle)
    os.open("sub/one", os.O_RDONLY)
    os.open("sub/one", os.O_WRONLY | os.O_TRUNC)              # truncate
    os.link("sub/one", "two")                                 # link
    os.rename("two", "three")                                 # rename
    os.replace("three", Path("sub", "four").absolute())       # rename
    inside = os.open("sub", os.O_RDONLY)
    os.fsync(inside)                                          # sync
    os.unlink("four", dir_fd=inside)                          # remove
    os.unlink("sub/one")                                      # remove
    os.rmdir("sub")                                           # rmdir
    Path("../outside").write_bytes(b"not watched")
    Path("absent").unlink(missing_ok=True)
    os.makedirs(".", exist_ok=True)
"""
KINDS = [
    *("mkdir", "create", "write", "write", "truncate", "sync", "truncate"),
    *("link", "rename", "rename", "sync", "remove", "remove", "rmdir"),
]

WRITES = """
    Path("one").write_bytes(b"first")
    Path("two").write_bytes(b"secondly")
    Path("three").write_bytes(b"third")
"""

STREAMS = """
    import ctypes, sqlite3
    import numpy as np
    np.save("numbers.npy", np.arange(5_000))
    database = sqlite3.connect("rows.sqlite")
    database.execute("CREATE TABLE rows (value)")
    database.close()
    c = ctypes.CDLL(None)
    c.fopen.restype = ctypes.c_void_p
    stream = ctypes.c_void_p(c.fopen(b"buffered", b"w"))
    c.fputs(b"kept back until the stream is closed", stream)
    c.fclose(stream)
    import mmap
    with open("numbers.npy", "r+b") as file:
        mmap.mmap(file.fileno(), 0).close()
    if os.fork() == 0:
        Path("child").write_bytes(b"goes on counting")
        os._exit(0)
    os.wait()
"""


def run(
    run_preloaded: Preloaded,
    folder: Path,
    work: str,
    action: Action,
    at: int = 0,
    error: int = 0,
    once: bool = False,
) -> tuple[int, str]:
    watched = folder / "watched"
    watched.mkdir()
    numbers = (str(int(number)) for number in (action, at, error, once))
    done = run_preloaded(ARMED.replace("{work}", work), str(watched), *numbers, str(folder / "log"))
    assert done.stderr == ""
    return done.returncode, done.stdout.strip()


def test_every_change_below_the_folder_is_counted(run_preloaded: Preloaded, tmp_path: Path) -> None:
    assert run(run_preloaded, tmp_path, FILES, Action.COUNT) == (0, "done 0")
    log = read_log(tmp_path / "log")
    assert [one.kind for one in log] == KINDS
    assert [one.number for one in log] == list(range(1, 15))
    assert log[2].path == str(tmp_path / "watched" / "sub" / "one")
    assert log[9].other == str(tmp_path / "watched" / "sub" / "four")
    assert log[11].path == str(tmp_path / "watched" / "sub" / "four")


def test_what_c_writes_is_counted_too(run_preloaded: Preloaded, tmp_path: Path) -> None:
    assert run(run_preloaded, tmp_path, STREAMS, Action.COUNT) == (0, "done 0")
    log = [(Path(one.path).name, one.kind) for one in read_log(tmp_path / "log")]
    for name in ("numbers.npy", "rows.sqlite", "rows.sqlite-journal", "buffered", "child"):
        assert (name, Kind.CREATE) in log
        assert (name, Kind.WRITE) in log
    assert ("rows.sqlite", Kind.SYNC) in log
    assert ("numbers.npy", Kind.MAP) in log
    assert len((tmp_path / "watched" / "numbers.npy").read_bytes()) == 128 + 8 * 5_000
    assert (tmp_path / "watched" / "buffered").read_text() == "kept back until the stream is closed"


@pytest.mark.parametrize(
    ("action", "at", "left"),
    [
        (Action.KILL, 1, {}),
        (Action.KILL, 2, {"one": b""}),
        (Action.KILL, 4, {"one": b"first", "two": b""}),
        (Action.TEAR, 3, {"one": b"first"}),
        (Action.TEAR, 4, {"one": b"first", "two": b"seco"}),
    ],
)
def test_the_process_ends_before_its_write_or_half_way_through(
    run_preloaded: Preloaded, tmp_path: Path, action: Action, at: int, left: dict[str, bytes]
) -> None:
    assert run(run_preloaded, tmp_path, WRITES, action, at) == (-signal.SIGKILL, "")
    assert {path.name: path.read_bytes() for path in (tmp_path / "watched").iterdir()} == left


@pytest.mark.parametrize(
    ("error", "at", "once", "said", "left"),
    [
        # A disk that fills up takes the first half; what was asked again, or anything after it, finds no room.
        (errno.ENOSPC, 4, False, "ENOSPC 2", {"one": b"first", "two": b"seco"}),
        (errno.ENOSPC, 4, True, "ENOSPC 1", {"one": b"first", "two": b""}),
        (errno.EIO, 2, False, "EIO 1", {"one": b""}),
        # The file is open already, so permission is asked again for the next one only.
        (errno.EACCES, 4, False, "EACCES 1", {"one": b"first", "two": b"secondly"}),
    ],
)
def test_a_call_is_refused(
    run_preloaded: Preloaded, tmp_path: Path, error: int, at: int, once: bool, said: str, left: dict[str, bytes]
) -> None:
    assert run(run_preloaded, tmp_path, WRITES, Action.FAIL, at, error, once) == (0, said)
    assert {path.name: path.read_bytes() for path in (tmp_path / "watched").iterdir()} == left


def test_without_the_shim_nothing_pretends_to_be_watched() -> None:
    assert not is_loaded()
    with pytest.raises(RuntimeError, match="without the fault shim"):
        Shim()


def test_a_machine_without_a_compiler_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    with pytest.raises(RuntimeError, match="needs a C compiler"):
        build_shim(tmp_path)
