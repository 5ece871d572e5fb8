from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.documents import Document

from retrievers.analysis import Analyzer
from retrievers.bm25 import BM25Index, BM25Method, BM25Options, BM25Segment
from retrievers.bm25.cache import TermCache
from retrievers.documents import search_text
from retrievers.errors import InputError
from retrievers.segment_order import SegmentOrder, SegmentRows

Lists = list[list[str]]


@pytest.fixture(scope="module")
def demo_terms(demo_chunks: list[Document]) -> Lists:
    analyzer = Analyzer()
    return [analyzer(search_text(chunk)) for chunk in demo_chunks]


def test_scores_by_hand() -> None:
    # Two documents hold «река», of 2 and 4 terms where the mean is 3; k1 = 1, b = .5.
    index = BM25Index.build([["река", "волга"], ["река", "река", "обь", "ямал"], ["озеро", "лёд", "лёд"]], _options())
    idf = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    first = 1 / (1 + 1 * (0.5 + 0.5 * 2 / 3))
    second = 2 / (2 + 1 * (0.5 + 0.5 * 4 / 3))
    np.testing.assert_allclose(index.scores(["река"]), [idf * first, idf * second, 0], rtol=1e-6)


def _options(method: BM25Method = BM25Method.LUCENE) -> BM25Options:
    return BM25Options(method=method, k1=1.0, b=0.5)


@pytest.mark.parametrize("method", list(BM25Method))
def test_every_method_ranks_by_frequency_and_leaves_out_the_rest(method: BM25Method) -> None:
    terms = [["мост"], ["озеро", "лёд"], ["озеро", "озеро"], ["лес"], ["поле"]]
    rows, scores = BM25Index.build(terms, _options(method)).top(["озеро"], 10)
    assert rows.tolist() == [2, 1]
    assert scores[0] > scores[1] > 0


def test_a_repeated_question_term_counts_twice() -> None:
    index = BM25Index.build([["река", "волга"], ["озеро"]])
    np.testing.assert_allclose(index.scores(["река", "река"]), 2 * index.scores(["река"]))


def test_unknown_and_no_terms_find_nothing() -> None:
    index = BM25Index.build([["река"], ["озеро"]])
    assert index.top(["море"], 5)[0].tolist() == []
    assert index.top([], 5)[0].tolist() == []


def test_more_than_there_is_may_be_asked_for() -> None:
    assert BM25Index.build([["река"], ["река"], ["озеро"]]).top(["река"], 100)[0].tolist() == [0, 1]


def test_equal_scores_keep_the_order_of_rows() -> None:
    index = BM25Index.build([["озеро"], *[["река"]] * 50])
    for k in (1, 7, 49, 50):
        assert index.top(["река"], k)[0].tolist() == list(range(1, k + 1))


@pytest.mark.parametrize("terms", [[], [[]], [[], []]])
@pytest.mark.parametrize("method", list(BM25Method))
def test_a_corpus_without_terms(terms: list[list[str]], method: BM25Method, tmp_path: Path) -> None:
    index = BM25Index.build(terms, _options(method))
    index.save(tmp_path)
    for opened in (index, BM25Index.load(tmp_path)):
        assert len(opened) == len(terms)
        assert opened.top(["река"], 3)[0].tolist() == []


def test_rows_without_terms_are_counted() -> None:
    assert BM25Index.build([[], ["река"], []]).top(["река"], 3)[0].tolist() == [1]


def test_any_iterable_is_indexed() -> None:
    index = BM25Index.build(iter(term for term in row) for row in (("река", "волга"), ("озеро",)))
    assert len(index) == 2
    assert index.document_frequency("волга") == 1


def test_idf_falls_with_frequency_and_is_positive() -> None:
    index = BM25Index.build([["река", "волга"], ["река"], ["река"]], _options(BM25Method.ROBERTSON))
    assert index.idf("море") > index.idf("волга") > index.idf("река") > 0
    assert index.idf("волга") == pytest.approx(math.log(1 + 2.5 / 1.5))
    assert index.document_frequency("море") == 0


