"""A thing that a conversation has named."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rag.agent.conversation.genders import WORD, noun_genders
from rag.agent.conversation.vocabulary import Kind
from rag.agent.declension import decline
from retrievers.analysis import fold, lemma

LOCAL_PREPOSITIONS = ("в", "во", "на")


@dataclass(frozen=True, slots=True)
class Mention:
    """A thing that was named.

    Args:
        text: in the nominative.
        kind: what it is.
        genders: of the name itself; none for the plural.
        plural: whether «они» stands for it.
        nouns: common nouns it was called by: «роман» of «роман „Солярис“», «река» of an answer to «Какая река…?».
        age: turns ago, 1 for the last.
        rank: place among the mentions of its turn, 0 for the answer.
        preposition: «в» or «на», where it was named with one.
        start: index of its first word in the question that names it; 0 for an answer's.
        stop: just past its last; 0 for an answer's.
    """

    text: str
    kind: Kind
    genders: frozenset[str]
    plural: bool = False
    nouns: frozenset[str] = frozenset()
    age: int = 1
    rank: int = 0
    preposition: str = ""
    start: int = 0
    stop: int = 0

    @property
    def from_answer(self) -> bool:
        """An answer named it, not a question."""
        return self.stop == 0

    @property
    def gender(self) -> str:
        """Its gender where there is one only, else ``""``."""
        return next(iter(self.genders)) if len(self.genders) == 1 else ""

    @property
    def pronoun_genders(self) -> frozenset[str]:
        """Genders of the pronouns that can stand for it, by its own name and by what it was called."""
        if self.plural:
            return frozenset()
        return self.genders.union(*(noun_genders(noun) for noun in self.nouns))

    @property
    def words(self) -> frozenset[str]:
        """Lemmas of its words."""
        return frozenset(lemma(fold(word)) for word in WORD.findall(self.text))

    def as_said(self, genders: frozenset[str]) -> Mention:
        """With the noun that a pronoun of these genders means: «она» of Колорадо is «река Колорадо»."""
        if self.plural or not genders or genders & self.genders:
            return self
        noun = next((one for one in sorted(self.nouns) if genders & noun_genders(one)), "")
        if not noun or noun in self.words:
            return self
        return replace(self, text=f"{noun} {self.text}", genders=noun_genders(noun))

    def in_case(self, case: str, preposition: str = "") -> str:
        """The name in a case, after a preposition in its short form."""
        if self.text.startswith("«") and self.text.endswith("»"):
            # A title that no noun introduces is declined as what it says: «в „Сталкере“», «автор „Войны и мира“».
            return f"«{decline(self.text[1:-1], case)}»"
        personal = self.kind is Kind.PERSON
        return decline(self.text, case, personal=personal, gender=self.gender, after=preposition)
