"""Spans of a passage that could be an answer: names, titles, dates, quantities, noun phrases, lists, clauses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from generators.reading.parsing import Name, ParsedText, Sentence, Word
from generators.reading.rules import rules

_MAX_WORDS = 14  # a longer noun phrase is no short answer
_MAX_CLAUSE_WORDS = 22
_MAX_PER_SENTENCE = 160
_OPENING, _CLOSING = '«„“"', '»“”"'
_CLOSES = {"»": "«", ")": "(", "”": "“"}
_YEAR = re.compile(r"1[0-9]{3}|20[0-9]{2}|[1-9][0-9]{2}")
_DAY = re.compile(r"[1-9]|[12][0-9]|3[01]")
_NUMBER = re.compile(r"\d+([.,½]\d*)?|½")
_ROMAN = re.compile(r"[IVXLCХ]+")
_YEAR_WORDS = frozenset({"год", "гг", "г"})
_CENTURY_WORDS = frozenset({"век", "столетие", "в", "вв", "тысячелетие"})
_DASHES = frozenset("-–—−‒")
_MODIFIERS = ("amod", "nummod", "nummod:gov", "nummod:entity", "det", "compound", "advmod")
_PARTICLES = frozenset(
    {"де", "да", "ди", "дю", "дель", "делла", "ла", "ле", "фон", "ван", "дер", "аль", "ибн", "бен", "эль"}
)
_NAME_KINDS = {"PER": "person", "LOC": "place", "ORG": "organization"}


class Kind(StrEnum):
    """What a span is, the most telling reading first."""

    DATE = "date"
    YEAR = "year"
    MONTH = "month"
    CENTURY = "century"
    PERCENT = "percent"
    QUANTITY = "quantity"
    NUMBER = "number"
    NUMERAL = "numeral"
    PERSON = "person"
    PLACE = "place"
    ORGANIZATION = "organization"
    TITLE = "title"
    NAME = "name"
    LATIN = "latin"
    LIST = "list"
    PHRASE = "phrase"
    ADJECTIVE = "adjective"
    CLAUSE = "clause"


_NUMERIC = frozenset({Kind.PERCENT, Kind.QUANTITY, Kind.NUMBER, Kind.NUMERAL})
_PRIORITY = {kind: rank for rank, kind in enumerate(Kind)}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A span of one sentence.

    Args:
        sentence: index of the sentence; ``first`` and ``last`` (exclusive) count its words.
        head: index of the word that governs the others.
        start, stop: offsets into the passage's text.
        kind: what it is.
    """

    sentence: int
    first: int
    last: int
    head: int
    start: int
    stop: int
    kind: Kind


def propose(parsed: ParsedText) -> list[Candidate]:
    """All candidates of a passage, in order of appearance; a span appears once, under its most telling kind."""
    found: list[Candidate] = []
    for index, sentence in enumerate(parsed.sentences):
        names = [name for name in parsed.names if name.start < sentence.stop and name.stop > sentence.start]
        found.extend(_of_sentence(index, sentence, names))
    return found


class _Spans:
    """Spans of one sentence with the most telling kind of each."""

    def __init__(self, words: tuple[Word, ...]) -> None:
        self.words = words
        self.kinds: dict[tuple[int, int], Kind] = {}

    def add(self, first: int, last: int, kind: Kind, limit: int = _MAX_WORDS) -> None:
        words = self.words
        approximate = kind in _NUMERIC and words[first].folded in rules().approximations
        while (
            first < last and not approximate and (words[first].is_punctuation or words[first].pos in ("ADP", "CCONJ"))
        ):
            first += 1
        while last > first and self._droppable(last - 1, first):
            last -= 1
        if last < len(words) and first < last and _unclosed(words, first, last) == _CLOSES.get(words[last].text):
            last += 1
        if first >= last or last - first > limit or _unclosed(words, first, last):
            return
        current = self.kinds.get((first, last))
        if current is None or _PRIORITY[kind] < _PRIORITY[current]:
            self.kinds[first, last] = kind

    def _droppable(self, index: int, first: int) -> bool:
        word = self.words[index]
        if word.text in "%°":
            return False
        if word.text == ")" and any(other.text == "(" for other in self.words[first:index]):
            return False
        if word.text == "." and len(self.words[index - 1].text) == 1 and self.words[index - 1].text.isupper():
            return False
        return word.is_punctuation or word.pos in ("ADP", "CCONJ", "SCONJ")


