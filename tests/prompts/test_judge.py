from __future__ import annotations

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from prompts.judge import judge_prompts

SCHEMA = {"type": "object", "properties": {"verdict": {"type": "integer"}}}


def test_the_parts_stand_in_their_order() -> None:
    prompt = judge_prompts()["verdicts"].render({"context": "Текст.", "statements": ["Утверждение."]}, SCHEMA)
    order = ["следует ли оно прямо из текста", json.dumps(SCHEMA), "Пример 1", "Штрауса", '"Утверждение."', "Ответ:"]
    places = [prompt.rindex(part) for part in order]
    assert places == sorted(places)
    assert prompt.endswith("Ответ:")


def test_every_prompt_is_russian() -> None:
    for prompt in judge_prompts().values():
        assert re.search("[а-я]", prompt.instruction)
        assert not re.search(r"\b(?:the|answer|question)\b", prompt.instruction)
        assert "\n" not in prompt.instruction


@given(st.text())
def test_data_stays_data(text) -> None:
    prompt = judge_prompts()["relevance"].render({"response": text}, SCHEMA)
    shown = prompt.rpartition("Данные:\n")[2].rpartition("\n\nОтвет:")[0]
    assert json.loads(shown) == {"response": text} or "Данные:\n" in text
