"""Inputs that libFuzzer finds by what they cover of our modules, which are instrumented while they are imported.

One process fuzzes one target: libFuzzer is set up once.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.fuzzing.watch import Watch

_PACKAGES = ["rag", "retrievers", "generators", "evals"]
_LONGEST = 4_096  # bytes


@contextlib.contextmanager
def instrumented() -> Iterator[None]:
    """What is imported of our packages inside the block tells libFuzzer which of its lines ran."""
    import atheris

    with atheris.instrument_imports(include=_PACKAGES, enable_loader_override=False):
        yield


def fuzz(watch: Watch, runs: int, seed: int) -> None:
    """Run inputs until there were so many."""
    import atheris

    with tempfile.TemporaryDirectory(prefix="rag-fuzzing-") as folder:
        corpus = Path(folder, "corpus")
        corpus.mkdir()
        for number, data in enumerate(watch.target.seeds):
            (corpus / str(number)).write_bytes(data)
        words = Path(folder, "words")
        words.write_text("".join(f'"{_escaped(token)}"\n' for token in watch.target.tokens if len(token) < 64), "ascii")
        flags = [f"-atheris_runs={runs}", f"-seed={seed + 1}", f"-max_len={_LONGEST}", f"-dict={words}"]
        # The watch minds time and memory itself.
        flags += ["-rss_limit_mb=0", "-timeout=3600", "-verbosity=0", str(corpus)]
        atheris.Setup([sys.argv[0], *flags], watch.run)
        with contextlib.suppress(SystemExit):  # how it ends
            atheris.Fuzz()
        signal.setitimer(signal.ITIMER_REAL, 0)  # its own timer, which would end the process


def _escaped(token: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in token)