def _of_sentence(index: int, sentence: Sentence, names: list[Name]) -> list[Candidate]:
    words = sentence.words
    spans = _Spans(words)
    _add_names(spans, names)
    _add_numbers(spans)
    _add_dates(spans)
    _add_capitalised(spans)
    _add_enclosed(spans)
    _add_phrases(spans)
    _add_clauses(spans)
    chosen = sorted(spans.kinds.items(), key=lambda item: (_PRIORITY[item[1]], item[0]))[:_MAX_PER_SENTENCE]
    return [
        Candidate(index, first, last, _head(words, first, last), words[first].start, words[last - 1].stop, kind)
        for (first, last), kind in sorted(chosen, key=lambda item: item[0])
    ]


def _unclosed(words: tuple[Word, ...], first: int, last: int) -> str:
    """The bracket or quote that a span opens and does not close, or closes without having opened; ``""`` for none."""
    opened: list[str] = []
    for word in words[first:last]:
        if word.text in _CLOSES.values():
            opened.append(word.text)
        elif word.text in _CLOSES and (not opened or opened.pop() != _CLOSES[word.text]):
            return word.text
    return opened[-1] if opened else ""


def _head(words: tuple[Word, ...], first: int, last: int) -> int:
    for index in range(first, last):
        word = words[index]
        if not word.is_punctuation and word.pos != "ADP" and not first <= word.head < last:
            return index
    return first


def _add_names(spans: _Spans, names: list[Name]) -> None:
    for name in names:
        inside = [i for i, word in enumerate(spans.words) if word.start >= name.start and word.stop <= name.stop]
        if inside:
            spans.add(inside[0], inside[-1] + 1, Kind(_NAME_KINDS.get(name.type, "name")))


def _add_numbers(spans: _Spans) -> None:
    words = spans.words
    table = rules()
    at = 0
    while at < len(words):
        if not _NUMBER.match(words[at].text) and not (words[at].pos == "NUM" and words[at].text.isalpha()):
            at += 1
            continue
        first = at
        last = at + 1
        while last < len(words):  # 21 700 000; 3—5; 2,5 млн
            text = words[last].text
            joins = text in _DASHES or text in ",.±×"
            if (
                joins
                and last + 1 < len(words)
                and words[last + 1].text[:1].isdigit()
                and not _spaced(words, last, text)
            ):
                last += 2
            elif text[:1].isdigit() or (words[last].pos == "NUM" and text.isalpha()):
                last += 1
            else:
                break
        numeral = Kind.NUMERAL if words[first].text.isalpha() else Kind.NUMBER
        spans.add(first, last, numeral)
        thousands = all(words[i].text.isdigit() and len(words[i].text) == 3 for i in range(first + 1, last))
        if last - first > 1 and not thousands:
            spans.add(first, first + 1, numeral)
            spans.add(last - 1, last, numeral)
        before = first - 1 if first and words[first - 1].folded in table.approximations else first
        end = last
        if end < len(words) and words[end].text == "%":
            spans.add(first, end + 1, Kind.PERCENT)
            spans.add(before, end + 1, Kind.PERCENT)
            end += 1
        unit = _unit_end(words, end)
        if unit > end:
            spans.add(first, unit, Kind.QUANTITY)
            spans.add(before, unit, Kind.QUANTITY)
            further = _unit_end(words, unit)
            if further > unit:
                spans.add(first, further, Kind.QUANTITY)
        elif before < first:
            spans.add(before, last, numeral)
        at = last


def _spaced(words: tuple[Word, ...], at: int, text: str) -> bool:
    return text in ",." and words[at + 1].start > words[at].stop


def _unit_end(words: tuple[Word, ...], at: int) -> int:
    """Index after the unit or counted noun that starts at ``at``; ``at`` itself when there is none."""
    table = rules()
    if at >= len(words):
        return at
    word = words[at]
    if word.folded in table.unit_symbols or word.lemma in table.unit_lemmas or word.text in "°$€£":
        end = at + 1
        while end < len(words) and (
            words[end].text in "/²³^" or words[end - 1].text in "/°" or words[end].folded in ("c", "с", "²", "³")
        ):
            if words[end].folded in ("c", "с") and words[end - 1].text != "°":
                break
            end += 1
        if end < len(words) and words[end].text == "." and word.folded in table.unit_symbols and len(word.text) <= 3:
            end += 1
        return end
    end = at
    while end < len(words) and words[end].pos == "ADJ" and end - at < 2:
        end += 1
    if end < len(words) and words[end].pos == "NOUN" and words[end].lemma not in table.months:
        return end + 1
    return at


