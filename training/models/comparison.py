"""Two models side by side: what they were made with, and what they reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evals.summary import Comparison, compare_values
from training.models.catalogue import Model

Shown = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Compared:
    """What is alike and what differs.

    Args:
        facts: by name, of A and B.
        options: that differ, of A and B; None where a model has no such option.
        metrics: after training (of an export: after exporting), of A and B.
        differences: paired over the questions of one evaluation, by metric, B minus A; empty where the models were not
            measured on the same questions, or did not keep the values of each.
        warnings: reasons not to compare the metrics.
    """

    facts: dict[str, tuple[Shown, Shown]]
    options: dict[str, tuple[Any, Any]]
    metrics: dict[str, tuple[float | None, float | None]]
    differences: dict[str, Comparison]
    warnings: tuple[str, ...]


def compare_models(first: Model, second: Model, *, seed: int = 0) -> Compared:
    """Compare two models.

    Args:
        first: A.
        second: B.
        seed: of the resampling.
    """
    measured = metrics_of(first), metrics_of(second)
    options = tuple((model.record.options if model.record else {}) for model in (first, second))
    names = dict.fromkeys([*options[0], *options[1]])
    warnings = tuple(_warnings(first, second))
    return Compared(
        facts={name: (value, _facts(second)[name]) for name, value in _facts(first).items()},
        options={
            name: (options[0].get(name), options[1].get(name))
            for name in names
            if options[0].get(name) != options[1].get(name)
        },
        metrics={
            name: (measured[0].get(name), measured[1].get(name)) for name in dict.fromkeys([*measured[0], *measured[1]])
        },
        differences={} if warnings else _differences(first, second, seed),
        warnings=warnings,
    )


def metrics_of(model: Model) -> dict[str, float]:
    """What a model reached: measured when it was exported, else after training."""
    exported = (model.export or {}).get("metrics")
    if isinstance(exported, dict) and exported:
        return {str(name): float(value) for name, value in exported.items()}
    return dict(model.record.metrics.after) if model.record else {}


def _facts(model: Model) -> dict[str, Shown]:
    record = model.record
    return {
        "task": record.task.value if record else None,
        "base": record.base if record else None,
        "data": ", ".join(f"{file.name} ({file.rows})" for file in record.data if file.role == "train")
        if record
        else None,
        "licence": record.licence if record else None,
        "commit": (record.commit or "")[:12] if record else None,
        "format": ", ".join(model.formats),
        "MB": float(f"{model.size / 1e6:.3g}"),
    }


def _warnings(first: Model, second: Model) -> list[str]:
    if first.record is None or second.record is None:
        missing = first.name if first.record is None else second.name
        return [f"{missing} has no record of its training"]
    if first.record.task is not second.record.task:
        return [f"{first.name} is a {first.record.task}, {second.name} a {second.record.task}"]
    if bool(first.export) != bool(second.export):
        return ["one is an export, measured when it was exported; the other was measured when it was trained"]
    if _evaluated_on(first) != _evaluated_on(second):
        return ["they were measured on different data"]
    return []


def _evaluated_on(model: Model) -> list[str]:
    """Digests of the evaluation files, or names where no digest was kept."""
    files = model.record.data if model.record else ()
    return sorted(file.sha256 or file.name for file in files if file.role == "eval")


def _differences(first: Model, second: Model, seed: int) -> dict[str, Comparison]:
    left, right = first.questions(), second.questions()
    shared = [name for name in left if name in right and len(left[name]) == len(right[name]) > 0]
    values = {
        name: {
            side: {f"{at:08}": value for at, value in enumerate(columns[name])}
            for side, columns in (("A", left), ("B", right))
        }
        for name in shared
    }
    return {one.metric: one for one in compare_values(values, seed=seed)}
