"""Fragments that repeat the last question with one part changed: «А в Москве?», «А Пушкин?», «А когда?»."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.agent.conversation.agreement import agree
from rag.agent.conversation.genders import is_place, surname_gender
from rag.agent.conversation.mention import Mention
from rag.agent.conversation.mentions import common_mention, question_mentions
from rag.agent.conversation.sentence import Sentence, Word, parse
from rag.agent.conversation.vocabulary import Kind, vocabulary
from rag.agent.declension import readings
from rag.agent.wording import agreeing
from retrievers.names import recased

_LONGEST = 12  # words of a fragment
_NUMBER = re.compile(r"\d+")
_PARTS = ("amod", "nummod", "nmod", "appos", "flat", "flat:name", "flat:foreign", "case", "det", "conj", "cc", "punct")


@dataclass(frozen=True, slots=True)
class Fragment:
    """A follow-up without a predicate.

    Args:
        sentence: what was asked, without its opening particle and question mark.
        mention: what it names, if anything.
    """

    sentence: Sentence
    mention: Mention | None


def fragment_of(text: str) -> Fragment | None:
    """A question without a predicate; None for one that has a predicate, or asks for more than one word.

    Args:
        text: without the opening particle.
    """
    sentence = parse(text.rstrip(" ?!.…"))
    words = sentence.words
    if not words or len(words) > _LONGEST or any(word.is_verbal for word in words):
        return None
    fragment = Fragment(sentence, _head_mention(sentence))
    asks = any(word.lemma in vocabulary().interrogatives for word in words)
    return None if asks and not is_interrogative(fragment) else fragment


def _head_mention(sentence: Sentence) -> Mention | None:
    """What a fragment names: «его жена» a wife, whoever's she is."""
    found = question_mentions(sentence.text)
    first = sentence.words[0]
    if not first.is_noun or first.text[:1].isupper() or any(one.start == 0 for one in found):
        return next(iter(found), None)
    return common_mention(sentence, 0, len(sentence.words))


def is_interrogative(fragment: Fragment) -> bool:
    """The fragment is an interrogative word or phrase and nothing else: «когда», «в каком году»."""
    words = [word for word in fragment.sentence.words if word.pos != "ADP"]
    if not words or words[0].lemma not in vocabulary().interrogatives:
        return False
    return len(words) == 1 or (len(words) == 2 and words[1].is_noun and words[0].pos in ("DET", "ADJ"))


def replace_interrogative(fragment: Fragment, last: str, answer: Mention | None) -> str | None:
    """The last question asked by another word: «Где родился Пушкин?», «А когда?» - «Когда родился Пушкин?».

    Args:
        fragment: the interrogative phrase.
        last: question before it.
        answer: what it was answered with, which takes the place of «кто» where that was its subject.
    """
    sentence = parse(last)
    words = sentence.words
    asked = next((at for at, word in enumerate(words) if word.lemma in vocabulary().interrogatives), None)
    if asked is None:
        return None
    word = words[asked]
    first = asked - 1 if asked and words[asked - 1].pos == "ADP" else asked
    stop = asked + 1
    if word.pos in ("DET", "NUM", "ADJ") or word.lemma in ("сколько", "какой"):
        while stop < len(words) and words[stop].pos in ("ADJ", "NOUN") and words[stop].case:
            stop += 1
            if words[stop - 1].pos == "NOUN":
                break
    if first > 0 or word.lemma == "каков" or stop >= len(words) - 1:
        return None
    subject = any(words[at].relation.startswith("nsubj") and words[at].case == "nomn" for at in range(first, stop))
    if not subject:
        return sentence.rebuilt(dict.fromkeys(range(stop), "") | {0: fragment.sentence.text}, {})
    predicate = [at for at in range(stop, len(words)) if words[at].is_verbal]
    if answer is None or not predicate or predicate[0] != stop:
        return None
    replaced = dict.fromkeys(range(stop), "") | {0: f"{fragment.sentence.text} {answer.text}"}
    for at in predicate[:1]:
        replaced[at] = agree(words[at].text, answer.gender, plural=answer.plural)
    return sentence.rebuilt(replaced, {})


