"""A document's title as people say it, to stand where its text says «он» or nothing."""

from __future__ import annotations

import random
import re

from generators.reading.parsing import Word, find_names, parse
from retrievers.analysis import lemmas
from training.pairs.cloze.forms import gender_of, group_in_case

_TAIL = re.compile(r"\s*(?:[,(;—–/]|\s-\s).*", re.DOTALL)
_PRONOUNS = {"он": "masc", "она": "femn", "оно": "neut", "они": "plur"}
_LONGEST = 6  # words; a longer title is a phrase of the first sentence


class Title:
    """A title cut to the name it begins with.

    ``Title("Иван IV Васильевич, Иван Грозный, в постриге", …).text == "Иван IV Васильевич"``

    Args:
        text: as the corpus has it.
        randomness: for the choice between the full name of a person and shorter ones.
    """

    def __init__(self, text: str, randomness: random.Random) -> None:
        self.text = _TAIL.sub("", " ".join(text.split())).strip('«»" ')
        parsed = parse(self.text) if self.text else None
        sentences = parsed.sentences if parsed else ()
        self._words = sentences[0].words if len(sentences) == 1 else ()
        self._random = randomness
        names = find_names([self.text])[0]
        self._person = bool(names) and names[0].type == "PER" and names[0].stop - names[0].start >= len(self.text) - 1
        root = next((word for word in self._words if word.head < 0), None)
        self._gender = gender_of(root) if root is not None and root.pos in ("NOUN", "PROPN") else ""
        if len(self._words) > _LONGEST:
            self._gender = ""
        self._lemmas = lemmas(self.text)

    def agrees(self, pronoun: Word) -> bool:
        """Whether a personal pronoun can stand for it."""
        return bool(self._gender) and _PRONOUNS.get(pronoun.folded) == self._gender and pronoun.case == "Nom"

    def fits_silent(self, verb: Word) -> bool:
        """Whether it can be the subject of a verb that has none: a past form or short participle of its gender."""
        if verb.pos != "VERB":
            return False
        if self._person and self._gender != "plur" and verb.feats.get("Person") == "3":
            return verb.feats.get("Number") == "Sing"
        if not self._gender or self._gender in ("plur", "neut") or verb.feats.get("Number") != "Sing":
            return False
        gender = {"Masc": "masc", "Fem": "femn"}.get(verb.feats.get("Gender", ""))
        return gender == self._gender

    def spoken(self) -> str:
        """The name; of a person now and then the last name or the first and the last."""
        parts = self.text.split()
        if not self._person or len(parts) < 2 or any(not part[:1].isupper() or part.isupper() for part in parts):
            return self.text
        return self._random.choice([self.text, parts[-1], f"{parts[0]} {parts[-1]}"])

    def genitive(self) -> str | None:
        """The name in the genitive, None where the dictionary cannot say."""
        return group_in_case(self._words, "Gen") if self._gender else None

    def is_named_in(self, text: str) -> bool:
        """Whether a text says its words."""
        found = set(lemmas(text))
        return bool(self._lemmas) and all(part in found for part in self._lemmas)

    def shares_words(self, text: str) -> bool:
        """Whether a text names one of its longer words: «Пушкин» of «Александр Сергеевич Пушкин»."""
        found = set(lemmas(text))
        return any(part in found for part in self._lemmas if len(part) > 3)

    def what_is_it(self) -> str:
        """The question for what stands under the title."""
        if not self._person:
            return f"Что такое {self.text}?"
        return f"Кто {'такая' if self._gender == 'femn' else 'такой'} {self.spoken()}?"
