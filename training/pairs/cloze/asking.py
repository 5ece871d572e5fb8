"""The question phrase for a span: its word by type, in the case and with the preposition the span stands in."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from generators.reading.parsing import Word
from retrievers.analysis import fold
from training.pairs.cloze.answers import AnswerKind, Span
from training.pairs.cloze.clause import Clause, Part, Tree
from training.pairs.cloze.forms import agreeing, gender_of, inflect, noun_form, spaced
from training.pairs.cloze.kinds import PlaceKinds
from training.pairs.cloze.rules import rules

_CASES_OF = {
    "nsubj": ("Nom",), "nsubj:pass": ("Nom",), "obj": ("Acc", "Gen"), "iobj": ("Dat",), "obl:agent": ("Ins",),
    "obl": ("Gen", "Dat", "Acc", "Ins"),
}  # fmt: skip
_NAMED = ("appos", "flat", "flat:name", "nmod")
_APPROXIMATE = frozenset({"около", "более", "менее", "почти", "свыше", "примерно", "приблизительно", "порядка", "до"})
_ON = frozenset(  # nouns that go with «на» and «с», not with «в» and «из»
    {"остров", "полуостров", "улица", "площадь", "проспект", "планета", "континент", "материк", "станция", "архипелаг",
     "гора", "вулкан", "река", "озеро", "спутник", "завод", "телеканал", "канал", "киностудия", "сайт"}
)  # fmt: skip
_BY_ADVERB = 0.35  # share of known places asked for by «где» all the same
_BY_WHEN = 0.4  # share of years asked for by «когда»
_BY_NOUN = 0.35  # share of people with a noun before the name asked for by it: «какой писатель»


@dataclass(frozen=True, slots=True)
class Asked:
    """A question phrase and what it stands for.

    Args:
        phrase: in lower case.
        part: of the clause, replaced by it.
        agreement: gender key of the new subject the predicate must agree with; None where nothing changes.
        first, last: words of the answer, ``last`` excluded.
    """

    phrase: str
    part: Part
    agreement: str | None
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a span stands in its part."""

    part: Part
    preposition: str
    case: str
    direct: bool  # the span's head is the part's
    before: tuple[int, ...]  # words of the part before the span, without prepositions
    after: tuple[int, ...]


