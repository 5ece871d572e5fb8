from __future__ import annotations

import pytest

from training.pairs.standalone import why_dependent


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("О чём говорится в тексте?", "speaks of the text"),
        ("Какой вывод делает автор статьи?", "speaks of the text"),
        ("Что упомянуто выше о Байкале?", "speaks of the text"),
        ("Сколько жителей в этом городе?", "points to the text"),
        ("Когда он родился?", "pronoun for nobody"),
        ("Какова его площадь?", "pronoun for nobody"),
        ("Сколько человек живёт в городе?", "names nothing"),
        ("Кто написал роман «Обломов»?", None),
        ("Когда родился Пушкин и где он учился?", None),
        ("Какая наука изучает вексиллологию?", None),
        ("Что произошло в 1812 году?", None),
    ],
)
def test_reason(question: str, reason: str | None) -> None:
    assert why_dependent(question) == reason


def test_questions_of_people_pass(shared_data) -> None:
    import json

    lines = (shared_data / "ruwiki" / "rubq_dev.jsonl").read_text(encoding="utf-8").splitlines()[:100]
    reasons = [why_dependent(json.loads(line)["question"]) for line in lines]
    assert sum(reason is None for reason in reasons) >= 0.9 * len(reasons)
