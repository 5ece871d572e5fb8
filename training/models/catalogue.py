"""Finding models and reading what stands beside their weights.

A trained or added model is a folder right under a root, with ``training.json`` in it. A shipped one is a file of
weights in the ``data`` folder of a package, ``NAME.npz`` say, with the same record as ``NAME.training.json`` and the
card as ``NAME.md`` beside it. Of the record only ``task`` and ``name`` must be there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from evals.files import read_json
from retrievers.errors import InputError
from retrievers.named_models import models_root
from training.finetune.card import CARD, RECORD, TrainingRecord, read_record
from training.finetune.report import METRICS_FILE
from training.folders import folder_bytes

SHIPPED_RECORD = ".training.json"
WEIGHTS = (".safetensors", ".onnx", ".npz", ".gguf")
_PACKAGES = ("retrievers", "generators", "rag")


@dataclass(frozen=True, slots=True)
class Model:
    """A model on this machine.

    Args:
        name: that a profile uses it by; of a shipped one, its file's.
        path: its folder, or of a shipped one its file of weights.
        size: bytes.
        formats: endings of its weights without the dot, "onnx".
        shipped: whether it is part of a package.
        record: how it came about; None where it has no record.
        problem: why a record cannot be read; "" where it can.
        export: the record's section on an export; empty where it is none.
    """

    name: str
    path: Path
    size: int
    formats: tuple[str, ...]
    shipped: bool
    record: TrainingRecord | None = None
    problem: str = ""
    export: dict[str, Any] | None = None

    @property
    def card(self) -> str:
        """The model card, Markdown; "" where there is none."""
        path = self.path.with_suffix(".md") if self.shipped else self.path / CARD
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""

    def questions(self) -> dict[str, list[float]]:
        """Values of each evaluation question after training, by metric; empty where they were not kept."""
        path = self.path / METRICS_FILE
        kept = read_json(path).get("questions") if path.is_file() else None
        after = kept.get("after") if isinstance(kept, dict) else None
        return {str(name): list(values) for name, values in after.items()} if isinstance(after, dict) else {}


def all_models(roots: Iterable[Path] = ()) -> list[Model]:
    """Models under the roots, in the order of roots and names, then the shipped ones.

    Args:
        roots: directories of model folders; none for :func:`retrievers.named_models.models_root`.

    Raises:
        InputError: a root that was named is no directory.
    """
    found: list[Model] = []
    for root in roots:
        if not root.is_dir():
            raise InputError(f"--root {root}: no such directory")
        found += _under(root)
    return [*(found if roots else _under(models_root())), *shipped_models()]


def find_model(name: str, roots: Iterable[Path] = ()) -> Model:
    """A model by the path of its folder, else by name, as profiles look for it.

    Raises:
        InputError: there is none; names those there are.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return read_model(folder)
    known = all_models(roots)
    for model in known:
        if model.name == name:
            return model
    raise InputError(f"no model {name!r}, and no folder of that path; known: {', '.join(one.name for one in known)}")


def read_model(folder: Path) -> Model:
    """The model in a folder, with or without a record."""
    formats = tuple(sorted({path.suffix[1:] for path in folder.rglob("*") if path.suffix in WEIGHTS}))
    record, export, problem = _read(folder / RECORD)
    return Model(folder.resolve().name, folder, folder_bytes(folder), formats, False, record, problem, export)


def shipped_models() -> list[Model]:
    """Models that are part of the packages, by name."""
    found = []
    for path in sorted(_shipped_records()):
        stem = path.name.removesuffix(SHIPPED_RECORD)
        weights = [file for file in path.parent.glob(f"{stem}.*") if file.suffix != ".md" and file != path]
        record, export, problem = _read(path)
        for file in weights[:1]:
            size, formats = sum(one.stat().st_size for one in weights), tuple(sorted(one.suffix[1:] for one in weights))
            found.append(Model(stem, file, size, formats, True, record, problem, export))
    return sorted(found, key=lambda model: model.name)


def _under(root: Path) -> list[Model]:
    if not root.is_dir():
        return []
    return [read_model(path) for path in sorted(root.iterdir()) if path.is_dir() and not path.name.startswith(".")]


def _shipped_records() -> Iterator[Path]:
    for package in _PACKAGES:
        root = Path(str(resources.files(package)))
        yield from root.rglob(f"data/*{SHIPPED_RECORD}")


def _read(path: Path) -> tuple[TrainingRecord | None, dict[str, Any] | None, str]:
    if not path.is_file():
        return None, None, ""
    try:
        record = read_record(path.parent, path.name)
        export = read_json(path).get("export")
        return record, export if isinstance(export, dict) else None, ""
    except InputError as error:
        return None, None, str(error)


def as_json(model: Model) -> str:
    """Everything known about a model, one JSON object."""
    facts = {
        "name": model.name,
        "path": str(model.path),
        "shipped": model.shipped,
        "formats": model.formats,
        "bytes": model.size,
        "record": model.record.model_dump(mode="json") if model.record else None,
        "export": model.export,
    }
    return json.dumps(facts | ({"problem": model.problem} if model.problem else {}), ensure_ascii=False)
