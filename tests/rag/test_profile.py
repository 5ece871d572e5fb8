from __future__ import annotations

import pytest

import rag.profile
from rag.profile import known_profiles, load_profile
from retrievers.errors import InputError


@pytest.fixture(autouse=True)
def own_directory(tmp_path, monkeypatch):
    monkeypatch.setattr(rag.profile, "user_profiles_directory", lambda: tmp_path)
    return tmp_path


def test_the_shipped_profiles_are_valid() -> None:
    assert known_profiles() == ["offline", "quality", "small"]
    assert load_profile("offline").generator.kind == "reader"
    assert load_profile("small").index.encoder.model == "intfloat/multilingual-e5-small"
    assert load_profile("quality").compressor.model == "BAAI/bge-reranker-v2-m3"


def test_what_wins_over_what(own_directory, monkeypatch) -> None:
    assert load_profile("offline").retrieval.k == 5
    own_directory.joinpath("offline.toml").write_text("[retrieval]\nk = 7\n")
    assert load_profile("offline").retrieval.k == 7
    assert load_profile("offline").retrieval.pool == 50
    monkeypatch.setenv("RAG_RETRIEVAL__K", "8")
    assert load_profile("offline").retrieval.k == 8
    assert load_profile("offline", {"retrieval": {"k": 9}}).retrieval.k == 9


def test_an_own_profile_extends_a_shipped_one(own_directory) -> None:
    own_directory.joinpath("mine.toml").write_text('extends = "small"\n[retrieval]\nretriever = "bm25"\n')
    profile = load_profile("mine")
    assert profile.name == "mine"
    assert profile.retrieval.retriever == "bm25"
    assert profile.generator.kind == "seq2seq"
    assert "mine" in known_profiles()


def test_an_unknown_profile_lists_the_known() -> None:
    with pytest.raises(InputError, match="unknown profile 'ofline'; known: offline, quality, small"):
        load_profile("ofline")


@pytest.mark.parametrize("name", ["../offline", "", "a/b"])
def test_a_name_is_no_path(name: str) -> None:
    with pytest.raises(InputError, match="unknown profile"):
        load_profile(name)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"retrieval": {"k": 0}}, "retrieval.k"),
        ({"retrieval": {"retriever": "elastic"}}, "'bm25', 'tfidf', 'dense', 'hybrid' or 'coverage'"),
        ({"retrieval": {"top": 3}}, "retrieval.top"),
        ({"generator": {"kind": "chat", "model": None}}, "needs a model"),
        ({"abstention": {"min_confidence": 1.5}}, "abstention.min_confidence"),
    ],
)
def test_a_wrong_option_is_named(overrides, message) -> None:
    with pytest.raises(InputError, match=message):
        load_profile("offline", overrides)


def test_broken_files_are_named(own_directory) -> None:
    own_directory.joinpath("mine.toml").write_text("[retrieval\n")
    with pytest.raises(InputError, match=r"mine\.toml: not TOML"):
        load_profile("mine")
    own_directory.joinpath("mine.toml").write_bytes("# привет".encode("cp1251"))
    with pytest.raises(InputError, match=r"mine\.toml cannot be read"):
        load_profile("mine")
    own_directory.joinpath("mine.toml").write_text('extends = "mine"\n')
    with pytest.raises(InputError, match="extends itself"):
        load_profile("mine")
