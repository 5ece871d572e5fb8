"""Synonyms and abbreviations from a data file: a question about «США» finds «Соединённые Штаты», and the other way.

The file is TOML, a ``[[group]]`` for each thing with all its ``names``; the shipped one is ``data/synonyms.toml``.
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from langchain_core.runnables import RunnableConfig
from pydantic import Field

from retrievers.analysis import fold, morph, tokenize
from retrievers.errors import InputError
from retrievers.expansion.report import Addition, Expansion
from retrievers.expansion.terms import TermExpandingRetriever
from retrievers.filters import Where
from retrievers.toml import parse_toml

_HEADER = re.compile(r"\s*\[\[\s*group\s*\]\]")
_ABBREVIATION = re.compile(r"(?P<capitals>[A-ZА-ЯЁ]{2,})(?P<ending>[а-яё]{0,3})")  # «МИД», «МИДа», «ГОСТами»


@dataclass(frozen=True, slots=True)
class Match:
    """A known name in a question.

    Args:
        start, stop: offsets into the question.
        names: the other names of the same thing.
    """

    start: int
    stop: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Word:
    """A word to be compared.

    Args:
        folded: as written, folded.
        forms: its dictionary forms in all readings: one form of a word may be read in more ways than another.
        abbreviation: what it abbreviates to where it is written in capitals, ending aside; ``""`` elsewhere.
    """

    folded: str
    forms: frozenset[str]
    abbreviation: str

    def is_form_of(self, name: _Word) -> bool:
        """Whether this word of a question is a form of a name's word."""
        if not name.abbreviation:
            return not self.forms.isdisjoint(name.forms)
        if self.abbreviation:
            return self.abbreviation == name.abbreviation
        return self.folded == name.folded and not _in_dictionary(self.folded)


@dataclass(frozen=True, slots=True)
class _Name:
    group: int
    text: str
    words: tuple[_Word, ...]


class SynonymTable:
    """Groups of names for the same thing; satisfies :class:`~retrievers.expansion.writing.Rewriter`.

    Words are compared by dictionary form: «Соединённых Штатов Америки» is «Соединённые Штаты Америки». A word in
    capitals is an abbreviation: it is met in capitals, with an ending or without («МИДа»), and in small letters only
    where these are no other word («сша» is «США», «ран» is not «РАН»).

    Args:
        groups: names of each thing, best known first.

    >>> SynonymTable([["МИД", "Министерство иностранных дел"]]).rewrites("Кто возглавляет МИД?", 1)
    ['Кто возглавляет МИД (Министерство иностранных дел)?']
    """

    def __init__(self, groups: Sequence[Sequence[str]]) -> None:
        self.groups = tuple(tuple(dict.fromkeys(names)) for names in groups)
        self._by_first: dict[str, list[_Name]] = defaultdict(list)
        for number, names in enumerate(self.groups):
            for text in names:
                name = _Name(number, text, tuple(word for word, _, _ in _words(text)))
                for key in _keys(name.words[0]) if name.words else ():
                    self._by_first[key].append(name)

    def __len__(self) -> int:
        return len(self.groups)

    def find(self, question: str) -> list[Match]:
        """Known names in ``question`` in order, the longest at each place; they do not overlap."""
        asked = _words(question)
        found: list[Match] = []
        at = 0
        while at < len(asked):
            known = self._longest([word for word, _, _ in asked[at:]])
            if not known:
                at += 1
                continue
            length = len(known[0].words)
            start, stop = asked[at][1], asked[at + length - 1][2]
            if question[start:stop].count("(") > question[start:stop].count(")") and question[stop : stop + 1] == ")":
                stop += 1  # «ВКП(б)»
            said = {name.text for name in known}
            others = dict.fromkeys(text for name in known for text in self.groups[name.group] if text not in said)
            found.append(Match(start, stop, tuple(others)))
            at += length
        return found

    def _longest(self, asked: Sequence[_Word]) -> list[_Name]:
        """The longest names that ``asked`` begins with: one, or the same name of several things."""
        candidates = {id(name): name for key in _keys(asked[0]) for name in self._by_first.get(key, ())}.values()
        fitting = [
            name
            for name in candidates
            if len(name.words) <= len(asked)
            and all(word.is_form_of(part) for word, part in zip(asked, name.words, strict=False))
        ]
        longest = max((len(name.words) for name in fitting), default=0)
        return [name for name in fitting if len(name.words) == longest]

    def rewrites(self, question: str, n: int, config: RunnableConfig | None = None) -> list[str]:  # noqa: ARG002
        """At most ``n`` rewrites; each has another name in brackets behind every known one."""
        matches = [match for match in self.find(question) if match.names]
        written: dict[str, None] = {}
        for number in range(max((len(match.names) for match in matches), default=0)):
            text = question
            for match in reversed(matches):
                name = match.names[number % len(match.names)]
                text = f"{text[: match.stop]} ({name}){text[match.stop :]}"
            written[text] = None
        return list(written)[:n]

    async def arewrites(self, question: str, n: int, config: RunnableConfig | None = None) -> list[str]:
        """Async twin of :meth:`rewrites`."""
        return self.rewrites(question, n, config)


