"""A stretch of a passage as an answer: any span, where :mod:`generators.reading.candidates` knows only its own."""

from __future__ import annotations

from generators.reading.candidates import Candidate, Kind, propose
from generators.reading.normal_form import short_form
from generators.reading.parsing import Sentence, clean, parse

_LONGEST = 8  # words; a longer span is a clause, and is quoted as it stands
_QUOTES = '«„“"'


def surface(text: str, start: int, stop: int) -> str:
    """The span without stress marks, line breaks and double spaces."""
    return " ".join(clean(text[start:stop])[0].split())


def nominative(text: str, start: int, stop: int) -> str:
    """The span in the nominative: ``nominative("Роман написан Львом Толстым.", 14, 27) == "Лев Толстой"``.

    Titles, figures, clauses and what is longer than a sentence stay as they are written.
    """
    parsed = parse(text)
    for index, sentence in enumerate(parsed.sentences):
        if sentence.start <= start and stop <= sentence.stop:
            candidate = _candidate(index, sentence, start, stop)
            if candidate is None:
                break
            known = {(one.start, one.stop): one for one in propose(parsed) if one.sentence == index}
            return short_form(text, sentence.words, known.get((candidate.start, candidate.stop), candidate))
    return surface(text, start, stop)


def _candidate(index: int, sentence: Sentence, start: int, stop: int) -> Candidate | None:
    """The words of the span without a preposition before them; None where it cuts through one, or there are none."""
    inside = [at for at, word in enumerate(sentence.words) if word.start < stop and word.stop > start]
    if not inside or sentence.words[inside[0]].start < start or sentence.words[inside[-1]].stop > stop:
        return None
    first, last = inside[0], inside[-1] + 1
    if sentence.words[first].pos == "ADP" and last - first > 1:
        first += 1
    words = sentence.words[first:last]
    if not any(char.isalpha() for word in words for char in word.text):
        kind = Kind.NUMBER
    elif words[0].text in _QUOTES:
        kind = Kind.TITLE
    else:
        kind = Kind.CLAUSE if len(words) > _LONGEST else Kind.PHRASE
    return Candidate(index, first, last, first, words[0].start, words[-1].stop, kind)
