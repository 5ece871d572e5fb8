"""Whom and what a conversation has named: what a pronoun of the next question may stand for."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from rag.agent.conversation.genders import is_plural, noun_genders, person_genders, thing_genders
from rag.agent.conversation.mention import LOCAL_PREPOSITIONS, Mention
from rag.agent.conversation.sentence import Sentence, parse, plain_quotes
from rag.agent.conversation.turns import Turn
from rag.agent.conversation.vocabulary import Kind, vocabulary
from rag.agent.declension import readings
from rag.agent.wording import nominative
from retrievers.analysis import fold, lemma
from retrievers.entities import Entity, EntityType, extract_entities
from retrievers.names import NameInText, nominatives, recased

_TITLE = re.compile("«([^«»]+)»")
_LONGEST_ANSWER = 80  # characters; a longer answer is a sentence, and only the names in it are taken
_KINDS = {EntityType.PER: Kind.PERSON, EntityType.LOC: Kind.PLACE, EntityType.ORG: Kind.ORGANISATION}
_ATTRIBUTES = ("amod",)
_PARTS = (*_ATTRIBUTES, "nmod", "appos", "flat", "flat:name", "case")
_LIST = re.compile("…(?:(?:, | и |, и )…)+")  # names between which nothing but commas and «и» stands


def mentions(history: Sequence[Turn]) -> list[Mention]:
    """What the turns named, latest turn first, in each the answer before what the question names.

    Raises:
        ModelUnavailableError: the model files are missing.
    """
    found: list[Mention] = []
    for age, turn in enumerate(reversed(history), start=1):
        named = [*answer_mentions(turn.answer, turn.question), *question_mentions(turn.question)]
        found += [replace(one, age=age, rank=rank) for rank, one in enumerate(named)]
    return [_fullest(one, found) for one in found]


def question_mentions(question: str) -> list[Mention]:
    """What a question names: people, places and titles in its order, then common nouns."""
    sentence = parse(question)
    titles = list(_titles(sentence))
    taken = _covered(titles)
    names: list[Mention] = []
    for entity in extract_entities(sentence.text):
        places = sentence.at(entity.start, entity.stop)
        if places and taken.isdisjoint(places) and not _is_opening(sentence, places):
            names.append(_with_noun(_named(entity, sentence, places[0], places[-1] + 1), sentence))
    taken |= _covered(names)
    pairs = list(_pairs(names, sentence))
    return [*pairs, *sorted([*titles, *names], key=lambda one: one.start), *_common(sentence, taken)]


def answer_mentions(answer: str, question: str) -> list[Mention]:
    """What an answer names: itself where it is a name or a noun, the names in it where it is a sentence."""
    text = plain_quotes(" ".join(answer.split())).strip(" .;,")
    if not any(char.isalpha() for char in text) or text[:1].isdigit():
        return []
    entities = extract_entities(text)
    if len(text) > _LONGEST_ANSWER:
        sentence = parse(text)
        return [
            replace(_named(one, sentence, places[0], places[-1] + 1), start=0, stop=0)
            for one in entities
            if (places := sentence.at(one.start, one.stop))
        ]
    several = [one for one in entities if one.type is entities[0].type]
    if len(several) > 1 and _LIST.fullmatch(_without(text, several)):
        names = [replace(_named(one, parse(one.normal), 0, 1), start=0, stop=0) for one in several]
        joined = ", ".join(one.text for one in names[:-1]) + f" и {names[-1].text}"
        return [replace(names[0], text=joined, genders=frozenset(), plural=True), *names]
    return _whole_answer(text, entities, *_asked(parse(question)))


def _whole_answer(text: str, entities: Sequence[Entity], kinds: frozenset[Kind], noun: str) -> list[Mention]:
    """The answer as one mention; ``kinds`` and ``noun`` are what was asked for."""
    plain = nominative(text, noun)
    first = fold(text.split()[0])
    preposition = first if first in LOCAL_PREPOSITIONS else ""
    called = frozenset({noun}) if noun else frozenset[str]()
    sentence = parse(plain)
    covering = next((one for one in entities if 2 * len(one.text) > len(text)), None)
    if covering is not None and _is_name_alone(covering, text):
        whole = _named(replace(covering, normal=plain), sentence, 0, len(sentence.words))
        kind = whole.kind if whole.kind in kinds or not kinds else min(kinds)
        genders = thing_genders(plain) if kind is not Kind.PERSON else person_genders(plain, whole.gender)
        whole = replace(whole, kind=kind, genders=frozenset() if whole.plural else genders, nouns=whole.nouns | called)
        return [replace(whole, preposition=preposition, start=0, stop=0)]
    head = next((word for word in sentence.words if word.is_noun), None)
    if head is None:
        name = plain[:1].isupper() and plain.replace("-", "").isalpha() and bool(kinds)
        return [Mention(plain, min(kinds), thing_genders(plain), nouns=called, preposition=preposition)] if name else []
    if head.lemma in vocabulary().nameless:
        return []
    # An adjective before the noun, or a name behind it, belongs to the answer: «байкальская нерпа», «река Ангара».
    kind = Kind.WORK if _TITLE.search(plain) and head.lemma not in vocabulary().named else noun_kind(head.lemma)
    if kind in (Kind.BEING, Kind.THING) and kinds:
        kind = min(kinds)
    genders = frozenset[str]() if head.plural else noun_genders(head.lemma, head.gender)
    return [Mention(plain, kind, genders, head.plural, called | {head.lemma}, preposition=preposition)]


def _is_name_alone(entity: Entity, text: str) -> bool:
    """The answer is the name, apart from a preposition or capitals around it: no noun introduces it."""
    rest = (text[: entity.start] + " " + text[entity.stop :]).split()
    return all(word[:1].isupper() or fold(word) in vocabulary().prepositions for word in rest)


def _asked(question: Sentence) -> tuple[frozenset[Kind], str]:
    """What a question asks for, and by which noun: «кто» a person, «в каком городе» a place, a «город»."""
    for index, word in enumerate(question.words):
        if word.lemma == "кто" and not any(question.words[at].pos == "ADP" for at in question.children(index)):
            return frozenset({Kind.PERSON}), ""
        if word.lemma in ("какой", "который"):
            noun = next((one for one in question.words[index + 1 : index + 4] if one.pos == "NOUN"), None)
            known = vocabulary().named.get(noun.lemma) if noun is not None else None
            return (known, noun.lemma) if known and noun is not None else (frozenset(), "")
        if word.lemma in ("где", "куда", "откуда"):
            return frozenset({Kind.PLACE}), ""
    return frozenset(), ""


def _without(text: str, entities: Sequence[Entity]) -> str:
    rest, at = "", 0
    for entity in entities:
        rest, at = rest + text[at : entity.start] + "…", entity.stop
    return rest + text[at:]


def _covered(found: Sequence[Mention]) -> set[int]:
    return {index for one in found for index in range(one.start, one.stop)}


def _titles(sentence: Sentence) -> Iterator[Mention]:
    for match in _TITLE.finditer(sentence.text):
        inside = sentence.at(match.start(), match.end())
        if not inside:
            continue
        first, stop = inside[0], inside[-1] + 1
        before = sentence.words[first - 1] if first else None
        if before is not None and before.pos == "NOUN" and before.text[:1].islower():
            noun = noun_phrase(sentence, first - 1, first - 1, first)
            genders = frozenset[str]() if before.plural else noun_genders(before.lemma, before.gender)
            kind = noun_kind(before.lemma)
            text, called = f"{noun} {match.group()}", frozenset({before.lemma})
            yield Mention(text, kind, genders, before.plural, called, start=first - 1, stop=stop)
            continue
        [text] = nominatives([NameInText(sentence.text, match.start(), match.end(), personal=False)])
        head = next((word for word in parse(text[1:-1]).words if word.is_noun), None)
        # «Солярис» may be a novel or a film («он»), a book or a picture («она»), and «оно» as its own noun is.
        genders = frozenset({"masc", "femn"}) | ({head.gender} if head is not None and head.gender else set())
        yield Mention(text, Kind.WORK, genders, bool(head is not None and head.plural), start=first, stop=stop)


def _is_opening(sentence: Sentence, places: Sequence[int]) -> bool:
    """The word is the particle that begins the question, «А Лев Яшин?», tagged as a name for its capital."""
    return list(places) == [0] and len(sentence.words) > 1 and sentence.words[0].folded in vocabulary().openings


def _named(entity: Entity, sentence: Sentence, first: int, stop: int) -> Mention:
    """The mention of a name, with the common noun before it where one introduces it: «озеро Байкал»."""
    kind, nouns, preposition = _KINDS[entity.type], frozenset[str](), ""
    before = sentence.words[first - 1] if first else None
    if before is not None and before.pos == "NOUN" and before.text[:1].islower() and kind is not Kind.PERSON:
        nouns = frozenset({before.lemma})
        preceding = sentence.words[first - 2] if first > 1 else None
        preposition = preceding.folded if preceding is not None and preceding.pos == "ADP" else ""
        kind = min(vocabulary().named.get(before.lemma, frozenset({kind})))
    elif before is not None and before.pos == "ADP":
        preposition = before.folded
    if kind is Kind.PERSON:
        genders, plural = person_genders(entity.normal, sentence.words[first].gender), False
    else:
        genders, plural = thing_genders(entity.normal), is_plural(entity.normal)
    return Mention(
        text=entity.normal,
        kind=kind,
        genders=frozenset() if plural else genders,
        plural=plural,
        nouns=nouns,
        preposition=preposition if preposition in LOCAL_PREPOSITIONS else "",
        start=first,
        stop=stop,
    )


def _with_noun(mention: Mention, sentence: Sentence) -> Mention:
    """A name that is an adjective with the noun it goes with: «Шуховскую башню»."""
    last, stop = sentence.words[mention.stop - 1], mention.stop
    if last.relation != "amod" or last.head != stop or not sentence.words[stop].is_noun:
        return mention
    return replace(common_mention(sentence, mention.start, stop + 1, stop), preposition=mention.preposition)


def _pairs(names: Sequence[Mention], sentence: Sentence) -> Iterator[Mention]:
    """Names joined by «и», for which «они» stands together."""
    for left, right in itertools.pairwise(names):
        between = [word.folded for word in sentence.words[left.stop : right.start]]
        if between == ["и"] and left.kind is right.kind:
            text = f"{left.text} и {right.text}"
            yield Mention(text, left.kind, frozenset(), plural=True, start=left.start, stop=right.stop)


def _common(sentence: Sentence, taken: set[int]) -> Iterator[Mention]:
    """Common nouns with their adjectives and what hangs on them; what is inside of another's phrase is none itself."""
    words, covered = sentence.words, set(taken)
    for index, word in enumerate(words):
        if not word.is_noun or index in covered or word.lemma in vocabulary().nameless:
            continue
        if _is_opening(sentence, [index]):
            continue
        children = [words[at] for at in sentence.children(index)]
        asked = any(one.lemma in vocabulary().interrogatives or one.pos == "NUM" for one in children)
        introduces = index + 1 in taken and words[index + 1].head == index  # «озеро» of «озеро Байкал»
        if asked or introduces or word.lemma in vocabulary().interrogatives:
            continue
        first = sentence.phrase(index, _ATTRIBUTES)[0]
        stop = sentence.phrase(index, _PARTS)[1]
        covered |= set(range(first, stop))
        yield common_mention(sentence, first, stop, index)