class Asker:
    """Makes question phrases.

    Args:
        kinds: what kind of thing a place or organisation is.
        randomness: for choices between phrases that suit equally.
    """

    def __init__(self, kinds: PlaceKinds, randomness: random.Random) -> None:
        self._kinds = kinds
        self._random = randomness

    def ask(self, tree: Tree, clause: Clause, span: Span) -> Asked | None:
        """The question phrase for a span, None where the rules have none."""
        part = clause.part_of(span.head)
        if part is None or part.text is not None:
            return None
        place = _place(tree, part, span)
        if place is None:
            return None
        if span.kind not in (AnswerKind.TIME, AnswerKind.NUMBER) and any(
            tree.words[at].relation == "conj" or tree.words[at].pos == "CCONJ" for at in part.words
        ):
            return None  # one of several
        if span.kind in (AnswerKind.TIME, AnswerKind.YEAR, AnswerKind.CENTURY):
            return self._time(tree, span, place)
        if span.kind is AnswerKind.NUMBER:
            return _how_many(tree, span, place)
        if named := self._named(tree, span, place):
            return named
        if span.kind is AnswerKind.PERSON:
            return _person(tree, span, place)
        if span.kind in (AnswerKind.PLACE, AnswerKind.ORGANIZATION):
            return self._typed(tree, span, place)
        return None

    def _time(self, tree: Tree, span: Span, place: _Place) -> Asked | None:
        if place.before or place.after or not place.direct:
            return None
        when = Asked("когда", place.part, None, span.first, span.last)
        noun = "год" if span.kind is AnswerKind.YEAR else "век"
        if span.kind is AnswerKind.TIME:
            words = tree.words[span.first : span.last]
            if place.preposition not in ("", "в"):
                return None
            year = next((at for at, word in enumerate(words) if word.text.isdigit() and len(word.text) > 2), None)
            if year is not None and self._random.random() < _BY_WHEN / 2:
                return Asked("в каком году", place.part, None, span.first + year, span.first + year + 1)
            return when
        if place.preposition == "в":
            if self._random.random() < _BY_WHEN:
                return when
            return Asked(f"в каком {'году' if noun == 'год' else 'веке'}", place.part, None, span.first, span.last)
        form = noun_form(noun, place.case) if place.preposition in ("с", "до", "к", "после") else None
        if form is None:
            return None
        which = agreeing(rules().which, form[1], place.case)
        return Asked(f"{place.preposition} {which} {form[0]}", place.part, None, span.first, span.last)

    def _named(self, tree: Tree, span: Span, place: _Place) -> Asked | None:
        """«роман „Обломов“» asks «какой роман»."""
        words = tree.words
        governor = words[span.head].head
        if governor != place.part.head or words[governor].pos != "NOUN" or words[span.head].relation not in _NAMED:
            return None
        between = words[governor + 1 : span.first]
        if governor >= span.first or any(not word.is_punctuation for word in between) or place.after:
            return None
        name = words[span.head]
        if name.relation == "nmod" and name.case not in ("Nom", "", words[governor].case):
            return None
        if span.kind is AnswerKind.PERSON and words[governor].feats.get("Animacy") != "Anim":
            return None
        if span.kind is AnswerKind.PERSON and self._random.random() >= _BY_NOUN:
            return None
        case = place.case
        if case not in rules().who or words[governor].feats.get("Number") == "Plur":
            return None
        which = agreeing(
            rules().which, gender_of(words[governor]), case, animate=words[governor].feats.get("Animacy") == "Anim"
        )
        kept = [at for at in place.before if at == governor or _is_telling(words, at, governor)]
        phrase = " ".join(
            filter(None, [place.preposition, which, spaced([(words[at], tree.lowered(at)) for at in kept])])
        )
        return Asked(phrase, place.part, None, span.first, span.last)

    def _typed(self, tree: Tree, span: Span, place: _Place) -> Asked | None:
        """Ask for a place or organisation by «какой город», or by «где»."""
        words = tree.words
        if not place.direct:
            return self._genitive(tree, span, place)
        adverb = rules().where.get(f"{place.preposition} {place.case}") if span.kind is AnswerKind.PLACE else None
        noun = self._kinds.kind_of(words[span.first : span.last], span.kind)
        if adverb and (noun is None or self._random.random() < _BY_ADVERB):
            return Asked(adverb, place.part, None, span.first, span.last)
        if noun is None:
            if span.kind is AnswerKind.ORGANIZATION and place.case in ("Acc", "Ins") and not place.preposition:
                return Asked(rules().what[place.case], place.part, None, span.first, span.last)
            return None
        form = noun_form(noun, place.case)
        if form is None:
            return None
        preposition = _preposition_of(noun, place.preposition, place.case)
        which = agreeing(rules().which, form[1], place.case)
        phrase = " ".join(filter(None, [preposition, which, form[0]]))
        agreement = form[1] if place.part.is_subject else None
        return Asked(phrase, place.part, agreement, span.first, span.last)

    def _genitive(self, tree: Tree, span: Span, place: _Place) -> Asked | None:
        """«столица Португалии» asks «столица какой страны»."""
        words = tree.words
        head = words[span.head]
        if head.head != place.part.head or head.relation != "nmod" or head.case != "Gen" or place.after:
            return None
        if any(words[child].pos == "ADP" for child in tree.children[span.head]) or span.first < place.part.head:
            return None
        noun = self._kinds.kind_of(words[span.first : span.last], span.kind)
        form = noun_form(noun, "Gen") if noun else None
        if form is None or not _only_adjectives(words, place) or words[place.part.head].lemma == fold(str(noun)):
            return None
        which = agreeing(rules().which, form[1], "Gen")
        governed = spaced([(words[at], tree.lowered(at)) for at in place.before])
        phrase = " ".join(filter(None, [place.preposition, governed, which, form[0]]))
        return Asked(phrase, place.part, None, span.first, span.last)


def _place(tree: Tree, part: Part, span: Span) -> _Place | None:
    words = tree.words
    inside = [at for at in part.words if not words[at].is_punctuation]
    before = [at for at in inside if at < span.first]
    prepositions: list[str] = []
    while before and words[before[0]].pos == "ADP":
        prepositions.append(words[before.pop(0)].folded)
    if len(prepositions) > 1:
        return None
    preposition = rules().prepositions.get(prepositions[0], prepositions[0]) if prepositions else ""
    case = case_of(tree, part)
    timely = span.kind in (AnswerKind.TIME, AnswerKind.YEAR, AnswerKind.CENTURY, AnswerKind.NUMBER)
    if not timely and not agrees_with_relation(part.relation, case, preposition):
        return None
    if span.head == part.head and span.kind in (AnswerKind.TIME, AnswerKind.YEAR) and preposition == "в":
        case = "Loc"
    return _Place(
        part, preposition, case, span.head == part.head, tuple(before), tuple(at for at in inside if at >= span.last)
    )


def case_of(tree: Tree, part: Part) -> str:
    """Case of a part's head; the tagger often calls an accusative that looks like a nominative one."""
    head = tree.words[part.head]
    if head.case == "Nom" and part.relation == "obj" and head.feats.get("Animacy") != "Anim":
        return "Nom" if gender_of(head) == "femn" else "Acc"
    return head.case or ("Nom" if part.is_subject else "")


