"""What a Russian question asks for: its type, the expected answer, the noun in focus, and the terms to look for."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from enum import StrEnum

from generators.reading.parsing import Sentence, Word, parse, rarity, similarity
from generators.reading.rules import rules
from retrievers.analysis import fold, stop_words, words

MAX_QUESTION_CHARACTERS = 1000  # what stands after this is no question any more; it is not read
_FOCUS_SIMILARITY = 0.35  # an unknown focus noun takes the class of a known noun at least this near (cosine)
_QUOTED = re.compile(r'"([^"]+)"')


class QuestionType(StrEnum):
    """How a question asks."""

    WHO = "who"
    WHAT = "what"
    WHERE = "where"
    WHEN = "when"
    COUNT = "count"
    WHY = "why"
    HOW = "how"
    WHICH = "which"
    NAME = "name"
    ROLE = "role"
    DEFINITION = "definition"
    OTHER = "other"


class AnswerType(StrEnum):
    """What would answer it."""

    PERSON = "person"
    PLACE = "place"
    ORGANIZATION = "organization"
    TIME = "time"
    NUMBER = "number"
    MEASURE = "measure"
    WORK = "work"
    NOTION = "notion"
    TEXT = "text"


_BY_QUESTION = {
    QuestionType.WHO: AnswerType.PERSON,
    QuestionType.WHERE: AnswerType.PLACE,
    QuestionType.WHEN: AnswerType.TIME,
    QuestionType.COUNT: AnswerType.NUMBER,
    QuestionType.WHY: AnswerType.TEXT,
    QuestionType.HOW: AnswerType.TEXT,
    QuestionType.ROLE: AnswerType.NOTION,
    QuestionType.DEFINITION: AnswerType.TEXT,
}
_FOCUS_DECIDES = frozenset({QuestionType.WHICH, QuestionType.NAME, QuestionType.OTHER})


@dataclass(frozen=True, slots=True)
class Question:
    """A question understood.

    Args:
        text: as asked.
        type: how it asks; ``expected`` is what would answer it.
        asking: the folded word that asks, ``""`` when there is none.
        focus: lemma of the noun asked about («какой *город*», «сколько *лет*», «кто *автор*»), or ``""``.
        focus_modifiers: lemmas of the adjectives and genitives that narrow it («*английский* писатель»).
        terms: weight of every content lemma, nats of rarity in news.
        names: lemmas of capitalised, quoted or Latin words: what the question is about.
        verbs: lemmas of its verbs and participles.
        relations: names of the relations its lemmas state.
        words: its folded words in order, stop words included.
        asks_year, asks_month: the time asked for is a year, a month.
        asks_several: the focus noun is a plural («какие *реки*»).
        preposition: folded preposition before the asking word («*в* каком»), or ``""``.
        case: case of the asking word («*кем*» is ``"Ins"``), or ``""``.
    """

    text: str
    type: QuestionType
    expected: AnswerType
    asking: str
    focus: str
    focus_modifiers: frozenset[str]
    terms: dict[str, float]
    names: frozenset[str]
    verbs: frozenset[str]
    relations: frozenset[str]
    words: tuple[str, ...]
    asks_year: bool
    asks_month: bool
    asks_several: bool
    preposition: str
    case: str


@functools.lru_cache(maxsize=4096)
def understand(text: str) -> Question:
    """Analyse a question; any text has an answer, at worst of type ``other`` with no terms."""
    text = text[:MAX_QUESTION_CHARACTERS]
    parsed = parse(text)
    folded = " ".join(fold(text).split())
    sentence = _asking_sentence(parsed.sentences)
    tokens = sentence.words if sentence else ()
    at = _asking_word(tokens)
    kind = _type(folded, tokens[at] if at is not None else None)
    focus = _focus(tokens, at, kind)
    expected = _expected(kind, tokens[focus].lemma if focus is not None else "")
    every = [word for part in parsed.sentences for word in part.words if not word.is_punctuation]
    skipped = stop_words() | rules().interrogatives.keys()
    terms = {
        word.lemma: max(rarity(word.lemma), 0.5)
        for word in every
        if word.folded not in skipped and word.lemma not in skipped
    }
    focus_lemma = tokens[focus].lemma if focus is not None else ""
    lemmas = {word.lemma for word in every}
    relations = rules().relations
    return Question(
        text=text,
        type=kind,
        expected=expected,
        asking=tokens[at].folded if at is not None else "",
        focus=focus_lemma,
        focus_modifiers=_modifiers(tokens, focus),
        terms=terms,
        names=_names(text, every),
        verbs=frozenset(word.lemma for word in every if word.pos == "VERB" and word.lemma in terms),
        relations=frozenset(name for word in lemmas for name in relations.get(word, ())),
        words=tuple(words(text)),
        asks_year=expected == AnswerType.TIME and ("год" in lemmas),
        asks_month=expected == AnswerType.TIME and "месяц" in lemmas,
        asks_several=focus is not None and tokens[focus].feats.get("Number") == "Plur",
        preposition=_preposition(tokens, at),
        case=tokens[at].case if at is not None else "",
    )


def _asking_sentence(sentences: tuple[Sentence, ...]) -> Sentence | None:
    """The last sentence that asks; the last one when none does."""
    for sentence in reversed(sentences):
        if _asking_word(sentence.words) is not None:
            return sentence
    return sentences[-1] if sentences else None


def _asks(word: Word) -> bool:
    table = rules().interrogatives
    return word.folded in table or (word.lemma in table and word.pos in ("PRON", "DET", "ADJ", "ADV"))


def _asking_word(tokens: tuple[Word, ...]) -> int | None:
    return next((index for index, word in enumerate(tokens) if _asks(word)), None)


def _type(folded: str, asking: Word | None) -> QuestionType:
    for pattern, kind in rules().patterns:
        if pattern.search(folded):
            return QuestionType(kind)
    if asking is None:
        return QuestionType.OTHER
    table = rules().interrogatives
    return QuestionType(table.get(asking.folded) or table[asking.lemma])


def _preposition(tokens: tuple[Word, ...], at: int | None) -> str:
    return tokens[at - 1].folded if at and tokens[at - 1].pos == "ADP" else ""


def _is_noun(word: Word) -> bool:
    return word.pos in ("NOUN", "PROPN") or (word.pos in ("ADJ", "VERB") and word.lemma in rules().focus)


def _focus(tokens: tuple[Word, ...], at: int | None, kind: QuestionType) -> int | None:
    """Index of the noun the question is about, or None."""
    if at is None:
        return next((index for index, word in enumerate(tokens) if word.pos == "NOUN"), None)
    after = range(at + 1, len(tokens))
    found: int | None = None
    if kind in (QuestionType.WHICH, QuestionType.COUNT):
        head = tokens[at].head
        if head > at and tokens[head].pos == "NOUN" and head - at <= 5:
            found = head
        else:
            found = next((index for index in after if _is_noun(tokens[index])), None)
    elif kind == QuestionType.NAME:
        nouns = (index for index in after if tokens[index].pos == "NOUN")
        found = next(
            (i for i in nouns if tokens[i].case in ("Nom", "Ins", "Acc") or tokens[i].lemma in rules().focus), None
        )
    elif kind in (QuestionType.WHO, QuestionType.WHAT) and tokens[at].folded in ("кто", "что"):
        found = _predicate(tokens, at)
    if found is not None and tokens[found].lemma in rules().transparent:
        deeper = next((i for i in range(found + 1, len(tokens)) if tokens[i].pos == "NOUN"), None)
        if deeper is not None and deeper - found <= 3 and tokens[deeper].case == "Gen" and kind != QuestionType.WHO:
            return deeper if tokens[found].lemma != "имя" else found
    return found


def _predicate(tokens: tuple[Word, ...], at: int) -> int | None:
    """The noun that «кто» or «что» is said to be: «кто *автор*», but not «кто написал роман»."""
    for index in range(at + 1, len(tokens)):
        word = tokens[index]
        if word.pos == "NOUN" and word.case in ("Nom", "Ins"):
            return index
        if word.pos in ("PROPN", "PUNCT", "ADP", "NOUN") or (word.pos == "VERB" and word.lemma not in rules().copulas):
            return None
    return None


def _expected(kind: QuestionType, focus: str) -> AnswerType:
    if kind == QuestionType.COUNT:
        return (
            AnswerType.MEASURE if rules().focus.get(focus) in ("measure",) or focus in ("время",) else AnswerType.NUMBER
        )
    if focus and (kind in _FOCUS_DECIDES or kind == QuestionType.WHAT):
        return focus_class(focus)
    if kind == QuestionType.NAME:
        return AnswerType.PERSON
    if kind == QuestionType.WHAT:
        return AnswerType.TEXT
    return _BY_QUESTION.get(kind, AnswerType.TEXT)


@functools.lru_cache(maxsize=4096)
def focus_class(noun: str) -> AnswerType:
    """Answer type a noun asks for: by the rules, else by the nearest noun of the rules, else a notion."""
    known = rules().focus
    if noun in known:
        return AnswerType(known[noun])
    nearest = max(known, key=lambda word: similarity(noun, word))
    return AnswerType(known[nearest]) if similarity(noun, nearest) >= _FOCUS_SIMILARITY else AnswerType.NOTION


def _modifiers(tokens: tuple[Word, ...], focus: int | None) -> frozenset[str]:
    if focus is None:
        return frozenset()
    return frozenset(
        word.lemma
        for word in tokens
        if word.head == focus and word.relation in ("amod", "nmod", "appos") and not _asks(word)
    )


def _names(text: str, every: list[Word]) -> frozenset[str]:
    quoted = {word for part in _QUOTED.findall(fold(text).replace("''", '"')) for word in words(part)}
    return frozenset(
        word.lemma
        for index, word in enumerate(every)
        if (index > 0 and word.text[:1].isupper())
        or word.folded in quoted
        or (word.text.isascii() and word.text.isalpha())
        or word.pos == "PROPN"
        if word.folded not in rules().interrogatives
    )