# Saving


@pytest.mark.parametrize("method", list(BM25Method))
@pytest.mark.parametrize("mmap", [True, False])
def test_a_saved_index_scores_the_same(method: BM25Method, mmap: bool, tmp_path: Path) -> None:
    index = BM25Index.build([["ёж", "река"], ["река", "река"], ["поле"]], _options(method))
    index.save(tmp_path / "new" / "folder")
    opened = BM25Index.load(tmp_path / "new" / "folder", mmap=mmap)
    assert opened.options == index.options
    np.testing.assert_array_equal(opened.scores(["река", "ёж"]), index.scores(["река", "ёж"]))
    opened.save(tmp_path / "again")
    np.testing.assert_array_equal(BM25Index.load(tmp_path / "again").scores(["ёж"]), index.scores(["ёж"]))


@pytest.mark.parametrize("content", ['{"b": 7}', '{"other": 1}', "[]", "{"])
def test_foreign_options_are_refused(content: str, tmp_path: Path) -> None:
    BM25Index.build([["река"]]).save(tmp_path)
    (tmp_path / "options.json").write_text(content)
    with pytest.raises(InputError, match="options"):
        BM25Index.load(tmp_path)


def test_only_one_whole_segment_is_saved(tmp_path: Path) -> None:
    segment = BM25Segment.build([["река"], ["озеро"]])
    deleted = SegmentOrder([SegmentRows(np.arange(2), np.ones(2, np.int64), np.array([True, False]))])
    for index in (BM25Index([segment, segment]), BM25Index([segment], order=deleted), BM25Index([])):
        with pytest.raises(InputError, match="one segment"):
            index.save(tmp_path)
    assert list(tmp_path.iterdir()) == []


# Segments


def one_by_one(positions: Sequence[int], deleted: Sequence[bool]) -> SegmentRows:
    """Documents of one chunk each."""
    return SegmentRows(np.array(positions, np.int64), np.ones(len(positions), np.int64), np.array(deleted, np.bool_))


def assert_same(cut: BM25Index, whole: BM25Index, questions: Lists) -> None:
    """Bit for bit the same answers, whichever of the two ways of asking."""
    assert len(cut) == len(whole)
    for question in questions:
        assert cut.scores(question).tobytes() == whole.scores(question).tobytes()
        weights = {term: 0.3 + place for place, term in enumerate(question)}
        assert cut.weighted_scores(weights).tobytes() == whole.weighted_scores(weights).tobytes()
        for k in (1, 3, 1000):
            for found, expected in zip(cut.top(question, k), whole.top(question, k), strict=True):
                assert found.tobytes() == expected.tobytes()
        for term in question:
            assert cut.document_frequency(term) == whole.document_frequency(term)
            assert cut.idf(term) == whole.idf(term)


terms = st.sampled_from(["озеро", "река", "море", "лес", "байкал", "волга"])
options = st.builds(
    BM25Options,
    method=st.sampled_from(BM25Method),
    k1=st.sampled_from([0.0, 0.7, 1.2]),
    b=st.sampled_from([0.0, 0.5, 1.0]),
    delta=st.sampled_from([0.0, 0.5]),
)


@given(st.data(), st.lists(st.lists(terms, max_size=7), max_size=25), options)
@settings(deadline=None, max_examples=60)
def test_segments_with_deleted_rows_answer_as_one_of_the_living_lists(
    data: st.DataObject, lists: Lists, scoring: BM25Options
) -> None:
    positions = data.draw(st.permutations(range(len(lists))))
    deleted = [data.draw(st.booleans()) for _ in lists]
    cuts = [0, *sorted(data.draw(st.lists(st.integers(0, len(lists)), max_size=4))), len(lists)]
    spans = [slice(start, stop) for start, stop in itertools.pairwise(cuts)]
    segments = [BM25Segment.build(lists[span]) for span in spans]
    order = SegmentOrder([one_by_one(positions[span], deleted[span]) for span in spans])
    living = sorted((place, row) for place, row, dead in zip(positions, lists, deleted, strict=True) if not dead)
    whole = BM25Index.build([row for _, row in living], scoring)
    assert_same(BM25Index(segments, scoring, order), whole, [*lists[:2], ["озеро", "степь", "река", "озеро"], []])


