"""Generations of an index as requests hold them: none is closed under a request, and none stays open without one."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from langchain_core.language_models import FakeListChatModel

from rag.documents.rows import SourceDocument
from rag.errors import InputError
from rag.index import Index, add_documents, open_index
from rag.profile import load_profile
from rag.serve.snapshots import Snapshot, Snapshots
from rag.serve.work import StoppedError

_QUESTION = "Какова наибольшая глубина Байкала?"
_ADDED = SourceDocument(doc_id="маяк", title="Маяк", text="Высота Воробьёвского маяка — 31 метр.")


@pytest.fixture
def opened(demo_copy):
    """Everything that was opened, in order."""
    return [open_index(demo_copy)]


@pytest.fixture
def snapshots(demo_copy, opened):
    def reopen() -> Index:
        opened.append(open_index(demo_copy))
        return opened[-1]

    made = Snapshots(Snapshot(opened[0], load_profile("offline")), reopen)
    yield made
    made.close()


def is_closed(index: Index) -> bool:
    try:
        index.bm25()
    except InputError:
        return True
    return False


def test_a_generation_is_closed_when_the_last_of_its_holders_has_gone(snapshots, opened, demo_copy):
    with snapshots.lease() as held:
        add_documents([_ADDED], demo_copy)
        assert snapshots.refresh() == snapshots.generation != held.generation
        with snapshots.lease(held):
            assert held.chain().search(_QUESTION, k=1).documents
        assert not is_closed(opened[0])
    assert is_closed(opened[0])
    assert not is_closed(opened[1])
    with pytest.raises(StoppedError), snapshots.lease(held):
        pass


def test_a_generation_that_is_in_use_already_is_not_opened_twice(snapshots, opened):
    before = snapshots.generation
    assert snapshots.refresh() == before
    assert [is_closed(one) for one in opened] == [False, True]


def test_one_that_cannot_be_warmed_up_is_closed_and_the_old_one_goes_on(snapshots, opened, demo_copy, monkeypatch):
    add_documents([_ADDED], demo_copy)
    before = snapshots.generation

    def missing(_: Snapshot) -> None:
        raise InputError("нет весов")

    monkeypatch.setattr(Snapshot, "warm_up", missing)
    with pytest.raises(InputError, match="нет весов"):
        snapshots.refresh()
    assert snapshots.generation == before
    assert [is_closed(one) for one in opened] == [False, True]


def test_a_generation_that_is_being_opened_while_the_service_stops_is_closed_as_well(
    snapshots, opened, demo_copy, monkeypatch
):
    add_documents([_ADDED], demo_copy)
    warming, go_on = threading.Event(), threading.Event()

    def slow(_: Snapshot) -> None:
        warming.set()
        assert go_on.wait(10)

    monkeypatch.setattr(Snapshot, "warm_up", slow)
    with ThreadPoolExecutor(2) as pool:
        refreshing = pool.submit(snapshots.refresh)
        assert warming.wait(10)
        closing = pool.submit(snapshots.close)
        go_on.set()
        closing.result(10)
        assert refreshing.result(10)
    assert [is_closed(one) for one in opened] == [True, True]
    with pytest.raises(StoppedError):
        snapshots.refresh()
    snapshots.refresh_if_changed()
    assert len(opened) == 2


@pytest.mark.parametrize("expansion", ["none", "multi-query"])
def test_warming_up_asks_no_language_model_behind_a_server(demo_copy, monkeypatch, expansion):
    def asked(*_: object, **__: object) -> None:
        raise AssertionError("the language model was asked")

    monkeypatch.setattr(FakeListChatModel, "_call", asked)
    monkeypatch.setattr(
        "rag.components.build_language_model", lambda options: FakeListChatModel(responses=["Гончаров"])
    )
    overrides = {"generator": {"kind": "chat", "model": "test"}, "retrieval": {"expansion": {"kind": expansion}}}
    with open_index(demo_copy) as index:
        snapshot = Snapshot(index, load_profile("offline", overrides))
        snapshot.warm_up()
        with pytest.raises(AssertionError, match="was asked"):
            snapshot.chain().invoke(_QUESTION)