def _add_dates(spans: _Spans) -> None:
    words, table = spans.words, rules()
    for index, word in enumerate(words):
        text = word.text
        follower = words[index + 1] if index + 1 < len(words) else None
        if _ROMAN.fullmatch(text) and follower and follower.lemma in _CENTURY_WORDS:
            spans.add(index, index + 1, Kind.CENTURY)
            spans.add(index, index + 2, Kind.CENTURY)
        if text.isdigit() and follower and follower.lemma in ("век", "столетие"):
            spans.add(index, index + 2, Kind.CENTURY)
        if _YEAR.fullmatch(text):
            spans.add(index, index + 1, Kind.YEAR)
            if follower and (follower.lemma in _YEAR_WORDS or follower.folded in _YEAR_WORDS):
                spans.add(index, index + 2, Kind.YEAR)
            if (
                follower
                and follower.text in _DASHES
                and index + 2 < len(words)
                and _YEAR.fullmatch(words[index + 2].text)
            ):
                spans.add(index, index + 3, Kind.DATE)
        elif re.fullmatch(r"\d{3,4}[-–—]\d{2,4}", text):
            spans.add(index, index + 1, Kind.DATE)
        if word.lemma in table.months and word.pos != "VERB":
            _add_month(spans, index)


def _add_month(spans: _Spans, month: int) -> None:
    words = spans.words
    spans.add(month, month + 1, Kind.MONTH)
    first = month
    if month and (_DAY.fullmatch(words[month - 1].text) or re.fullmatch(r"\d{1,2}[-–—]\d{1,2}", words[month - 1].text)):
        first = month - 1
        spans.add(first, month + 1, Kind.DATE)
    last = month + 1
    if last < len(words) and words[last].text in "([":  # «26 августа (7 сентября) 1812 года»
        closing = next((i for i in range(last, min(last + 5, len(words))) if words[i].text in ")]"), None)
        if closing is not None and any(words[i].lemma in rules().months for i in range(last, closing)):
            last = closing + 1
    if last < len(words) and _YEAR.fullmatch(words[last].text):
        spans.add(first, last + 1, Kind.DATE)
        spans.add(month, last + 1, Kind.DATE)
        if last + 1 < len(words) and (words[last + 1].lemma == "год" or words[last + 1].folded in ("г", "года")):
            spans.add(first, last + 2, Kind.DATE)
            spans.add(month, last + 2, Kind.DATE)


def _capital(word: Word) -> bool:
    return word.text[:1].isupper() and any(char.isalpha() for char in word.text)


def _latin(word: Word) -> bool:
    return any("a" <= char <= "z" or "A" <= char <= "Z" for char in word.text)


def _add_capitalised(spans: _Spans) -> None:
    words = spans.words
    at = 0
    while at < len(words):
        word = words[at]
        if not (_capital(word) or _latin(word)):
            at += 1
            continue
        last = at + 1
        while last < len(words):
            nxt = words[last]
            after = words[last + 1] if last + 1 < len(words) else None
            if _capital(nxt) or _latin(nxt) or (_latin(words[last - 1]) and nxt.text.isdigit()):
                last += 1
            elif (
                (nxt.folded in _PARTICLES and after and _capital(after))
                or (nxt.text == "." and len(words[last - 1].text) <= 2 and after and _capital(after))
                or (nxt.text in "-–—'’&" and after and (_capital(after) or _latin(after)) and nxt.stop == after.start)
            ):
                last += 2
            else:
                break
        kind = Kind.LATIN if all(_latin(w) or not w.text.isalpha() for w in words[at:last]) else Kind.NAME
        if at > 0 or last - at > 1 or word.pos == "PROPN" or kind == Kind.LATIN:
            spans.add(at, last, kind)
        if at == 0 and last - at > 1:
            spans.add(1, last, kind)
        if kind == Kind.NAME and last - at > 1 and any(_latin(w) for w in words[at:last]):
            latin = [i for i in range(at, last) if _latin(words[i])]
            spans.add(latin[0], latin[-1] + 1, Kind.LATIN)
        at = last