@pytest.mark.parametrize("method", list(BM25Method))
def test_a_real_text_in_segments_on_disk(demo_terms: list[list[str]], method: BM25Method, tmp_path: Path) -> None:
    scoring = BM25Options(method=method)
    draw = np.random.default_rng(7)
    deleted = draw.random(len(demo_terms)) < 0.1
    places = np.arange(len(demo_terms))
    cuts = [0, 10, len(demo_terms) // 3, len(demo_terms)]
    segments, rows = [], []
    for start, stop in itertools.pairwise(cuts):
        BM25Segment.build(demo_terms[start:stop]).save(tmp_path / str(start))
        segments.append(BM25Segment.load(tmp_path / str(start)))
        rows.append(one_by_one(places[start:stop].tolist(), deleted[start:stop].tolist()))
    whole = BM25Index.build([row for row, dead in zip(demo_terms, deleted, strict=True) if not dead], scoring)
    questions = [
        list(draw.choice(demo_terms[row], 5)) for row in draw.integers(0, len(demo_terms), 15) if demo_terms[row]
    ]
    assert_same(BM25Index(segments, scoring, SegmentOrder(rows)), whole, questions)


def test_without_an_order_segments_follow_each_other() -> None:
    lists = [["река", "волга"], ["озеро"], ["река"], [], ["озеро", "лёд"]]
    cut = BM25Index([BM25Segment.build(lists[:2]), BM25Segment.build([]), BM25Segment.build(lists[2:])])
    assert_same(cut, BM25Index.build(lists), [["река"], ["озеро", "река"]])


def test_no_segment_and_segments_of_deleted_rows_find_nothing() -> None:
    segment = BM25Segment.build([["река"], ["озеро"]])
    gone = SegmentOrder([one_by_one([0, 1], [True, True])])
    for index in (BM25Index([]), BM25Index([segment], order=gone)):
        assert len(index) == 0
        assert index.top(["река"], 3)[0].tolist() == []
        assert index.scores(["река"]).tolist() == []
        assert index.document_frequency("река") == 0


def test_an_order_of_other_segments_is_refused() -> None:
    segment = BM25Segment.build([["река"], ["озеро"]])
    for rows in (
        [],
        [one_by_one([0], [False])],
        [one_by_one([0], [True])],
        [one_by_one([0, 1, 2], [True, False, False])],
    ):
        with pytest.raises(InputError, match="expected an order of"):
            BM25Index([segment], order=SegmentOrder(rows))


# What is remembered


def test_answers_do_not_depend_on_what_was_asked_before(demo_terms: list[list[str]]) -> None:
    questions = [row[:6] for row in demo_terms[:200:5]]
    index, forgetful = BM25Index.build(demo_terms), BM25Index.build(demo_terms)
    forgetful._cache = TermCache(0)
    first = [index.scores(question).tobytes() for question in questions]
    assert [index.scores(question).tobytes() for question in questions] == first
    assert [forgetful.scores(question).tobytes() for question in questions] == first


def test_threads_get_the_answers_of_one(demo_terms: list[list[str]]) -> None:
    questions = [row[:6] for row in demo_terms[:100]]
    index = BM25Index.build(demo_terms)
    index._cache = TermCache(20_000)  # so that terms are forgotten all the time
    expected = [index.top(question, 10)[0].tolist() for question in questions]
    found: dict[int, list[list[int]]] = {}

    def ask(number: int) -> None:
        found[number] = [index.top(question, 10)[0].tolist() for question in questions]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict.fromkeys(range(4), expected)