def read_synonyms(path: Path) -> SynonymTable:
    """The table of a user's file.

    Raises:
        InputError: naming file and line of whatever is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: the synonyms cannot be read: {error}") from error
    return parse_synonyms(text, str(path))


@functools.cache
def shipped_synonyms() -> SynonymTable:
    """The table that ships with the package: well-known abbreviations and names with two forms."""
    text = resources.files("retrievers").joinpath("data/synonyms.toml").read_text(encoding="utf-8")
    return parse_synonyms(text, "data/synonyms.toml")


def parse_synonyms(text: str, where: str) -> SynonymTable:
    """The table that ``text`` describes; ``where`` is its name in messages.

    Raises:
        InputError: as for :func:`read_synonyms`.
    """
    document = parse_toml(text, where)
    groups = document.get("group")
    if set(document) != {"group"} or not isinstance(groups, list):
        raise InputError(f"{where}: expected [[group]] tables and nothing else, got {', '.join(document) or 'nothing'}")
    lines = [number for number, line in enumerate(text.splitlines(), start=1) if _HEADER.match(line)]
    headers = lines if len(lines) == len(groups) else [1] * len(groups)  # group = [{…}, …] has no header
    return SynonymTable([_names(group, f"{where}:{line}") for group, line in zip(groups, headers, strict=True)])


class SynonymRetriever(TermExpandingRetriever):
    """Chunks that BM25 ranks highest for the question and the other names of what it names.

    For another retriever than BM25, hand the table to :class:`~retrievers.expansion.MultiQueryRetriever` as its writer.

    Args:
        retriever: BM25 over the chunks.
        table: names of the same thing; the shipped ones by default.
        weight: of each word of another name, where a word of the question counts 1.
    """

    table: SynonymTable = Field(default_factory=shipped_synonyms, repr=False)
    weight: float = Field(default=0.5, gt=0.0)
    component: str = "synonyms"

    def _expand(self, question: str, where: Where | None, config: RunnableConfig | None) -> Expansion:  # noqa: ARG002
        analyzer = self.retriever.analyzer
        own = set(analyzer(question))
        names = [name for match in self.table.find(question) for name in match.names]
        terms = dict.fromkeys(term for name in names for term in analyzer(name) if term not in own)
        return Expansion(self.component, question, tuple(Addition(term, self.weight) for term in terms))


def _names(group: Any, where: str) -> list[str]:
    names = group.get("names") if isinstance(group, dict) and set(group) == {"names"} else None
    if not isinstance(names, list):
        raise InputError(
            f'{where}: expected a group to be names = ["США", "Соединённые Штаты Америки"] and nothing else'
        )
    for name in names:
        if not isinstance(name, str) or not tokenize(name):
            raise InputError(f"{where}: expected a name to be a text with words, got {name!r}")
    if len({fold(name) for name in names}) < len(names):
        raise InputError(f"{where}: a name stands twice in its group: {', '.join(names)}")
    if len(names) < 2:
        raise InputError(f"{where}: expected at least two names of the same thing, got {len(names)}")
    return names


def _words(text: str) -> list[tuple[_Word, int, int]]:
    """Words of a text to be compared, with their offsets."""
    shouted = text.isupper() and len(tokenize(text)) > 2  # capitals tell nothing where everything is in them
    return [
        (_word(token.text, "" if shouted else text[token.start : token.stop]), token.start, token.stop)
        for token in tokenize(text)
    ]


@functools.lru_cache(maxsize=100_000)
def _word(folded: str, written: str) -> _Word:
    forms = {fold(parse.normal_form) for parse in morph().parse(folded)}
    match = _ABBREVIATION.fullmatch(written)
    return _Word(folded, frozenset(forms | {folded}), fold(match["capitals"]) if match else "")


def _keys(word: _Word) -> set[str]:
    return {*word.forms, word.abbreviation} - {""}


def _in_dictionary(folded: str) -> bool:
    return any(parse.is_known and "Abbr" not in parse.tag for parse in morph().parse(folded))
