from __future__ import annotations

from pathlib import Path

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.indexing import InMemoryRecordManager, index
from langchain_core.vectorstores import InMemoryVectorStore

from retrievers.stores.records import SQLiteRecordManager


@pytest.fixture
def records(tmp_path: Path) -> SQLiteRecordManager:
    manager = SQLiteRecordManager(tmp_path / "records.sqlite")
    manager.create_schema()
    return manager


def test_keys_are_known_after_an_update(records: SQLiteRecordManager) -> None:
    records.update(["a", "б"], group_ids=["первая", "вторая"])
    assert records.exists(["б", "нет", "a"]) == [True, False, True]
    assert records.list_keys(group_ids=["вторая"]) == ["б"]
    records.delete_keys(["a"])
    assert records.exists(["a", "б"]) == [False, True]


def test_keys_before_and_after_a_time(records: SQLiteRecordManager) -> None:
    records.update(["old"], group_ids=["g"])
    between = records.get_time()
    records.update(["new"], group_ids=["g"], time_at_least=between)
    assert records.list_keys(before=between) == ["old"]
    assert records.list_keys(after=between - 1e-4, group_ids=["g"]) == ["new"]
    assert len(records.list_keys(limit=1)) == 1


def test_time_goes_on_where_the_clock_runs_back(records: SQLiteRecordManager, monkeypatch: pytest.MonkeyPatch) -> None:
    records.update(["a"])
    monkeypatch.setattr("time.time", lambda: 0.0)
    start = records.get_time()
    records.update(["b"], time_at_least=start)
    assert records.list_keys(before=start) == ["a"]


def test_time_from_the_future_and_unequal_lengths_are_refused(records: SQLiteRecordManager) -> None:
    with pytest.raises(ValueError, match="clock"):
        records.update(["a"], time_at_least=records.get_time() + 1000)
    with pytest.raises(ValueError, match="group id"):
        records.update(["a", "b"], group_ids=["g"])


def test_namespaces_share_a_file_and_no_keys(tmp_path: Path) -> None:
    first, second = (SQLiteRecordManager(tmp_path / "records.sqlite", name) for name in ("one", "two"))
    first.create_schema()
    first.update(["a"])
    assert second.exists(["a"]) == [False]
    assert first.exists(["a"]) == [True]


def test_more_keys_than_one_statement_takes(records: SQLiteRecordManager) -> None:
    keys = [f"k{number}" for number in range(1234)]
    records.update(keys, group_ids=[f"g{number}" for number in range(1234)])
    assert all(records.exists(keys))
    assert sorted(records.list_keys(group_ids=[f"g{number}" for number in range(1234)])) == sorted(keys)
    assert len(records.list_keys(group_ids=[f"g{number}" for number in range(1234)], limit=700)) == 700


async def test_async_twins(records: SQLiteRecordManager) -> None:
    await records.acreate_schema()
    await records.aupdate(["a"], group_ids=["g"], time_at_least=await records.aget_time() - 1)
    assert await records.aexists(["a", "b"]) == [True, False]
    assert await records.alist_keys(group_ids=["g"]) == ["a"]
    await records.adelete_keys(["a"])
    assert await records.aexists(["a"]) == [False]


def test_indexing_goes_as_with_langchains_own_manager(records: SQLiteRecordManager) -> None:
    """Differential: the same calls, the same results and the same documents in the store."""
    own = InMemoryRecordManager("chunks")
    own.create_schema()
    rounds = [
        [("a", "раз"), ("a", "два"), ("b", "три")],
        [("a", "раз"), ("a", "четыре")],
        [("b", "три")],
        [("c", "пять"), ("b", "шесть")],
    ]
    outcomes = []
    for manager in (records, own):
        store = InMemoryVectorStore(DeterministicFakeEmbedding(size=4))
        results = [
            index(
                [Document(page_content=text, metadata={"doc_id": doc_id}) for doc_id, text in batch],
                manager,
                store,
                cleanup="incremental",
                source_id_key="doc_id",
                key_encoder="sha256",
            )
            for batch in rounds
        ]
        outcomes.append((results, sorted(entry["text"] for entry in store.store.values())))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][1] == ["пять", "раз", "четыре", "шесть"]
