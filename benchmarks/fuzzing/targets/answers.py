"""Answers made comparable, and their metrics."""

from __future__ import annotations

from benchmarks.fuzzing.material import SENTENCES, STRANGE, TEXT
from benchmarks.fuzzing.target import Budget, Scratch, Target, bytes_of, text_of
from evals.answers import answer_metrics, exact_match
from evals.citations import quote_found_share
from evals.normalization import comparable, detect_language, join_number_words, russian_words
from rag.answer import Citation
from retrievers.analysis import visible_with_offsets

_SEEDS = (
    "в XIX—XX вв.", "12.04.1961 г.", "21.700.000 руб., 1990-е гг. и 50 %", "двадцать пять тысяч сто три", "5 тысяч",
    "Толстой, Достоевский и «Чехов, А. П.»; Гоголь", "The Beatles, a cat and the U.S.A.", "до н. э. 300, −5 °C",
    "1961-04-12",
)  # fmt: skip
_TOKENS = (
    "XIX в.", "ХХ", "I ", "12.04.1961", "1961-04-12", "1,000,000", "1.000.000", "1'000", "1990-х", "90-е годы",
    "5-го", "12 апр. ", "в 1961 году", "1941—1945 гг.", "н. э.", "%", "процента", "−", "-5", "«", "»", "„", "“", "”",
    '"', ";", " и ", "а также ", "the ", "a ", "тысяча ", "сто ", "9" * 5000 + " тысяч", "٣ тысячи", "     ",
)  # fmt: skip


def open_target(name: str, scratch: Scratch) -> Target:  # noqa: ARG001 - there is one, and it needs no files
    """Normalisation and metrics of answers."""
    budget = Budget(seconds=0.2, seconds_per_megabyte=60, memory_per_byte=1_500)
    return Target(
        _check, bytes_of(*_SEEDS, SENTENCES, STRANGE), bytes_of(*_TOKENS, *TEXT[-20:]), budget, longest=40_000
    )


def _check(data: bytes) -> None:
    """A prediction and a gold answer, divided by a line break."""
    text = text_of(data)
    prediction, _, gold = text.partition("\n")
    found = russian_words(text)
    for word in dict.fromkeys(found[:200]):
        assert russian_words(word) == [word], f"{word!r} is not its own normal form: {russian_words(word)}"
    numbers = join_number_words(found)
    assert len(numbers) <= len(found)
    for language in ("ru", "en"):
        for lemmatize in (False, True):
            assert comparable(text, language=language, lemmatize=lemmatize).words is not None
            assert exact_match(text, [text], language=language, lemmatize=lemmatize) == 1.0
    assert detect_language([prediction, gold]) in {"ru", "en"}
    scores = answer_metrics(prediction, [gold, text])
    assert all(0.0 <= score <= 1.0 for score in scores.values())
    assert scores == answer_metrics(prediction, [text, gold]), "the order of gold answers counts"
    citation = Citation("д_0", "д", "", prediction, 0, len(prediction), 0, len(prediction), 0.0)
    assert quote_found_share([citation], {"д_0": text}) == float(bool(prediction.strip()) and _shown(prediction))


def _shown(text: str) -> bool:
    return bool(visible_with_offsets(text)[0].strip())
