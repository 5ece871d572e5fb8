"""Questions that make no sense without the text they were written from: «Что он построил?», «О чём этот отрывок?»."""

from __future__ import annotations

import functools
import re
import tomllib
from importlib import resources

from generators.reading.parsing import Sentence, parse, rarity
from retrievers.analysis import fold, stop_words

# Inverse document frequency in news, in nats, from which a word names something («вексиллология» 11, «город» 4).
_TELLING = 7.0
_QUOTED = re.compile(r"[«„“\"][^»”\"]+[»”\"]")


@functools.cache
def _rules() -> tuple[re.Pattern[str], frozenset[str], frozenset[str]]:
    text = resources.files("training.pairs").joinpath("data/standalone.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    patterns = re.compile("|".join(f"(?:{pattern})" for pattern in table["text"]["patterns"]))
    return patterns, frozenset(map(fold, table["pronouns"]["words"])), frozenset(map(fold, table["pointing"]["words"]))


def why_dependent(question: str) -> str | None:
    """Why a question needs its text to be understood, None for one that stands alone.

    >>> why_dependent("О чём говорится в тексте?")
    'speaks of the text'
    >>> why_dependent("Кто написал роман «Обломов»?") is None
    True
    """
    of_text, pronouns, pointing = _rules()
    folded = " ".join(fold(question).split())
    if of_text.search(folded):
        return "speaks of the text"
    sentences = parse(question).sentences
    words = [word for sentence in sentences for word in sentence.words]
    if any(word.folded in pointing for word in words):
        return "points to the text"
    if _has_loose_pronoun(sentences, pronouns):
        return "pronoun for nobody"
    if not _names_something(question, sentences):
        return "names nothing"
    return None


def _has_loose_pronoun(sentences: tuple[Sentence, ...], pronouns: frozenset[str]) -> bool:
    """A personal pronoun with no noun before it: in «Сколько лет было Элвею, когда он…» there is one it stands for."""
    noun = False
    for sentence in sentences:
        for word in sentence.words:
            if word.folded in pronouns and not noun:
                return True
            noun = noun or word.pos in ("NOUN", "PROPN")
    return False


def _names_something(question: str, sentences: tuple[Sentence, ...]) -> bool:
    """A name, a quoted title, a foreign word, a number or a rare word."""
    if _QUOTED.search(question):
        return True
    for sentence in sentences:
        for index, word in enumerate(sentence.words):
            if word.is_punctuation or word.folded in stop_words() or word.lemma in stop_words():
                continue
            if word.pos == "PROPN" or (index > 0 and word.text[:1].isupper()) or word.text[:1].isdigit():
                return True
            if word.text.isascii() or rarity(word.lemma) >= _TELLING:
                return True
    return False
