"""Words of a question that mean something said before, and which of the things said they mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rag.agent.conversation.mention import Mention
from rag.agent.conversation.sentence import Sentence, Word
from rag.agent.conversation.vocabulary import Kind, Pronoun, vocabulary
from retrievers.analysis import fold, morph


class Way(StrEnum):
    """How a question refers."""

    PRONOUN = "pronoun"  # «он», «ему», «о ней»
    POSSESSIVE = "possessive"  # «его дочь»
    NOUN = "noun"  # «этот город»
    PLACE = "place"  # «там»
    EVENT = "event"  # «это» of «Когда это случилось?»
    OMITTED = "omitted"  # «А когда умер?»


@dataclass(frozen=True, slots=True)
class Reference:
    """A referring word.

    Args:
        way: how it refers.
        index: of the word; of the verb, where the subject is left out.
        case: it stands in.
        genders: of what it may mean; none with ``plural``.
        plural: whether it means several.
        kinds: what it can mean by what is said of it; none where nothing tells.
        noun: index of the noun it goes with («дочь», «город»), else its own.
    """

    way: Way
    index: int
    case: str
    genders: frozenset[str]
    plural: bool
    kinds: frozenset[Kind]
    noun: int


_JOINTS = frozenset({"и", "а", "но", "или", "что", "когда", "если"})  # words that may begin another clause
_ALL = frozenset({"masc", "femn", "neut"})
_PLACES = frozenset({Kind.PLACE, Kind.ORGANISATION})
_LIVING = frozenset({Kind.PERSON, Kind.BEING})
_TAGGED = frozenset({Kind.PLACE, Kind.ORGANISATION})  # taggers tell them apart by guess: the Hermitage is either
_NOT_LIVING = frozenset(Kind) - _LIVING


def references(sentence: Sentence) -> list[Reference]:
    """Referring words that nothing in the question itself explains."""
    found: list[Reference] = []
    for index, word in enumerate(sentence.words):
        found += _at(sentence, index, word)
    return [one for one in found if not _explained_inside(sentence, one)]


def omitted_subject(sentence: Sentence) -> Reference | None:
    """The subject of «А когда умер?»: a verb in the singular that has none, and no word that could be one."""
    verbs = [index for index, word in enumerate(sentence.words) if word.pos == "VERB"]
    if len(verbs) != 1:
        return None
    index = verbs[0]
    verb = sentence.words[index]
    auxiliary = next((sentence.words[at] for at in sentence.children(index) if sentence.words[at].pos == "AUX"), verb)
    if verb.plural or (not verb.tense and auxiliary.tense != "Past") or verb.gender == "neut":
        return None
    names_subject = any(
        word.relation.startswith(("nsubj", "csubj")) or word.case == "nomn" or word.lemma in ("кто", "что", "сколько")
        for word in sentence.words
    )
    if names_subject:
        return None
    gender = verb.gender or auxiliary.gender
    genders = frozenset({gender}) if gender else _ALL
    kinds = vocabulary().subjects.get(verb.lemma, frozenset())
    return Reference(Way.OMITTED, index, "nomn", genders, plural=False, kinds=kinds, noun=index)


def choose(reference: Reference, known: Sequence[Mention], sentence: Sentence) -> Mention | None:
    """What a reference means: the fitting mention of the latest turn, None where none fits.

    Args:
        reference: to understand.
        known: mentions, latest turn first.
        sentence: the question; what it names itself is not meant.
    """
    said = {word.lemma for word in sentence.words if word.is_noun}
    fitting = [
        one
        for one in known
        if _agrees(reference, one)
        and _of_kind(reference, one, sentence.words[reference.noun].lemma)
        and not (one.kind is Kind.PERSON and one.words & said)
    ]
    if not fitting:
        return None
    latest = [one for one in fitting if one.age == fitting[0].age]
    called = [one for one in latest if reference.way is Way.NOUN and sentence.words[reference.noun].lemma in one.nouns]
    if called or reference.kinds or len(latest) == 1:
        exact = [one for one in latest if one.kind in reference.kinds]
        return (called or exact or latest)[0]
    # Nothing tells what is meant: rather the person asked after than the place that was the answer.
    people = [one for one in latest if one.kind is Kind.PERSON]
    return (people or latest)[0]


def _at(sentence: Sentence, index: int, word: Word) -> Iterator[Reference]:
    words = vocabulary()
    if word.folded in words.pronouns:
        yield from _pronoun(sentence, index, words.pronouns[word.folded])
    elif word.folded in words.adverbs:
        case = words.adverbs[word.folded]
        yield Reference(Way.PLACE, index, case, _ALL, plural=False, kinds=_PLACES, noun=index)
    elif word.folded in words.demonstratives:
        yield from _demonstrative(sentence, index)


def _pronoun(sentence: Sentence, index: int, options: Sequence[Pronoun]) -> Iterator[Reference]:
    word = sentence.words[index]
    before = sentence.words[index - 1] if index else None
    preposition = before.folded if before is not None and before.pos == "ADP" else ""
    owned = _owned_noun(sentence, index, behind_preposition=bool(preposition)) if options[0].possessive else None
    if owned is not None:
        kinds = vocabulary().owners.get(sentence.words[owned].lemma, frozenset())
        option = options[0]
        yield Reference(Way.POSSESSIVE, index, "gent", option.genders, option.plural, kinds, owned)
        return
    wanted = word.case or vocabulary().prepositions.get(preposition, "")
    option = next((one for one in options if wanted in one.cases), options[0])
    case = wanted if wanted in option.cases else vocabulary().prepositions.get(preposition, option.cases[0])
    case = case if case in option.cases else option.cases[0]
    yield Reference(Way.PRONOUN, index, case, option.genders, option.plural, _told(sentence, index, case), index)


def _owned_noun(sentence: Sentence, index: int, *, behind_preposition: bool) -> int | None:
    """The noun after «его», «её», «их» that they stand before as possessives, adjectives between them skipped."""
    pronoun = sentence.words[index]
    if pronoun.relation.startswith("obj") and not behind_preposition:  # with one an object would be «него»
        return None
    for at in range(index + 1, len(sentence.words)):
        word = sentence.words[at]
        if word.is_noun:
            tied = behind_preposition or pronoun.head == at or pronoun.relation in ("det", "nmod") or at == index + 1
            return at if tied else None
        if word.pos not in ("ADJ", "DET", "NUM") or not word.case:
            return None
    return None


def _told(sentence: Sentence, index: int, case: str) -> frozenset[Kind]:
    """What the verb tells about its subject, or «лет» about whose age is asked."""
    word = sentence.words[index]
    if case == "nomn" and word.relation.startswith("nsubj"):
        return _of_subject(sentence, word)
    if case == "datv" and any(one.lemma in ("год", "лето") and one.case == "gent" for one in sentence.words):
        return _LIVING
    if case == "loct" and index and sentence.words[index - 1].folded in ("в", "во", "на"):
        return _NOT_LIVING
    return frozenset()


def _of_subject(sentence: Sentence, subject: Word) -> frozenset[Kind]:
    verb = sentence.words[subject.head]
    participles = [one for one in morph().parse(verb.folded) if str(one.tag.POS) == "PRTS"]
    if participles:
        return vocabulary().passives.get(fold(participles[0].normal_form), frozenset())
    table = vocabulary().passives if subject.relation == "nsubj:pass" else vocabulary().subjects
    return table.get(verb.lemma, frozenset())


def _demonstrative(sentence: Sentence, index: int) -> Iterator[Reference]:
    """«этот» with the noun after it, or «это» as the subject of a verb that events have."""
    words, this = vocabulary(), sentence.words[index]
    for at in range(index + 1, len(sentence.words)):
        word = sentence.words[at]
        if word.is_noun:
            kinds = words.named.get(word.lemma)
            if kinds and word.text[:1].islower() and not sentence.text[word.stop :].lstrip().startswith("«"):
                yield Reference(Way.NOUN, index, word.case or "nomn", _ALL, word.plural, kinds, at)
            return
        if word.pos not in ("ADJ", "NUM") or not word.case:
            break
    if this.folded == "это" and any(word.lemma in words.event_verbs and word.is_verbal for word in sentence.words):
        yield Reference(Way.EVENT, index, "nomn", _ALL, plural=False, kinds=frozenset({Kind.EVENT}), noun=index)


def _agrees(reference: Reference, mention: Mention) -> bool:
    if reference.way in (Way.PLACE, Way.EVENT):
        return True
    if reference.plural or mention.plural:
        return reference.plural and mention.plural
    return bool(reference.genders & mention.pronoun_genders)


def _of_kind(reference: Reference, mention: Mention, noun: str) -> bool:
    kinds = reference.kinds
    if reference.way is Way.NOUN and mention.nouns and kinds <= _TAGGED:
        return noun in mention.nouns  # what was called a city is no museum
    if not kinds or mention.kind in kinds:
        return True
    if reference.way is Way.NOUN:
        return mention.kind in _TAGGED and kinds <= _TAGGED and mention.text[:1].isupper()
    if reference.way is Way.EVENT:
        return False
    if mention.kind is Kind.BEING:
        return bool(kinds & {Kind.PERSON, Kind.THING})
    # A thing is whatever no list knows better, and places and works are things.
    return (
        kinds != {Kind.PERSON}
        and kinds != _LIVING
        and (mention.kind is Kind.THING or (Kind.THING in kinds and mention.kind not in _LIVING))
    )


def _explained_inside(sentence: Sentence, reference: Reference) -> bool:
    """Whether the question says itself what is meant: «Где родился Пушкин и когда он умер?», «там, где …»."""
    words, index = sentence.words, reference.index
    if reference.way is Way.PLACE:
        following = [word.folded for word in words[index + 1 : index + 3]]
        if following[:1] == ["же"] or (following[:1] == [","] and following[1:] in (["где"], ["куда"], ["откуда"])):
            return True
    elif reference.way not in (Way.PRONOUN, Way.POSSESSIVE):
        return False
    if reference.way is Way.POSSESSIVE and any(
        _may_mean(reference, word) and (word.pos == "PROPN" or _is_animate(word)) for word in words[:index]
    ):
        return True  # «Сколько Екатерина заплатила Дидро за его библиотеку?»
    boundaries = (at for at in range(index - 1, 0, -1) if words[at].text == "," or words[at].folded in _JOINTS)
    boundary = next(boundaries, 0)
    return any(_may_mean(reference, word) for word in words[:boundary])


def _may_mean(reference: Reference, word: Word) -> bool:
    """Whether a word of the question agrees with a pronoun of it; names are tagged too often with the wrong gender."""
    if reference.way is Way.PLACE:
        return word.is_noun and not _is_animate(word)
    if not word.is_noun:
        return word.lemma == "кто" and "masc" in reference.genders
    if reference.plural or word.plural:
        return reference.plural and word.plural
    return word.pos == "PROPN" or not word.gender or word.gender in reference.genders


def _is_animate(word: Word) -> bool:
    return any("anim" in str(one.tag) for one in morph().parse(word.folded)[:1])
