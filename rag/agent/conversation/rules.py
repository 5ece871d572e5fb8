"""Follow-up questions made standalone offline: by rules over morphology, syntax and the names said before."""

from __future__ import annotations

import re
from collections.abc import Sequence

from langchain_core.runnables import RunnableConfig

from rag.agent.conversation.comparison import compare, compare_again, is_among, last_pair
from rag.agent.conversation.ellipsis import (
    fragment_of,
    is_interrogative,
    replace_interrogative,
    replace_parallel,
)
from rag.agent.conversation.mentions import mentions
from rag.agent.conversation.references import choose, omitted_subject, references
from rag.agent.conversation.rewriting import Origin, Rewriting
from rag.agent.conversation.sentence import LONGEST, Sentence, parse
from rag.agent.conversation.substitution import Changes
from rag.agent.conversation.turns import HistoryOptions, Turn, bounded
from rag.agent.conversation.vocabulary import vocabulary
from rag.question import MAX_QUESTION
from retrievers.analysis import fold

_YEAR = re.compile(r"(?<!\d)(1\d{3}|20\d\d|[1-9]\d{2})(?!\d)")
_SHORT = 3  # words of a question that may leave its subject out without an opening particle
_ENDS = " \t?!.…"


class RuleRewriter:
    """Resolves pronouns, «этот город», «там», «тогда», left-out subjects and fragments against the last turns.

    A question that refers to nothing said before, or to something that is not found, comes back as it was asked.

    >>> turn = Turn(question="Кто написал роман «Война и мир»?", answer="Лев Толстой")
    >>> RuleRewriter().rewrite("А когда он умер?", [turn]).standalone
    'Когда умер Лев Толстой?'

    Args:
        options: how much of the history is looked at.
    """

    def __init__(self, options: HistoryOptions | None = None) -> None:
        self._options = options or HistoryOptions()

    def rewrite(
        self,
        question: str,
        history: Sequence[Turn],
        config: RunnableConfig | None = None,  # noqa: ARG002 - the rewriters' signature
    ) -> Rewriting:
        """The standalone form of ``question`` after ``history``, oldest turn first.

        Raises:
            ModelUnavailableError: the model files of the taggers are missing.
        """
        asked = question.strip()
        turns = bounded(history, self._options)
        if not turns or not asked:
            return Rewriting(asked, asked, note="разговор только начался")
        if len(asked) > LONGEST:
            return Rewriting(asked, asked, note="для уточнения к сказанному вопрос слишком длинный")
        opening, rest = split_opening(asked)
        result = (
            (_compared(asked, rest, turns) if opening else None)
            or self._fragment(asked, opening, rest, turns)
            or self._references(asked, opening, rest, turns)
        )
        return result or Rewriting(asked, asked, note="вопрос понятен и без разговора")

    def _references(self, asked: str, opening: str, rest: str, turns: Sequence[Turn]) -> Rewriting | None:
        sentence = parse(rest if opening else asked)
        found = references(sentence)
        known = mentions(turns) if found else []
        changes = Changes(sentence)
        meant: list[str] = []
        for reference in found:
            if is_among(sentence, reference.index):
                if (pair := last_pair(turns)) is None:
                    return Rewriting(asked, asked, note="не нашлось двух, из которых выбирать")
                return _rewritten(asked, compare(sentence, pair), [one.text for one in pair])
            mention = choose(reference, known, sentence)
            if mention is None:
                word = sentence.words[reference.index].text
                return Rewriting(asked, asked, note=f"не нашлось, о ком или о чём «{word.lower()}»")
            changes.put(reference, mention)
            meant.append(mention.text)
        if (then := _then(sentence, turns)) is not None:
            changes.move_to_end(*then)
            meant.append(then[1])
        subject = omitted_subject(sentence) if not meant and _may_omit(sentence, opening) else None
        if subject is not None and (mention := choose(subject, mentions(turns), sentence)) is not None:
            changes.put(subject, mention)
            meant.append(mention.text)
        if not meant:
            return None
        return _rewritten(asked, changes.text(), meant)

    def _fragment(self, asked: str, opening: str, rest: str, turns: Sequence[Turn]) -> Rewriting | None:
        resolved, meant = self._resolved(rest, turns) if opening else (rest, [])
        fragment = fragment_of(resolved)
        if fragment is None or not (opening or is_interrogative(fragment)):
            return None
        last = turns[-1]
        if len(last.question) > LONGEST:
            text = None
        elif is_interrogative(fragment):
            answer = next((one for one in mentions(turns[-1:]) if one.from_answer), None)
            text = replace_interrogative(fragment, last.question, answer)
        else:
            text = replace_parallel(fragment, last.question)
        if text is None or fold(text) == fold(last.question):
            return Rewriting(asked, asked, note="не нашлось, какую часть прошлого вопроса заменить")
        note = f"прошлый вопрос, в котором иначе: {fragment.sentence.text}"
        return _rewritten(asked, text, meant or [last.question], note)

    def _resolved(self, rest: str, turns: Sequence[Turn]) -> tuple[str, list[str]]:
        """A fragment with its pronouns replaced: «его жена» as «жена Льва Толстого»."""
        sentence = parse(rest)
        found = references(sentence)
        changes = Changes(sentence)
        known = mentions(turns) if found else []
        meant: list[str] = []
        for reference in found:
            mention = choose(reference, known, sentence)
            if mention is not None:
                changes.put(reference, mention)
                meant.append(mention.text)
        if not meant:
            return rest, []
        text = changes.text()
        return (text if rest[:1].isupper() else text[:1].lower() + text[1:]), meant


