"""docs/rewards.md names what there is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from evals.rewards.components import PENALTIES, QuestionComponent, StepComponent
from evals.rewards.formats.registry import FORMATS
from evals.rewards.weights import RewardWeights

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "rewards.md").read_text(encoding="utf-8")


def table_names(section: str) -> list[tuple[str, bool]]:
    """Names in the first column of a section's table, and whether each is marked as a penalty."""
    text = PAGE.split(f"## {section}\n", 1)[1].split("\n## ", 1)[0]
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return [(name, bool(mark)) for cell in cells for name, mark in re.findall(r"`([\w-]+)`( \(−\))?", cell)]


def test_every_component_is_described_and_penalties_are_marked():
    for section, names in (("Components of a question", QuestionComponent), ("Components of a step", StepComponent)):
        described = dict(table_names(section))
        assert set(described) == set(names)
        assert {name for name, penalty in described.items() if penalty} == PENALTIES & set(names)


def test_every_format_is_described():
    assert [name for name, _ in table_names("Formats")] == list(FORMATS)


def test_the_weights_shown_are_valid():
    shown = PAGE.split("```toml\n", 1)[1].split("```", 1)[0]
    RewardWeights.model_validate(tomllib.loads(shown))
