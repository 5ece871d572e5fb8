"""The clause that holds an answer: its predicate and the parts that depend on it, without side clauses and brackets."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from generators.reading.parsing import Word
from training.pairs.cloze.rules import rules

SUBJECTS = ("nsubj", "nsubj:pass", "csubj")
_ARGUMENTS = ("obj", "iobj", "obl", "obl:agent", "advmod", "xcomp", "nummod", "nummod:gov", "nmod", "amod", "appos")
_WITH_PREDICATE = ("aux", "aux:pass", "cop", "expl")
_OF_NOMINAL = ("amod", "nmod", "case", "det", "flat:name", "flat", "appos", "nummod", "acl", "conj")
_DROPPED = ("punct", "cc", "mark", "discourse", "vocative", "parataxis", "advcl", "acl:relcl", "conj", "dislocated")
_SIDE = ("acl:relcl", "advcl", "parataxis", "discourse", "vocative", "ccomp")
_SUBORDINATE = ("advcl", "acl", "acl:relcl", "csubj", "parataxis")
_BRACKETS = {"(": ")", "[": "]"}


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of the clause that moves as a whole.

    Args:
        relation: to the predicate.
        head: its governing word.
        words: indices in order.
        text: what it reads as where that is not what its words say, for a subject that was put in.
    """

    relation: str
    head: int
    words: tuple[int, ...]
    text: str | None = None

    @property
    def is_subject(self) -> bool:
        """Whether the predicate agrees with it."""
        return self.relation in SUBJECTS


@dataclass(frozen=True, slots=True)
class Clause:
    """A predicate and its parts, in the order of the sentence.

    Args:
        predicate: index of the predicate's governing word.
        core: words of the predicate: auxiliaries, negation, infinitives; a nominal predicate with its modifiers.
        parts: subject, objects, adverbials.
    """

    predicate: int
    core: tuple[int, ...]
    parts: tuple[Part, ...]

    @property
    def subject(self) -> Part | None:
        """The subject, None where there is none."""
        return next((part for part in self.parts if part.is_subject), None)

    def part_of(self, index: int) -> Part | None:
        """The part that holds a word."""
        return next((part for part in self.parts if index in part.words), None)

    def replacing(self, old: Part | None, new: Part | None) -> Clause:
        """The clause with another part in place of one, in front where there was none, or without it."""
        parts = [new if part is old else part for part in self.parts] if old is not None else [new, *self.parts]
        return dataclasses.replace(self, parts=tuple(part for part in parts if part is not None))