def split_opening(question: str) -> tuple[str, str]:
    """The particle a follow-up opens with, and the rest: ``("А как насчёт", "Москвы?")``."""
    folded = fold(question)
    if len(folded) != len(question):
        return "", question
    for opening in vocabulary().openings:
        if folded.startswith(opening) and not folded[len(opening) : len(opening) + 1].isalnum():
            rest = question[len(opening) :].lstrip(" ,—-")
            if any(char.isalpha() or char.isdigit() for char in rest):
                return question[: len(opening)], rest
    return "", question


def refers(question: str) -> bool:
    """Whether a question may lean on what was said before: it opens like a follow-up or holds a referring word."""
    opening, rest = split_opening(question.strip())
    if opening:
        return True
    sentence = parse(rest)
    return bool(references(sentence)) or any(word.folded in vocabulary().then for word in sentence.words)


def _may_omit(sentence: Sentence, opening: str) -> bool:
    return bool(opening) or sum(word.text not in _ENDS for word in sentence.words) <= _SHORT


def _then(sentence: Sentence, turns: Sequence[Turn]) -> tuple[int, str] | None:
    """«тогда» as the year that was spoken of last."""
    index = next((at for at, word in enumerate(sentence.words) if word.folded in vocabulary().then), None)
    if index is None:
        return None
    for turn in reversed(turns):
        for text in (turn.answer, turn.question):
            years = set(_YEAR.findall(text))
            if len(years) == 1:
                return index, f"в {years.pop()} году"
    return None


def _compared(asked: str, rest: str, turns: Sequence[Turn]) -> Rewriting | None:
    found = compare_again(rest, turns)
    return _rewritten(asked, found[0], [one.text for one in found[1]]) if found is not None else None


def _rewritten(asked: str, text: str, meant: Sequence[str], note: str = "") -> Rewriting:
    standalone = text if text.endswith("?") else text.rstrip(_ENDS) + "?"
    antecedent = ", ".join(dict.fromkeys(meant))
    if len(standalone) > MAX_QUESTION:
        return Rewriting(asked, asked, note="с подставленными словами вопрос стал бы слишком длинным")
    note = note or f"речь о том, что названо раньше: {antecedent}"
    return Rewriting(asked, standalone, Origin.RULES, antecedent, note)