def replace_parallel(fragment: Fragment, last: str) -> str | None:
    """The last question with the part that the fragment stands beside replaced by it; None where there is none."""
    sentence = parse(last)
    if numbered := _replace_number(fragment, sentence):
        return numbered
    if common := _replace_noun(fragment, sentence):
        return common
    known = question_mentions(last)
    fragment = _as_surname(fragment, known, sentence)
    if fragment.mention is None:
        return None
    parallel = _parallel(fragment, known, sentence)
    if parallel is None:
        return _replace_place(fragment, sentence) or _add_owner(fragment, known, sentence)
    preposition, first = "", parallel.start
    own = fragment.sentence.words[0]
    before = sentence.words[first - 1] if first else None
    if before is not None and before.pos == "ADP":
        preposition = before.folded
    start = parallel.start
    if parallel.nouns and fragment.mention.text.startswith("«") and not sentence.words[start].text.startswith("«"):
        start += 1  # «фильм „Сталкер“», «А „Солярис“?»: still a film
    head = _head(sentence, parallel)
    case = "nomn" if start > parallel.start else _case(sentence, parallel, preposition)
    new = _of_whom(fragment.mention, parallel)
    replaced: dict[int, str] = dict.fromkeys(range(start, parallel.stop), "")
    if own.pos == "ADP" and preposition:
        replaced[first - 1] = ""
        replaced[start] = fragment.sentence.text
    else:
        name = new.in_case(case, preposition)
        replaced[start] = name
        if preposition and before is not None:
            replaced[first - 1] = agreeing(before.text, name)
    if head.relation.startswith("nsubj") or case == "nomn":
        for at, word in enumerate(sentence.words):
            if at not in replaced:
                replaced[at] = _agreeing(word, fragment.mention.gender, plural=fragment.mention.plural)
    return sentence.rebuilt(replaced, {})


def _as_surname(fragment: Fragment, known: Sequence[Mention], sentence: Sentence) -> Fragment:
    """«А Королёв?», «А Лем?» after «Где родился Тарковский?»: a surname in the nominative, whatever it was tagged."""
    words, mention = fragment.sentence.words, fragment.mention
    people = [one for one in known if one.kind is Kind.PERSON]
    told = mention is not None and mention.kind in (Kind.PLACE, Kind.ORGANISATION, Kind.WORK, Kind.EVENT)
    if len(words) != 1 or not words[0].text[:1].isupper() or not words[0].text.isalpha() or told or len(people) != 1:
        return fragment
    if any(one.kind is Kind.WORK for one in known) or _case(sentence, people[0], "") != "nomn":
        return fragment
    if mention is not None and mention.kind is Kind.PERSON and not mention.nouns:
        return fragment  # tagged as a person's name
    text = words[0].text
    gender = surname_gender(text)
    if not gender or not text[1:].islower():
        return fragment
    return replace(fragment, mention=Mention(text, Kind.PERSON, frozenset({gender}), stop=1))


def _replace_place(fragment: Fragment, sentence: Sentence) -> str | None:
    """«длина Ангары», «А Енисея?»: a place for a place that no tagger found, both in the genitive."""
    own = fragment.sentence.words
    if len(own) != 1 or not own[0].text[:1].isupper() or not is_place(own[0].text, "gent"):
        return None
    names = [at for at, word in enumerate(sentence.words) if at and word.text[:1].isupper()]
    if len(names) != 1 or not is_place(sentence.words[names[0]].text, "gent"):
        return None
    named = sentence.words[names[0]]
    before = sentence.words[names[0] - 1]
    if named.case != "gent" or not before.is_noun or named.relation != "nmod":
        return None
    return sentence.rebuilt({names[0]: own[0].text}, {})


def _add_owner(fragment: Fragment, known: Sequence[Mention], sentence: Sentence) -> str | None:
    """«Сколько дней отпуска в год?», «А у разработчиков?»: people for a question that names nobody."""
    mention, own = fragment.mention, fragment.sentence.words[0]
    living = (Kind.PERSON, Kind.BEING)
    if mention is None or mention.kind is not Kind.BEING or own.folded != "у" or mention.text[:1].isupper():
        return None
    if any(one.kind in living for one in known) or any(word.folded == "у" for word in sentence.words):
        return None
    last = max(at for at, word in enumerate(sentence.words) if word.pos != "PUNCT")
    return sentence.rebuilt({}, {last: fragment.sentence.text})


def _of_whom(mention: Mention, parallel: Mention) -> Mention:
    """«А жена?» after a question about Tolstoy: «жена Льва Толстого»."""
    owned = parallel.kind is Kind.PERSON and Kind.PERSON in vocabulary().owners.get(mention.text, frozenset())
    return replace(mention, text=f"{mention.text} {parallel.in_case('gent')}") if owned else mention