class Tree:
    """Dependencies of a sentence, looked at from above.

    Args:
        words: of the sentence.
        named: indices of the words of names.
        reworded: words said in another way, by index.
    """

    def __init__(
        self,
        words: tuple[Word, ...],
        named: frozenset[int] = frozenset(),
        reworded: Mapping[int, str] | None = None,
    ) -> None:
        self.words = words
        self.named = named
        self._reworded = reworded or {}
        self.children: list[list[int]] = [[] for _ in words]
        for index, word in enumerate(words):
            if word.head >= 0:
                self.children[word.head].append(index)
        self._bracketed = _bracketed(words)

    def reworded(self, texts: Mapping[int, str]) -> Tree:
        """The same tree with some words said in another way."""
        return Tree(self.words, self.named, texts)

    def lowered(self, index: int) -> str:
        """A word as it stands inside a sentence: the capital of the first one goes, unless it is a name's."""
        word = self.words[index]
        text = self._reworded.get(index, word.text)
        if index == 0 and not self._keeps_capital() and (len(word.text) == 1 or not word.text.isupper()):
            return text[:1].lower() + text[1:]
        return text

    def _keeps_capital(self) -> bool:
        """Whether the first word has its capital from a name: «Чёрное море», but not «Озеро Байкал»."""
        word = self.words[0]
        before_name = len(self.words) > 1 and self.words[1].text[:1].isupper()
        if before_name and (word.lemma in rules().types or (word.pos == "NOUN" and {0, 1} <= self.named)):
            return False
        return word.pos in ("PROPN", "X") or 0 in self.named

    def clause(self, index: int) -> Clause | None:
        """The clause around a word, None where it cannot stand as a question."""
        predicate = self._predicate_above(index)
        if predicate is None or index in self._bracketed:
            return None
        core = self._core(predicate)
        nominal = self.words[predicate].pos not in ("VERB", "AUX")
        parts: list[Part] = []
        for governor in core:
            if governor != predicate and not self._is_infinitive(governor):
                continue
            for child in self.children[governor]:
                relation = self.words[child].relation
                if child in core or relation in _DROPPED or child in self._bracketed:
                    if relation == "conj" and not nominal and not self.is_predicate(child):
                        return None  # an ellipsis
                    continue
                if relation == "ccomp":
                    return None  # what was said is the point of the sentence
                if relation in _ARGUMENTS or relation in SUBJECTS:
                    parts.append(Part(relation, child, self.phrase(child)))
        relations = [part.relation for part in parts]
        if sum(part.is_subject for part in parts) > 1 or relations.count("obj") > 1:
            return None  # the parser lost its way
        if not any(part.is_subject for part in parts) and self.words[predicate].relation == "conj":
            inherited = self._subject_above(predicate)
            if inherited is not None:
                parts.append(inherited)
        parts = [part for part in parts if part.words]
        if not self._agrees(predicate, core, next((part for part in parts if part.is_subject), None)):
            return None
        return Clause(predicate, core, tuple(sorted(parts, key=lambda part: part.words[0])))

    def _agrees(self, predicate: int, core: tuple[int, ...], subject: Part | None) -> bool:
        """Whether subject and predicate agree: where they do not, the parser took another word for the subject."""
        if subject is None:
            return True
        head = self.words[subject.head]
        if any(self.words[at].pos == "NUM" or self.words[at].text[:1].isdigit() for at in subject.words):
            return True  # «пять рек впадает» and «впадают»
        if head.case not in ("Nom", ""):
            return False
        several = any(self.words[at].relation == "conj" for at in subject.words)
        finite = [at for at in core if self.words[at].feats.get("VerbForm") == "Fin"] or [predicate]
        return all(_verb_agrees(self.words[at], head, several=several) for at in finite)

    def phrase(self, head: int) -> tuple[int, ...]:
        """Words under ``head``, itself among them, without side clauses, brackets and participle phrases set off."""
        kept: list[int] = []
        self._collect(head, kept)
        return self._tidy(sorted(kept))

    def _collect(self, index: int, kept: list[int]) -> None:
        kept.append(index)
        for child in self.children[index]:
            relation = self.words[child].relation
            if child in self._bracketed or relation in _SIDE or self.words[child].feats.get("VerbForm") == "Conv":
                continue
            if relation in ("acl", "appos", "nmod", "amod") and child > index and self._after_comma(child, index):
                continue
            self._collect(child, kept)

    def _after_comma(self, child: int, head: int) -> bool:
        """A comma or dash stands between a word and its dependent's own words."""
        first = min(self._extent(child))
        return any(word.text in (",", "—", "–", ";", ":") for word in self.words[head + 1 : first + 1])

    def _extent(self, index: int) -> list[int]:
        found, stack = [], [index]
        while stack:
            at = stack.pop()
            if not self.words[at].is_punctuation:
                found.append(at)
            stack.extend(self.children[at])
        return found or [index]

    def _tidy(self, indices: list[int]) -> tuple[int, ...]:
        """Punctuation off the ends, and commas that no longer part anything; quotes stay in pairs."""
        kept = list(indices)
        while kept and self.words[kept[-1]].is_punctuation and self.words[kept[-1]].text not in '»”“"%°':
            kept.pop()
        while kept and self.words[kept[0]].is_punctuation and self.words[kept[0]].text not in '«„“"':
            kept.pop(0)
        if kept and self.words[kept[-1]].pos in ("CCONJ", "SCONJ"):
            return self._tidy(kept[:-1])
        return tuple(self._with_quotes_closed(kept)) if kept else ()

    def _with_quotes_closed(self, kept: list[int]) -> list[int]:
        """The parser hangs a quote anywhere: the other one of a pair is taken in where it is next to the words."""
        texts = [self.words[index].text for index in kept]
        first, last = kept[0], kept[-1]
        if "«" in texts and "»" not in texts and last + 1 < len(self.words) and self.words[last + 1].text == "»":
            return [*kept, last + 1]
        if "»" in texts and "«" not in texts and first > 0 and self.words[first - 1].text == "«":
            return [first - 1, *kept]
        return kept

    def is_predicate(self, index: int) -> bool:
        """A finite verb, a short participle or adjective, or a word with a subject of its own."""
        word = self.words[index]
        if word.pos in ("VERB", "AUX") and word.feats.get("VerbForm") == "Fin":
            return True
        if word.feats.get("Variant") == "Short":
            return True
        return any(self.words[child].relation in (*SUBJECTS, "cop") for child in self.children[index])

    def _is_infinitive(self, index: int) -> bool:
        return self.words[index].feats.get("VerbForm") == "Inf"

    def _predicate_above(self, index: int) -> int | None:
        at = index
        while True:
            word = self.words[at]
            if word.head < 0:
                break
            relation = word.relation
            if relation in _SUBORDINATE or (relation == "ccomp" and self._marks(at) != ["что"]):
                return None
            if relation == "ccomp":
                break
            if relation == "conj" and self.is_predicate(at):
                break
            at = word.head
        return at if self.is_predicate(at) or self.words[at].pos == "NOUN" else None

    def _marks(self, index: int) -> list[str]:
        """Conjunctions that a subordinate clause begins with."""
        return [self.words[child].folded for child in self.children[index] if self.words[child].relation == "mark"]

    def _core(self, predicate: int) -> tuple[int, ...]:
        core = [predicate]
        stack = [predicate]
        while stack:
            at = stack.pop()
            for child in self.children[at]:
                word = self.words[child]
                if word.relation in _WITH_PREDICATE or (word.relation == "advmod" and word.folded in ("не", "ни")):
                    core.append(child)
                elif word.relation in ("xcomp", "csubj") and self._is_infinitive(child):
                    core.append(child)
                    stack.append(child)
        if self._is_nominal(predicate):
            for child in self.children[predicate]:
                apart = child in self._bracketed or (child > predicate and self._after_comma(child, predicate))
                if self.words[child].relation in _OF_NOMINAL and not apart:
                    core.extend(self.phrase(child))
        return tuple(sorted(set(core)))

    def _is_nominal(self, predicate: int) -> bool:
        word = self.words[predicate]
        return word.pos in ("NOUN", "PROPN", "ADJ", "NUM") and "Variant" not in word.feats

    def _subject_above(self, predicate: int) -> Part | None:
        above = self.words[predicate].head
        subject = next((c for c in self.children[above] if self.words[c].relation in ("nsubj", "nsubj:pass")), None)
        if subject is None:
            return None
        verb, own = self.words[above], self.words[predicate]
        if verb.feats.get("Number") != own.feats.get("Number"):
            return None
        if "Gender" in verb.feats and "Gender" in own.feats and verb.feats["Gender"] != own.feats["Gender"]:
            return None
        return Part("nsubj", subject, self.phrase(subject))


def _verb_agrees(verb: Word, noun: Word, *, several: bool) -> bool:
    if verb.pos not in ("VERB", "AUX") or "Number" not in verb.feats or "Number" not in noun.feats:
        return True
    number = verb.feats["Number"]
    if number != noun.feats["Number"]:
        return several and number == "Plur"
    if number == "Plur" or several or noun.pos == "PROPN":  # a name's gender is often a guess
        return True
    gender = verb.feats.get("Gender")
    return gender is None or noun.feats.get("Gender", gender) == gender


def _bracketed(words: tuple[Word, ...]) -> frozenset[int]:
    inside: set[int] = set()
    depth: list[str] = []
    for index, word in enumerate(words):
        if word.text in _BRACKETS:
            depth.append(_BRACKETS[word.text])
        if depth:
            inside.add(index)
        if depth and word.text == depth[-1]:
            depth.pop()
    return frozenset(inside)


def is_linking(word: Word) -> bool:
    """An adverb or particle that only ties the sentence to the text before it."""
    return word.folded in rules().linking
