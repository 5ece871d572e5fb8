"""Some dozens of inputs for every target, always the same; campaigns of ``python -m benchmarks.fuzzing`` run more."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from benchmarks.fuzzing.engines import fuzz
from benchmarks.fuzzing.targets import CATALOGUE, opened
from benchmarks.fuzzing.watch import Watch

# Import names of what targets need beside the base install.
NEEDED = {
    "readers": ("bs4", "lxml", "pyarrow"),
    "word": ("docx",),
    "pdf": ("pypdf",),
    "uploads": ("fastapi", "python_multipart"),
    "requests": ("fastapi", "prometheus_client", "httpx"),
}
SLOW = {
    "requests": 25,
    "reader-docx": 20,
    "reader-docx-body": 20,
    "chunker": 60,
    "settings-files": 40,
    "reader-html": 60,
}


@pytest.fixture(autouse=True)
def silent() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("name", CATALOGUE)
def test_inputs_that_nobody_meant(name: str):
    for package in NEEDED.get(CATALOGUE[name].module, ()):
        pytest.importorskip(package, reason=f"{package} of an extra is not installed")
    with opened(name) as target:
        watch = Watch(target, measured=False)
        fuzz("mutate", watch, SLOW.get(name, 120), seed=7)
        assert not watch.found, [(one.what, one.data[:200]) for one in watch.found.values()]
        assert watch.inputs == SLOW.get(name, 120)
