from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from training.pairs.cloze.generate import ClozeOptions, cloze_pairs
from training.pairs.corpus import Passage

_WORDS = (
    "Иван Гончаров|Роман «Обломов»|написал|родился|в 1859 году|в Симбирске|который|он|(|)|«|»|,|.|—|12 июня 1812 года|"
    "20 километров|и|из-за дождя|Ива́н|\u00a0|\n|🙂|%|было"
)
_PIECES = st.sampled_from(_WORDS.split("|"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_PIECES, max_size=25).map(" ".join), st.sampled_from(["", "Иван Гончаров", "«", "СССР, страна"]))
def test_answers_stand_where_they_are_said_to(text: str, title: str) -> None:
    text = f"{text}."
    for example in cloze_pairs([Passage("1", title, text)], ClozeOptions(per_sentence=20, phrases=1.0)):
        assert example.answer_start is not None
        assert text.startswith(example.answers[0], example.answer_start)
        assert example.question.endswith("?")
        assert example.question[0] == example.question[0].upper()
