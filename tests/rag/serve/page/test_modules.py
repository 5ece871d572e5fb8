"""The page's own logic, run in the browser that it is written for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrievers.filters import validate

fast = settings(max_examples=60, deadline=None)  # a call of the browser takes some milliseconds, now and then many

# Letters, marks, emoji with joiners, Gothic and what is written from right to left.
TEXTS = st.text(st.sampled_from("аЁя ,.\n😀👩\u200d🔬𐌰𐍈e\u0301\u202eשל1"), max_size=40)


@given(text=TEXTS, data=st.data())
@fast
def test_a_slice_is_what_python_would_cut(modules, text, data):
    start = data.draw(st.integers(0, len(text) + 2))
    end = data.draw(st.integers(0, len(text) + 2))
    found = modules(
        "offsets.js", "m.slice(given.text, given.start, given.end)", {"text": text, "start": start, "end": end}
    )
    assert found == text[start:end]
    assert modules("offsets.js", "m.pointsIn(given)", text) == len(text)


@given(text=TEXTS, data=st.data())
@fast
def test_segments_join_to_the_text_and_carry_the_marks_that_cover_them(modules, text, data):
    spans = st.tuples(st.integers(0, len(text) + 1), st.integers(0, len(text) + 1), st.sampled_from(["match", "span"]))
    marks = [{"start": a, "end": b, "kind": kind} for a, b, kind in data.draw(st.lists(spans, max_size=4))]
    parts = modules("offsets.js", "m.segments(given.text, given.marks)", {"text": text, "marks": marks})
    assert "".join(part["text"] for part in parts) == text
    at = 0
    for part in parts:
        for _ in part["text"]:
            assert set(part["kinds"]) == {mark["kind"] for mark in marks if mark["start"] <= at < mark["end"]}
            at += 1


@given(text=st.text(st.sampled_from("ая 😀"), min_size=1, max_size=120), data=st.data())
@fast
def test_a_stretch_holds_what_it_is_shown_for(modules, text, data):
    start = data.draw(st.integers(0, len(text) - 1))
    focus = {"start": start, "end": data.draw(st.integers(start, len(text)))}
    part = modules("offsets.js", "m.stretch(given.text, given.focus, 30)", {"text": text, "focus": focus})
    assert 0 <= part["start"] <= focus["start"] <= focus["end"] <= part["end"] <= len(text)


def test_a_stretch_is_cut_at_white_space(modules):
    text = "начало " * 20 + "глубина " + "конец " * 20
    start = text.index("глубина")
    part = modules(
        "offsets.js",
        "m.stretch(given.text, given.focus, 60)",
        {"text": text, "focus": {"start": start, "end": start + 7}},
    )
    shown = text[part["start"] : part["end"]]
    assert set(shown.split()) == {"начало", "глубина", "конец"}
    assert len(shown) <= 60


@given(
    parts=st.lists(st.tuples(st.sampled_from(["stage", "token", "done"]), TEXTS), max_size=5),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    size=st.integers(1, 20),
)
@fast
def test_events_are_read_whatever_pieces_they_come_in(modules, parts, end, size):
    stream = end.join(f": keep-alive{end}event: {name}{end}data: {json.dumps(data)}{end}" for name, data in parts) + end
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    read = "(() => { const p = new m.EventParser(); return given.flatMap((piece) => p.feed(piece)); })()"
    # A carriage return at the end may be half of a pair, so one more piece follows.
    found = modules("events.js", read, [*pieces, ": the end"])
    assert [(one["name"], json.loads(one["data"])) for one in found] == parts


def test_an_event_of_several_lines_without_a_name_is_a_message(modules):
    read = "new m.EventParser().feed(given)"
    found = modules("events.js", read, "\ufeffid: 7\ndata: один\ndata:два\n\nevent: lonely\n\ndata\n\n")
    assert found == [{"name": "message", "data": "один\nдва"}, {"name": "message", "data": ""}]


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (0, "0 документов"), (1, "1 документ"), (2, "2 документа"), (4, "4 документа"), (5, "5 документов"),
        (11, "11 документов"), (12, "12 документов"), (14, "14 документов"), (21, "21 документ"), (22, "22 документа"),
        (111, "111 документов"), (101, "101 документ"), (1003, "1003 документа"), (43642, "43 642 документа"),
    ],
)  # fmt: skip
def test_nouns_agree_with_their_numbers(modules, count, told):
    assert modules("numbers.js", "m.counted(given, m.DOCUMENTS)", count).replace("\xa0", " ") == told


def test_numbers_are_written_as_in_russian(modules):
    expression = (
        "[m.score(3.5707), m.score(-0.0001), m.score(-12.345), m.percent(0.2936), m.duration(0.0484), m.duration(1.26)]"
    )
    assert modules("numbers.js", expression) == ["3,57", "0,000", "−12,35", "29\xa0%", "48\xa0мс", "1,3\xa0с"]
    assert modules("numbers.js", "[0, 1023, 1536, 20 * 2 ** 20].map(m.bytes)") == [
        "0\xa0Б",
        "1023\xa0Б",
        "1,5\xa0КБ",
        "20\xa0МБ",
    ]


FOUND: list[dict[str, Any]] = [
    {
        "chunk_id": "a",
        "doc_id": "baikal",
        "title": "Байкал",
        "text": "Самое глубокое озеро",
        "scores": {"bm25": 2, "ce": -1},
    },
    {"chunk_id": "b", "doc_id": "angara", "title": "Ангара", "text": "Вытекает одна", "scores": {"bm25": 4, "ce": -3}},
    {"chunk_id": "c", "doc_id": "baikal", "title": "Байкал", "text": "Тает чёрный лёд", "scores": {"ce": -2}},
]


@pytest.mark.parametrize(
    ("order", "ids"),
    [("found", "abc"), ("title", "bac"), ("score:bm25", "bac"), ("score:ce", "acb"), ("score:unknown", "abc")],
)
def test_candidates_are_sorted(modules, order, ids):
    assert modules("listing.js", "m.sorted(given[0], given[1]).map((c) => c.chunk_id).join('')", [FOUND, order]) == ids


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ({}, "abc"), ({"text": "ЧЕРНЫЙ лед"}, "c"), ({"text": "ангара"}, "b"), ({"docId": "baikal"}, "ac"),
        ({"docId": "baikal", "text": "озеро"}, "a"), ({"text": "нет"}, ""),
    ],
)  # fmt: skip
def test_candidates_are_filtered(modules, filters, ids):
    assert (
        modules("listing.js", "m.filtered(given[0], given[1]).map((c) => c.chunk_id).join('')", [FOUND, filters]) == ids
    )


def test_bars_are_scaled_within_the_list_by_component(modules):
    shares = "given.map((c) => m.scaleOf('bm25', given)(c.scores.bm25 ?? 0))"
    assert modules("listing.js", shares, FOUND) == [0.5, 1, 0]
    logits = modules("listing.js", "given.map((c) => m.scaleOf('ce', given)(c.scores.ce))", FOUND)
    assert logits == pytest.approx([1, 0.05, 0.525])
    assert modules("listing.js", "m.scaleOf('bm25', [])(1)") == 0


def test_the_selection_keeps_pins_and_forgets_the_rest(modules):
    script = """(() => {
      const s = new m.Selection();
      const list = (ids) => [...ids].map((id) => ({ chunk_id: id }));
      const seen = [];
      const note = () => seen.push([s.all.map((c) => c.chunk_id).join(""), s.reading.join(""), s.dropped]);
      s.begin(list("abcd"), 2); note();
      s.pin("c", true); note();
      s.drop("a"); note();
      s.choose("d", true); note();
      s.restore(); note();
      s.begin(list("xby"), 2); note();
      s.pin("c", false); note();
      s.drop("x"); s.drop("b"); note();
      return seen;
    })()"""
    assert modules("selection.js", script) == [
        ["abcd", "ab", 0],
        ["cabd", "cab", 0],
        ["cbd", "cb", 1],
        ["cbd", "cbd", 1],
        ["cabd", "cabd", 0],
        ["cxby", "cx", 0],
        ["xby", "x", 0],
        ["y", "", 2],
    ]


def test_rankings_are_compared(modules):
    found = modules("ranking.js", "m.compared(['a', 'b', 'c'], ['b', 'a', 'd'])")
    assert found["common"] == 2
    assert [(row["id"], row["rank"], row["other"]) for row in found["left"]] == [
        ("a", 1, 2),
        ("b", 2, 1),
        ("c", 3, None),
    ]
    assert [(row["id"], row["rank"], row["other"]) for row in found["right"]] == [
        ("b", 1, 2),
        ("a", 2, 1),
        ("d", 3, None),
    ]
    assert modules("compare.js", "[m.moved(1, null), m.moved(2, 2), m.moved(1, 3), m.moved(5, 1)]") == [
        "только здесь", "там же", "там 3-й ▲2", "там 1-й ▼4",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("address", "meaning"),
    [
        ("", {"view": "ask"}),
        ("#compare", {"view": "compare"}),
        ("#document=baikal&start=412&end=513", {"docId": "baikal", "start": 412, "end": 513}),
        ("#document=baikal", {"docId": "baikal", "start": None, "end": None}),
        ("#document=baikal&start=-1&end=1e3", {"docId": "baikal", "start": None, "end": None}),
        ("#document=baikal&start=5&end=5", {"docId": "baikal", "start": None, "end": None}),
        ("#<script>", {"view": "ask"}),
    ],
)
def test_addresses_mean_places(modules, address, meaning):
    assert modules("addresses.js", "m.meant(given)", address) == meaning


@given(name=st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable()), start=st.integers(0, 10**6))
@fast
def test_the_address_of_a_place_means_that_place(modules, name, start):
    script = "m.meant(m.documentLink(given.name, given.start, given.start + 1))"
    found = modules("addresses.js", script, {"name": name, "start": start})
    assert found == {"docId": name, "start": start, "end": start + 1}


def test_overrides_of_direction_show_and_offsets_stay(modules):
    assert modules("marking.js", "m.shown(given)", "счёт\u202efdp.exe") == "счёт\ufffdfdp.exe"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", None),
        (" ; ", None),
        ("topic = география", {"topic": {"$eq": "география"}}),
        ("книга = «Война; мир»", "bad"),  # a semicolon parts conditions everywhere
        ("название книги=«Война и мир»", {"название книги": {"$eq": "Война и мир"}}),
        ('год = "1961"', {"год": {"$eq": "1961"}}),
        ("год = 1961", {"$or": [{"год": {"$eq": "1961"}}, {"год": {"$eq": 1961}}]}),
        ("год != 1961", {"$and": [{"год": {"$ne": "1961"}}, {"год": {"$ne": 1961}}]}),
        ("цена ≥ −1,5", {"цена": {"$gte": -1.5}}),
        ("свежее = true", {"$or": [{"свежее": {"$eq": "true"}}, {"свежее": {"$eq": True}}]}),
        ("a=б; год<1900;", {"$and": [{"a": {"$eq": "б"}}, {"год": {"$lt": 1900}}]}),
        ("topic", "bad"),
        ("= география", "bad"),
        ("topic =", "bad"),
        ("год > давно", "bad"),
        ("$and = 1", "bad"),
    ],
)
def test_a_condition_becomes_a_filter_that_the_server_takes(modules, text, meant):
    found = modules("where.js", "m.filterOf(given) === undefined ? 'bad' : m.filterOf(given)", text)
    assert found == meant
    if found != "bad":
        validate(found)


@given(text=st.text(st.sampled_from('aя =!<>≤;$#.1-«»" '), max_size=12))
@fast
def test_whatever_is_written_is_a_sound_filter_or_none(modules, text):
    found = modules("where.js", "m.filterOf(given) ?? null", text)
    if found is not None:
        validate(found)


def test_fields_of_documents_are_offered_as_conditions(modules):
    candidates = [
        {"metadata": {"topic": "спорт", "chunk_index": 0, "headings": "Детство", "end": 9}},
        {"metadata": {"topic": "спорт", "year": 1961, "note": "a;b", "empty": ""}},
        {},
    ]
    assert modules("where.js", "m.conditionsOf(given)", candidates) == ["topic = спорт", "year = 1961"]


def test_every_error_of_the_server_has_its_russian(modules):
    from rag.serve.problems import Code

    told = modules("error-words.js", "given.map((code) => m.explained({ code }))", list(Code))
    assert "Произошла ошибка." not in told
    assert len(set(told)) == len(told)


def test_every_word_of_the_agent_has_its_russian(modules):
    from rag.agent.budget import StopReason
    from rag.agent.options import Way
    from rag.agent.plan import Action, Comparison, Origin
    from rag.agent.trace import Operation, Verdict

    for function, field, names in (
        ("operation", "operation", Operation),
        ("verdict", "verdict", Verdict),
        ("way", "way", Way),
    ):
        told = modules("step-words.js", f"given.map((name) => m.{function}({{ {field}: name }}))", list(names))
        assert not set(told) & set(names), function
    assert not set(modules("step-words.js", "given.map(m.stop)", list(StopReason))) & set(StopReason)
    origins = modules("step-words.js", "given.map((origin) => m.origin({ origin, note: '' }))", list(Origin))
    assert len(set(origins)) == len(Origin)
    actions = modules("step-words.js", "given.map((action) => m.action({ action }))", list(Action))
    assert actions[0] == ""
    assert len(set(actions)) == len(Action)
    compared = modules(
        "step-words.js", "given.map((comparison) => m.action({ action: 'compare', comparison }))", list(Comparison)
    )
    assert not any(name in told for name, told in zip(Comparison, compared, strict=True))


def test_every_retriever_has_its_russian(modules):
    from rag.profile import RetrieverKind

    told = modules("words.js", "given.map(m.retriever)", list(RetrieverKind))
    assert not set(told) & set(RetrieverKind)
    assert all(" — " in name for name in told)