def agrees_with_relation(relation: str, case: str, preposition: str) -> bool:
    """Whether tagger and parser tell the same story of a noun: where they do not, one of them is wrong."""
    if preposition:
        return case in rules().governs.get(preposition, [case])
    return case in _CASES_OF.get(relation, (case,)) and case != "Loc"


def _is_telling(words: Sequence[Word], at: int, noun: int) -> bool:
    """An adjective beside the noun that is worth keeping: «какой *русский* писатель»."""
    word = words[at]
    return (
        word.head == noun and word.pos == "ADJ" and word.relation == "amod" and word.text.isalpha() and at == noun - 1
    )


def _only_adjectives(words: Sequence[Word], place: _Place) -> bool:
    """Nothing but the part's head and adjectives before it stands before the span."""
    head = place.part.head
    return place.before[-1:] == (head,) and all(words[at].pos in ("ADJ", "DET") for at in place.before[:-1])


def _preposition_of(noun: str, preposition: str, case: str) -> str:
    if preposition in ("в", "на") and case in ("Loc", "Acc"):
        return "на" if fold(noun) in _ON else "в"
    if preposition in ("из", "с") and case == "Gen":
        return "с" if fold(noun) in _ON else "из"
    return preposition


def _person(tree: Tree, span: Span, place: _Place) -> Asked | None:
    words = tree.words
    word = words[span.head]
    named = word.head == place.part.head and word.relation in ("appos", "flat", "flat:name")
    if place.direct or (named and words[place.part.head].feats.get("Animacy") == "Anim"):
        who = rules().who.get(place.case)
        if who is None:
            return None
        phrase = " ".join(filter(None, [place.preposition, who]))
        return Asked(phrase, place.part, "masc" if place.part.is_subject else None, span.first, span.last)
    if word.head != place.part.head or word.relation != "nmod" or word.case != "Gen" or place.after:
        return None
    governor = words[place.part.head]
    if any(words[child].pos == "ADP" for child in tree.children[span.head]) or span.first < place.part.head:
        return None
    if place.case not in rules().who or not _only_adjectives(words, place):
        return None
    whose = agreeing(rules().whose, gender_of(governor), place.case, animate=governor.feats.get("Animacy") == "Anim")
    governed = spaced([(words[at], tree.lowered(at)) for at in place.before])
    return Asked(" ".join(filter(None, [place.preposition, whose, governed])), place.part, None, span.first, span.last)


def _how_many(tree: Tree, span: Span, place: _Place) -> Asked | None:
    """«сколько» with what is counted in the case that follows it."""
    words = tree.words
    counted = place.part.head if not place.direct else None
    if counted is None and span.last < len(words) and words[span.last].text == "%":
        counted = span.last
    approximate = place.preposition in _APPROXIMATE
    if words[span.head].lemma in rules().vague_numbers:
        return None
    if counted is None or counted < span.last or any(words[at].folded not in _APPROXIMATE for at in place.before):
        return None
    if not place.direct and words[span.head].head != counted and words[span.last - 1].head != counted:
        return None
    case = "Acc" if approximate or not place.preposition else place.case
    if place.preposition and not approximate:
        case = {"Acc": "Acc", "Loc": "Loc", "Gen": "Gen", "Ins": "Ins"}.get(place.case, "")
        if not case or (place.case == "Gen" and place.preposition not in ("из", "от", "для", "после", "у")):
            return None
    elif not approximate and place.case not in ("Gen", "Nom", "Acc", ""):
        return None
    what = _counted(tree, counted, case)
    if what is None:
        return None
    preposition = "" if approximate else place.preposition
    rest = [at for at in place.after if at > counted]
    if any(words[at].pos in ("CCONJ", "NUM") or words[at].text[:1].isdigit() for at in rest):
        return None
    tail = spaced([(words[at], words[at].text) for at in rest])
    phrase = " ".join(filter(None, [preposition, rules().how_many[case], what, tail]))
    # «сколько» takes the neuter in the past: «сколько человек жило».
    return Asked(phrase, place.part, "neut" if place.part.is_subject else None, span.first, span.last)


def _counted(tree: Tree, noun: int, case: str) -> str | None:
    words = tree.words
    unit = rules().units.get(words[noun].folded) or rules().units.get(words[noun].lemma)
    if unit is not None:
        return unit if case in ("Nom", "Acc") else None
    if words[noun].pos != "NOUN":
        return None
    wanted = {"Nom": "gent", "Acc": "gent", "Gen": "gent", "Loc": "loct", "Ins": "ablt"}[case]
    forms: list[tuple[Word, str]] = []
    for at in sorted([*tree.children[noun], noun]):
        if at == noun or (words[at].relation == "amod" and words[at].pos == "ADJ" and words[at].text.isalpha()):
            form = inflect(words[at], wanted, "plur")
            if form is None:
                return None
            forms.append((words[at], form if words[at].pos == "PROPN" else form.lower()))
    return spaced(forms)
