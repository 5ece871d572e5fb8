"""Settings that people write: profiles, synonyms, weights of rewards, flags."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

from benchmarks.fuzzing.material import JSON
from benchmarks.fuzzing.target import Budget, Scratch, Target, bytes_of, foreseen, text_of
from evals.rewards.weights import load_weights
from rag.abstention import load_calibration
from rag.profile import load_profile, parse_assignments
from retrievers.expansion.synonyms import read_synonyms

_PROFILE = """extends = "offline"
[retrieval]
retriever = "bm25"
k = 3
[generator]
kind = "extractive"
[index.chunking]
size = 300
"""
_SYNONYMS = '[[group]]\nnames = ["СССР", "Советский Союз"]\n[[group]]\nnames = ["ООН", "Объединённые Нации"]\n'
_WEIGHTS = "[question]\nem = 1.0\n[step]\nretrieval = 0.5\n"
_TOKENS = (
    "[", "]", "[[", "]]", "=", ".", '"', "'", '"""', "'''", "{", "}", "a.", "a.b=1\n", "[a]\n", "[[group]]\n",
    "names = [", "\n", "# ", "1979-05-27T07:32:00Z", "99:99:99", "0x", "_", "inf", "nan", "1e400", "true", "\\u0000",
    "\\UFFFFFFFF", "extends = ", "[retrieval]\n", "k = ", "9" * 5000, "x = " + "[" * 1500,
)  # fmt: skip


def open_target(name: str, scratch: Scratch) -> Target:  # noqa: ARG001 - there is one
    """Files of settings; the user's folder of profiles is one of the scratch folder while it is open."""
    profiles = scratch.folder / "profiles"
    profiles.mkdir()
    scratch.stack.enter_context(mock.patch("rag.profile.user_profiles_directory", return_value=profiles))
    path, profile = scratch.folder / "файл.toml", profiles / "fuzzed.toml"

    def check(data: bytes) -> None:
        path.write_bytes(data)
        profile.write_bytes(data)
        _check(path, text_of(data))

    seeds = bytes_of(
        _PROFILE, _SYNONYMS, _WEIGHTS, "retrieval.k=8\nretrieval.retriever=dense", '{"weights": {"score": 1}}'
    )
    return Target(
        check, seeds, bytes_of(*_TOKENS, *JSON), Budget(seconds=0.3, seconds_per_megabyte=30, memory_per_byte=1_000)
    )


def _check(path: Path, text: str) -> None:
    with foreseen():
        load_profile("fuzzed")
    with foreseen():
        read_synonyms(path).find(text)
    with foreseen():
        load_weights(path)
    with foreseen():
        load_calibration(str(path))
    with foreseen():
        load_profile("offline", parse_assignments(text.split("\n")))