def common_mention(sentence: Sentence, first: int, stop: int, head: int | None = None) -> Mention:
    """The mention of a common noun.

    Args:
        sentence: it stands in.
        first: its first word, an adjective perhaps.
        stop: just past its last, of what hangs on it.
        head: the noun; by default the first word.
    """
    at = first if head is None else head
    word = sentence.words[at]
    before = sentence.words[first - 1].folded if first else ""
    return Mention(
        text=noun_phrase(sentence, first, at, stop),
        kind=noun_kind(word.lemma),
        genders=frozenset() if word.plural else noun_genders(word.lemma, word.gender),
        plural=word.plural,
        nouns=frozenset({word.lemma}),
        preposition=before if before in LOCAL_PREPOSITIONS else "",
        start=first,
        stop=stop,
    )


def noun_kind(noun: str) -> Kind:
    """What a common noun names, by the lists or by whether it is animate."""
    named = vocabulary().named.get(noun)
    if named:
        return min(named)
    best = next((one for one in readings(noun) if one.known and one.pos == "NOUN"), None)
    return Kind.BEING if best is not None and "anim" in best.marks else Kind.THING


def noun_phrase(sentence: Sentence, first: int, head: int, stop: int) -> str:
    """The words from ``first`` up to ``stop`` with the noun ``head`` and its adjectives in the nominative."""
    noun = sentence.words[head]
    if noun.case in ("nomn", ""):
        return sentence.slice(first, stop)
    number = "plur" if noun.plural else "sing"
    gender = "" if noun.plural else next(iter(noun_genders(noun.lemma, noun.gender)))
    pieces = [_nominative_of(sentence.words[at].text, noun.case, number, gender) for at in range(first, head + 1)]
    if stop > head + 1:
        pieces.append(sentence.slice(head + 1, stop))
    return " ".join(pieces)


def _nominative_of(word: str, case: str, number: str, gender: str) -> str:
    """A noun or an adjective that agrees with one, which stands in ``case``, in the nominative."""
    for one in readings(word):
        if one.case == case and one.number == number and (one.pos == "NOUN" or one.gender in ("", gender)):
            form = one.in_case("nomn")
            if form is not None:
                return recased(form, word)
    return word


def _fullest(mention: Mention, known: Sequence[Mention]) -> Mention:
    """A surname as the whole name it was said with before: «Толстой» as «Лев Толстой»."""
    if mention.kind is not Kind.PERSON or mention.plural or " " in mention.text:
        return mention
    surname = lemma(fold(mention.text))
    longer = next(
        (
            one
            for one in known
            if one.kind is Kind.PERSON
            and not one.plural
            and " " in one.text
            and lemma(fold(one.text.split()[-1])) == surname
        ),
        None,
    )
    return replace(mention, text=longer.text, genders=longer.genders) if longer is not None else mention
