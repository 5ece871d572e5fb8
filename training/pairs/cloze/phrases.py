"""Noun phrases asked for by «кто», «что», «кем», «почему» or «для чего»."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from generators.reading.parsing import Word
from training.pairs.cloze.answers import AnswerKind, Span
from training.pairs.cloze.asking import Asked, agrees_with_relation, case_of
from training.pairs.cloze.clause import Clause, Part, Tree
from training.pairs.cloze.rules import rules

_LONGEST = 6  # words
_ASKED_WITH = frozenset({"для", "о", "от", "из", "с", "к"})  # prepositions whose nouns are asked for


def phrases_of(tree: Tree, clause: Clause, spans: Sequence[Span]) -> Iterator[tuple[AnswerKind, Asked]]:
    """Question phrases for the parts of a clause that are noun phrases, and hold none of the spans as their head."""
    for part in clause.parts:
        if part.text is None and tree.words[part.head].pos == "NOUN" and not any(s.covers(part.head) for s in spans):
            yield from _of_part(tree, clause, part)


def _of_part(tree: Tree, clause: Clause, part: Part) -> Iterator[tuple[AnswerKind, Asked]]:
    words = tree.words
    own = [at for at in part.words if not (words[at].pos == "ADP" and at < part.head)]
    prepositions = [words[at].folded for at in part.words if words[at].pos == "ADP" and at < own[0]]
    first, last = own[0], own[-1] + 1
    if (
        len(own) != last - first
        or last - first > _LONGEST
        or len(prepositions) > 1
        or not _is_telling(words, part, own)
    ):
        return
    preposition = rules().prepositions.get(prepositions[0], prepositions[0]) if prepositions else ""
    head = words[part.head]
    case = case_of(tree, part)
    if not agrees_with_relation(part.relation, case, preposition):
        return
    if preposition in rules().cause:
        yield AnswerKind.CAUSE, Asked("почему", part, None, first, last)
        return
    table = rules().who if head.feats.get("Animacy") == "Anim" else rules().what
    if case not in table:
        return
    if case == "Ins" and not preposition and words[clause.predicate].lemma in rules().role_verbs:
        yield AnswerKind.ROLE, Asked(rules().who["Ins"], part, None, first, last)
    elif last - first < 2 and len(clause.parts) < 3:
        return  # a lone noun is seldom what anybody asks for
    elif part.is_subject and not preposition:
        agreement = "masc" if table is rules().who else "neut"
        yield AnswerKind.PHRASE, Asked(table["Nom"], part, agreement, first, last)
    elif part.relation in ("obj", "iobj") and not preposition:
        yield AnswerKind.PHRASE, Asked(table[case], part, None, first, last)
    elif part.relation == "obl" and preposition in _ASKED_WITH:
        yield AnswerKind.PHRASE, Asked(f"{preposition} {table[case]}", part, None, first, last)


def _is_telling(words: Sequence[Word], part: Part, own: Sequence[int]) -> bool:
    if words[own[0]].pos == "CCONJ" or words[part.head].lemma in rules().vague_nouns:
        return False
    return not any(
        words[at].lemma in rules().pointing or words[at].text[:1].isdigit() or words[at].pos == "NUM" for at in own
    )