def _replace_noun(fragment: Fragment, sentence: Sentence) -> str | None:
    """A property for a property: «Какова глубина Байкала?», «А площадь?», «А его площадь?»."""
    words = sentence.words
    own = next((word for word in fragment.sentence.words if word.is_noun), None)
    if (
        own is None
        or fragment.sentence.text[:1].isupper()
        or own.text[:1].isupper()
        or fragment.sentence.words[0].pos == "ADP"
    ):
        return None
    cases = {one.case for one in readings(own.folded)}  # «объём» alone is a nominative as well as an accusative
    places = [
        at
        for at, word in enumerate(words)
        if word.pos == "NOUN"
        and word.case in cases
        and word.text[:1].islower()
        and not any(words[child].lemma == "какой" for child in sentence.children(at))
        and word.lemma not in vocabulary().nameless
    ]
    if len(places) != 1:
        return None
    start, stop = sentence.phrase(places[0], ("amod",))
    if len(fragment.sentence.words) > 1:  # it brings what it belongs to: «площадь Байкала»
        stop = sentence.phrase(places[0], _PARTS)[1]
        while words[stop - 1].pos == "PUNCT":
            stop -= 1
    replaced = dict.fromkeys(range(start, stop), "") | {start: fragment.sentence.text}
    if words[places[0]].case == "nomn":
        for at, word in enumerate(words):
            if at not in replaced:
                replaced[at] = _agreeing(word, own.gender, plural=own.plural)
    return sentence.rebuilt(replaced, {})


def _replace_number(fragment: Fragment, sentence: Sentence) -> str | None:
    """«в 2018 году», «А в 2014?»: a year for a year, with the words around it kept."""
    numbers = [word for word in fragment.sentence.words if _NUMBER.fullmatch(word.text)]
    if len(numbers) != 1 or any(word.lemma not in ("год", "г") for word in fragment.sentence.words if word.is_noun):
        return None
    places = [at for at, word in enumerate(sentence.words) if _NUMBER.fullmatch(word.text)]
    return sentence.rebuilt({places[0]: numbers[0].text}, {}) if len(places) == 1 else None


def _parallel(fragment: Fragment, known: Sequence[Mention], sentence: Sentence) -> Mention | None:
    mention = fragment.mention
    assert mention is not None
    own = fragment.sentence.words[0]
    same = [one for one in known if _alike(one, mention)]
    if own.pos == "ADP":
        behind = [
            one
            for one in known
            if one.start
            and sentence.words[one.start - 1].folded.rstrip("о") == own.folded.rstrip("о")
            and (_alike(one, mention) or one.kind in (Kind.THING, mention.kind) or mention.kind is Kind.THING)
        ]
        if mention.text[:1].islower():  # «у разработчиков» is no «отпуска»
            same = [one for one in same if one.start and sentence.words[one.start - 1].pos == "ADP"]
        return next(iter(behind or same), None)
    return next(iter(same), None)


def _alike(one: Mention, other: Mention) -> bool:
    """Whether one can stand where the other does: people for people, places for places, nouns for nouns."""
    named = (Kind.PERSON, Kind.PLACE, Kind.ORGANISATION, Kind.WORK, Kind.EVENT)
    capital = [mention.text.lstrip("«")[:1].isupper() for mention in (one, other)]
    if {one.kind, other.kind} == {Kind.PERSON, Kind.BEING}:
        return True
    if one.kind is other.kind:
        return capital[0] == capital[1] or one.kind is not Kind.THING
    # Tagged from one word, a place or a body is often not told from the other.
    unsure = {Kind.PLACE, Kind.ORGANISATION, Kind.THING}
    return (all(capital) and one.kind in unsure and other.kind in unsure) or (
        not any(capital) and one.kind not in named and other.kind not in named
    )


def _head(sentence: Sentence, mention: Mention) -> Word:
    inside = range(mention.start, mention.stop)
    return next(
        (sentence.words[at] for at in inside if sentence.words[at].head not in inside or sentence.words[at].head == at),
        sentence.words[mention.start],
    )


def _case(sentence: Sentence, mention: Mention, preposition: str) -> str:
    """Case of a phrase: of its noun, or as its preposition asks."""
    head = _head(sentence, mention)
    if head.case:
        return head.case
    tagged = next((sentence.words[at].case for at in range(mention.start, mention.stop) if sentence.words[at].case), "")
    return tagged or vocabulary().prepositions.get(preposition, "nomn")


def _agreeing(word: Word, gender: str, *, plural: bool) -> str:
    """A word of the last question as its new subject asks: «родилась», «каков»; most words stay as they are."""
    if word.lemma == "каков":
        form = "каков" + ("ы" if plural else {"femn": "а", "neut": "о"}.get(gender, ""))
        return recased(form, word.text)
    return agree(word.text, gender, plural=plural) if word.is_verbal else word.text
