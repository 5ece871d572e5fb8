"""A tiny world: two poems by one poet, a river, and three pages that say so."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from evals.multistep.__main__ import main

FACTS = """
[poem]
name = "[поэма] «Утро»"
kind = "work"
gender = "femn"
page = "1"
mentions = ["утро"]
facts.author = { object = "poet", evidence = "написал Иван Лесной" }

[ode]
name = "[ода] «Вечер»"
kind = "work"
gender = "femn"
page = "2"
mentions = ["вечер"]
split = "dev"
facts.author = { object = "poet", evidence = "ода Ивана Лесного" }

[poet]
name = "[Иван] [Лесной]"
kind = "person"
gender = "masc"
role = "[поэт]"
page = "3"
mentions = ["лесн"]
answers = ["Иван Лесной", "Лесной"]
split = "dev"
facts.birth-city = { answers = ["Тверь"], evidence = "родился в 1801 году" }
facts.birth-year = { answers = ["1801"], evidence = "родился в 1801 году", value = 1801 }
gaps.height = { kind = "second", ask = "Какого роста был {s}?", stems = ["рост"] }
"""

TEMPLATES = """
[author]
asks = ["Кто написал {s|accs}?"]
describes = [{ construction = "relative", phrase = "{o}, который написал {s|accs}" }]

[birth-city]
asks = ["В каком городе <родился|родилась|родилось|родились> {s}?"]
follows = [{ ask = "Где родился {s}?", follow = "А где {s} <родился|родилась|родилось|родились>?" }]

[birth-year]
asks = ["В каком году родился {s}?"]
follows = [{ ask = "В каком году родился {s}?", follow = "А когда {s} родился?" }]
"""

PAGES = {
    "1": "«Утро» — поэма, которую в молодости написал Иван Лесной.",
    "2": "«Вечер» — последняя ода Ивана Лесного.",
    "3": "Иван Лесной — поэт.\n\nОн родился в 1801 году в Твери.",
}


@dataclass
class World:
    """A folder of the command's input, and the pages."""

    folder: Path
    pages: Path
    texts: ClassVar[dict[str, str]] = PAGES

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.folder / name
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")

    def write_pages(self, pages: dict[str, str]) -> None:
        rows = ({"doc_id": doc_id, "title": "", "text": text} for doc_id, text in pages.items())
        self.pages.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")

    def run(self, command: str, *more: str) -> int:
        return main([command, str(self.folder), "--pages", str(self.pages), *more])

    def read_all(self) -> None:
        """Give every unread question the verdict «kept»."""
        unread = self.folder / "unread"
        assert self.run("compose", "--unread", str(unread)) == 1
        with (self.folder / "verdicts.jsonl").open("a", encoding="utf-8") as file:
            file.write(unread.read_text("utf-8"))


@pytest.fixture
def world(tmp_path) -> World:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "facts.toml").write_text(FACTS, "utf-8")
    (folder / "templates.toml").write_text(TEMPLATES, "utf-8")
    (folder / "verdicts.jsonl").write_text("", "utf-8")
    made = World(folder, tmp_path / "pages.jsonl")
    made.write_pages(PAGES)
    return made
