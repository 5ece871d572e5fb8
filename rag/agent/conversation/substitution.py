"""A question with its referring words replaced by what they mean."""

from __future__ import annotations

from dataclasses import dataclass, field

from rag.agent.conversation.agreement import agree
from rag.agent.conversation.mention import Mention
from rag.agent.conversation.references import Reference, Way
from rag.agent.conversation.sentence import Sentence
from rag.agent.conversation.vocabulary import Kind, vocabulary
from rag.agent.declension import decline
from rag.agent.wording import agreeing

_ENDS = frozenset("?!.,;:…")
_PREPOSITIONS = {"loct": "в", "accs": "в", "gent": "из"}
_ON = {"loct": "на", "accs": "на", "gent": "с"}


@dataclass(slots=True)
class Changes:
    """What becomes of the words of a question.

    Args:
        sentence: the question.
        first: word it begins with, past an opening particle.
        replaced: new text by word, ``""`` for a word that goes.
        after: text put in after a word.
    """

    sentence: Sentence
    first: int = 0
    replaced: dict[int, str] = field(default_factory=dict)
    after: dict[int, str] = field(default_factory=dict)

    def put(self, reference: Reference, mention: Mention) -> None:
        """Replace a referring word by what it means, in its case and where Russian puts it."""
        if reference.way in (Way.PRONOUN, Way.POSSESSIVE, Way.OMITTED):
            mention = mention.as_said(reference.genders)
        match reference.way:
            case Way.PRONOUN:
                self._put_name(reference.index, reference.case, mention)
            case Way.POSSESSIVE:
                self.replaced[reference.index] = ""
                self._insert(reference.noun, mention.in_case("gent"))
            case Way.NOUN:
                self._put_noun(reference, mention)
            case Way.PLACE:
                self._put_place(reference, mention)
            case Way.EVENT:
                self._put_subject(reference.index, mention)
                self._agree_all(mention)
            case Way.OMITTED:
                self._insert(reference.index, mention.text)

    def move_to_end(self, index: int, text: str) -> None:
        """Leave a word out and say ``text`` at the end of the question: «тогда» as «в 1709 году»."""
        last = max(at for at, word in enumerate(self.sentence.words) if word.text not in _ENDS)
        self.replaced[index] = ""
        self._insert(last, text)

    def text(self) -> str:
        """The question with all changes made."""
        return self.sentence.rebuilt(self.replaced, self.after, self.first)

    def _put_name(self, index: int, case: str, mention: Mention) -> None:
        before = self.sentence.words[index - 1] if index else None
        if before is not None and before.pos == "ADP":
            name = mention.in_case(case, before.folded)
            self.replaced[index - 1] = agreeing(before.text, name)
            self.replaced[index] = name
        elif case == "nomn":
            self._put_subject(index, mention)
        else:
            self._place(index, mention.in_case(case))

    def _put_subject(self, index: int, mention: Mention) -> None:
        words = self.sentence.words
        if index and words[index - 1].lemma == "кто" and self._is_end(index + 1):
            such = "такие" if mention.plural else "такая" if mention.gender == "femn" else "такой"
            self.replaced[index] = f"{such} {mention.text}"  # «Кто он?»
        else:
            self._place(index, mention.text)

    def _place(self, index: int, text: str) -> None:
        """Put a text where a pronoun stands, or behind a predicate that ends the question: «Когда умер Лем?»."""
        words = self.sentence.words
        at = index + 1
        while at < len(words) and words[at].is_verbal:
            at += 1
        if at > index + 1 and self._is_end(at):
            self.replaced[index] = ""
            self._insert(at - 1, text)
        else:
            self.replaced[index] = text

    def _put_noun(self, reference: Reference, mention: Mention) -> None:
        """«этот город» becomes «город Москва», «этот роман» «роман „Солярис“»."""
        noun = self.sentence.words[reference.noun]
        self.replaced[reference.index] = ""
        name = mention.text
        called = next((word for word in mention.nouns if name.lower().startswith(f"{word} ")), "")
        name = name[len(called) :].strip()
        whole = decline(f"{noun.lemma} {name}", reference.case, personal=False, gender=mention.gender)
        self._insert(reference.noun, whole.partition(" ")[2] or name)

    def _put_place(self, reference: Reference, mention: Mention) -> None:
        prepositions = _ON if stands_on(mention) else _PREPOSITIONS
        preposition = prepositions[reference.case]
        place = mention.in_case(reference.case, preposition)
        self._place(reference.index, f"{agreeing(preposition, place)} {place}")

    def _agree_all(self, mention: Mention) -> None:
        for at, word in enumerate(self.sentence.words):
            if word.is_verbal and at not in self.replaced:
                self.replaced[at] = agree(word.text, mention.gender, plural=mention.plural)

    def _is_end(self, index: int) -> bool:
        words = self.sentence.words
        return index >= len(words) or words[index].text in _ENDS

    def _insert(self, index: int, text: str) -> None:
        self.after[index] = f"{self.after[index]} {text}" if index in self.after else text


def stands_on(mention: Mention) -> bool:
    """Whether one is «на» a place and not «в» it."""
    if mention.preposition:
        return mention.preposition == "на"
    words, names = vocabulary(), mention.words
    if mention.kind is Kind.PLACE and ((mention.nouns | names) & words.on_nouns or names & words.on_names):
        return True
    return any(name.endswith(words.on_endings) for name in names)
