"""Who a clause is about: «он» and a subject left out become the document's title where that is who they stand for."""

from __future__ import annotations

from training.pairs.cloze.clause import SUBJECTS, Clause, Part, Tree
from training.pairs.cloze.rules import rules
from training.pairs.cloze.titles import Title

_PRONOUNS = frozenset({"он", "она", "оно", "они"})
NOT_A_WORD = -1  # index of a part that was put in


class Topic:
    """Follows a passage sentence by sentence: is it still about its document's subject?

    A pronoun or a subject left out carries on what the sentence before was about; another subject ends it.

    Args:
        title: of the document.
    """

    def __init__(self, title: Title) -> None:
        self.title = title
        self._carried_on = True

    def grounded(self, tree: Tree, clause: Clause | None) -> Clause | None:
        """The clause with a subject that is no pronoun, None where nobody can say who it is about."""
        if clause is None:
            return None
        verb = tree.words[clause.predicate]
        subject = clause.subject
        if subject is None:
            if self._carried_on and self.title.fits_silent(verb) and tree.words[0].lemma not in rules().pointing:
                return clause.replacing(None, self._part())
            # «Город переименовали»: nobody needs to have done it.
            finite = verb.feats.get("VerbForm") == "Fin" and verb.feats.get("Person", "3") == "3"
            impersonal = finite and verb.feats.get("Number") == "Plur"
            return clause if impersonal and any(part.relation in ("obj", "obl") for part in clause.parts) else None
        head = tree.words[subject.head]
        if head.folded not in _PRONOUNS:
            return clause
        return clause.replacing(subject, self._part()) if self._carried_on and self.title.agrees(head) else None

    def follow(self, tree: Tree) -> None:
        """Take in a sentence that has been looked at."""
        for index, word in enumerate(tree.words):
            subject = word.relation in SUBJECTS or (word.head < 0 and word.pos in ("NOUN", "PROPN"))
            if subject and word.pos in ("NOUN", "PROPN"):
                said = " ".join(tree.words[at].text for at in tree.phrase(index))
                self._carried_on = self.title.shares_words(said)

    def _part(self) -> Part:
        return Part("nsubj", NOT_A_WORD, (NOT_A_WORD,), self.title.spoken())
