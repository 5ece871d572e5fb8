from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrievers.errors import InputError
from retrievers.stores import Engine, StoreURL
from retrievers.stores.urls import TOKEN_VARIABLE, store_token


@pytest.mark.parametrize(
    ("text", "url", "again"),
    [
        ("chroma", StoreURL(), "chroma"),
        ("chroma:data/векторы", StoreURL(path="data/векторы"), "chroma:data/векторы"),
        ("chroma:C:\\store", StoreURL(path="C:\\store"), "chroma:C:\\store"),
        ("http://localhost", StoreURL(host="localhost", port=8000), "chroma+http://localhost:8000"),
        ("HTTPS://Store.Example/", StoreURL(host="store.example", port=443, secure=True), None),
        ("chroma+http://10.0.0.1:9", StoreURL(host="10.0.0.1", port=9), "chroma+http://10.0.0.1:9"),
        ("milvus:x.db", StoreURL(Engine.MILVUS, path="x.db"), "milvus:x.db"),
        ("milvus+http://h", StoreURL(Engine.MILVUS, host="h", port=19530), "milvus+http://h:19530"),
        ("milvus+https://[::1]:9", StoreURL(Engine.MILVUS, host="::1", port=9, secure=True), "milvus+https://[::1]:9"),
    ],
)
def test_parse(text: str, url: StoreURL, again: str | None) -> None:
    assert StoreURL.parse(text) == url
    assert again is None or str(url) == again
    assert StoreURL.parse(str(url)) == url


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected chroma"),
        ("qdrant:x", "expected chroma"),
        ("data/chroma", "expected chroma"),
        ("chroma:", "expected a path behind chroma:"),
        ("milvus", "expected a path behind milvus:"),
        ("milvus:data/index", r"ending in \.db"),
        ("milvus://host:1", r"milvus\+http://host:1"),
        ("chroma+ftp://host", "expected chroma"),
        ("http://", "host:port"),
        ("http://host:port", "host:port"),
        ("http://host:99999", "host:port"),
        ("http://host:0", "host:port"),
        ("http://host/path", "host:port"),
        ("milvus+http://host:1?x=1", "host:port"),
        ("milvus+http://host:1#x", "host:port"),
        ("http://[::1", "host:port"),
        ("http://ho st", "host:port"),
        (" chroma", "expected chroma"),
        ("chroma:a\nb", "expected chroma"),
    ],
)
def test_other_forms_are_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        StoreURL.parse(text)


@pytest.mark.parametrize(
    "text", ["http://root:s3cret@host:1", "milvus+https://s3cret@host", "milvus://root:s3cret@host", "x://a:s3cret@h"]
)
def test_secrets_are_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InputError) as refused:
        StoreURL.parse(text)
    assert "s3cret" not in str(refused.value)


def test_the_token_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    assert store_token() is None
    monkeypatch.setenv(TOKEN_VARIABLE, "s3cret")
    assert store_token() == "s3cret"
    assert "s3cret" not in repr(StoreURL.parse("milvus+http://host"))


def test_a_path_means_the_same_from_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert StoreURL.parse("milvus:x.db").absolute().path == str(tmp_path / "x.db")
    assert str(StoreURL().absolute()) == "chroma"
    assert StoreURL().embedded
    assert not StoreURL.parse("http://h").absolute().embedded


@given(st.one_of(st.text(), st.from_regex(r"(chroma|milvus)?(\+https?)?:?(//)?.{0,12}", fullmatch=True)))
def test_whatever_comes_is_read_or_refused(text: str) -> None:
    try:
        url = StoreURL.parse(text)
    except InputError:
        return
    assert StoreURL.parse(str(url)) == url
    assert "@" not in (url.host or "")
