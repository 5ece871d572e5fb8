from __future__ import annotations

import pytest

from evals.failures import Failure
from evals.report import failing
from evals.report.failing import TITLES, failure_counts, failures_by_variant
from evals.report.loading import load_run


def test_every_kind_has_a_title() -> None:
    assert set(TITLES) == set(Failure)


def test_the_best_variant_comes_first_and_all_failures_are_there(make_run) -> None:
    run = load_run(make_run())
    counts = failure_counts(run)
    found = failures_by_variant(run)
    assert [one.name for one in found] == ["hybrid+rerank", "bm25"]
    assert {one.name: one.count for one in found} == {name: sum(kinds.values()) for name, kinds in counts.items()}
    assert all(kind.entries for one in found for kind in one.kinds)


def test_an_entry_shows_what_was_asked_answered_and_found(make_run) -> None:
    entries = {
        entry.qid: entry
        for one in failures_by_variant(load_run(make_run()))
        if one.name == "bm25"
        for kind in one.kinds
        for entry in kind.entries
    }
    entry = entries["q1"]
    assert (entry.question, entry.answers, entry.documents) == ("Какова глубина озера № 1?", ("1642 м",), ("Baikal",))
    assert entry.place == "4-й в\u00a0выдаче (4\u00a0документа)"
    assert (entry.answer, entry.quote) == ("90 м", "Глубина 1642 м.")
    assert entry.verdict == "выдан, уверенность 0,35, f1_lemma 0,50"
    assert entries["q3"].verdict.startswith("скрыт порогом")
    assert (entries["q6"].answer, entries["q6"].verdict) == ("", "")
    assert [hit.title for hit in entry.hits] == ["Angara", "Enisei", "Ladoga", "Baikal"]
    assert [hit.read for hit in entry.hits] == [True, True, False, False]
    assert [hit.gold_passage for hit in entry.hits] == [False, False, False, True]
    assert {hit.text for hit in entry.hits} == {"Глубина 1642 м."}


def test_passages_that_would_make_the_page_heavy_are_left_to_the_best_variant(make_run, monkeypatch) -> None:
    monkeypatch.setattr(failing, "_TEXT_BUDGET", 10)
    best, other = failures_by_variant(load_run(make_run()))
    assert best.full
    assert not other.full
    assert not any(hit.text for kind in other.kinds for entry in kind.entries for hit in entry.hits)
    assert all(entry.hits for kind in other.kinds for entry in kind.entries)


@pytest.mark.parametrize("answers", [True, False])
def test_kinds_that_never_occur_are_left_out(make_run, answers) -> None:
    counts = failure_counts(load_run(make_run(answers=answers)))
    kinds = {kind for column in counts.values() for kind in column}
    assert (Failure.READ_WRONG in kinds) is answers
    assert all(any(column[kind] for column in counts.values()) for kind in kinds)