def _add_enclosed(spans: _Spans) -> None:
    words = spans.words
    opened: list[int] = []
    bracket: int | None = None
    for index, word in enumerate(words):
        if word.text == '"' and opened and words[opened[-1]].text == '"':
            spans.add(opened.pop() + 1, index, Kind.TITLE)
        elif word.text in _OPENING and not (word.text == "“" and opened):
            opened.append(index)
        elif word.text in _CLOSING and opened:
            spans.add(opened.pop() + 1, index, Kind.TITLE)
        elif word.text == "(":
            bracket = index
        elif word.text == ")" and bracket is not None:
            spans.add(bracket + 1, index, Kind.CLAUSE)
            bracket = None


def _extents(words: tuple[Word, ...]) -> list[tuple[int, int]]:
    """First and last word of every subtree; crossing arcs make it wider than its words."""
    low, high = list(range(len(words))), list(range(len(words)))
    for index in range(len(words)):
        ancestor, steps = words[index].head, 0
        while ancestor >= 0 and steps < len(words):
            low[ancestor], high[ancestor] = min(low[ancestor], index), max(high[ancestor], index)
            ancestor, steps = words[ancestor].head, steps + 1
    return list(zip(low, high, strict=True))


_RIGHT = (
    "nmod",
    "flat",
    "flat:name",
    "flat:foreign",
    "appos",
    "amod",
    "nummod",
    "conj",
    "acl",
    "acl:relcl",
    "parataxis",
    "obl",
    "compound",
)


def _add_phrases(spans: _Spans) -> None:
    words = spans.words
    extents = _extents(words)
    children: list[list[int]] = [[] for _ in words]
    for index, word in enumerate(words):
        if word.head >= 0:
            children[word.head].append(index)
    for head, word in enumerate(words):
        if word.pos in ("ADJ", "VERB") and word.case and not word.is_punctuation:
            if word.pos == "ADJ":
                spans.add(head, head + 1, Kind.ADJECTIVE)
            if word.relation in ("amod", "acl"):
                continue
        elif word.pos == "ADV" and word.relation == "advmod":
            spans.add(head, head + 1, Kind.ADJECTIVE)
            continue
        if word.pos not in ("NOUN", "PROPN", "ADJ", "X", "SYM"):
            continue
        left = [head]
        for child in reversed([c for c in children[head] if c < head]):
            if words[child].relation not in _MODIFIERS or extents[child][1] >= left[-1]:
                break
            left.append(extents[child][0])
        lefts = {left[0], left[-1], left[min(1, len(left) - 1)]}
        right = head + 1
        rights = [right]
        conjoined: list[int] = []
        for child in (c for c in children[head] if c > head):
            if words[child].is_punctuation:
                continue
            if words[child].relation not in _RIGHT:
                break
            if words[child].relation == "conj":
                conjoined.append(extents[child][1] + 1)
                continue
            if not conjoined:
                rights.append(extents[child][1] + 1)
                inner = [
                    g
                    for g in children[child]
                    if g > child and words[g].relation in ("nmod", "acl:relcl", "conj", "acl")
                ]
                if inner:
                    rights.insert(-1, extents[inner[0]][0])
                    rights.insert(-1, child + 1)
        for start in sorted(lefts):
            for stop in dict.fromkeys(rights[:6]):
                kind = Kind.ADJECTIVE if word.pos == "ADJ" and stop == head + 1 else Kind.PHRASE
                spans.add(start, stop, kind)
        for stop in conjoined[-2:]:
            spans.add(min(lefts), stop, Kind.LIST)


def _add_clauses(spans: _Spans) -> None:
    words = spans.words
    extents = _extents(words)
    for index, word in enumerate(words):
        low, high = extents[index]
        if word.relation in ("advcl", "ccomp", "xcomp", "acl", "csubj") and high - low + 1 > 1:
            spans.add(low, high + 1, Kind.CLAUSE, _MAX_CLAUSE_WORDS)
        elif word.pos == "VERB" and word.relation in ("root", "conj", "parataxis", "acl:relcl"):
            spans.add(index, high + 1, Kind.CLAUSE, _MAX_CLAUSE_WORDS)
            spans.add(index, index + 1, Kind.CLAUSE)
        if word.text in ("—", "–", ":") and 0 < index < len(words) - 1:
            stop = next((i for i in range(index + 1, len(words)) if words[i].text in ".;"), len(words))
            spans.add(index + 1, stop, Kind.CLAUSE, _MAX_CLAUSE_WORDS)
            comma = next((i for i in range(index + 1, stop) if words[i].text in ",("), None)
            if comma is not None:
                spans.add(index + 1, comma, Kind.PHRASE)
