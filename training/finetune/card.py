"""What is kept beside trained weights: ``training.json`` for programs and a model card, ``README.md``, for people."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evals.files import atomic_write, read_json, write_json
from rag.errors import first_mistake
from retrievers.errors import InputError
from training.examples import Example

RECORD = "training.json"
CARD = "README.md"
MANIFEST = "manifest.json"  # what training.data writes beside its files
_FORMAT = 1
_PACKAGES = ("torch", "transformers", "sentence-transformers", "peft", "onnxruntime", "numpy")
_BLOCK = 1 << 20


class Task(StrEnum):
    """What a model is for."""

    ENCODER = "encoder"  # a base for the others, not yet trained for a task
    BIENCODER = "biencoder"
    CROSSENCODER = "crossencoder"
    READER = "reader"


class DataFile(BaseModel):
    """A file that a model was trained or measured on.

    Args:
        role: what it was used for.
        name: of the file, without its folder.
        rows: that it holds.
        sha256: digest of the file.
        sources: rows by their ``source``.
        removed: rows left out before, by reason ("duplicate of an evaluation question", …), where a manifest beside the
            file says so.
        licence: of the data, where a manifest says so.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    role: Literal["train", "eval", "text"]
    name: str
    rows: int = Field(ge=0)
    sha256: str = ""
    sources: dict[str, int] = Field(default_factory=dict)
    removed: dict[str, int] = Field(default_factory=dict)
    licence: str | None = None


class Metrics(BaseModel):
    """The same metrics before training and after.

    Args:
        before: of the base; empty where there was nothing to measure.
        after: of the trained model.
        baseline: of the order that a reranker's candidates came in; empty for other models.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    before: dict[str, float] = Field(default_factory=dict)
    after: dict[str, float] = Field(default_factory=dict)
    baseline: dict[str, float] = Field(default_factory=dict)


class TrainingRecord(BaseModel):
    """How a model came about: content of ``training.json``.

    Fields that a newer version adds are passed over when an older one reads; ``format`` changes when a field changes
    its meaning.

    Args:
        task: what the model is for.
        name: of the model.
        base: hub name, or name of the folder, of the model that training started from; "" for one from nothing.
        base_digest: of the base's weights; "" where there is no base or it is not known.
        created: when training ended, UTC.
        data: files used.
        options: of the command that trained it.
        metrics: before and after, by name, on the rows of the ``eval`` files.
        run: facts of the run: updates made, the one with the best weights, seconds, device.
        licence: of the weights, as the user states it.
        commit: of this toolkit's repository; "+" behind it where files had been changed since.
        versions: of the packages that trained it.
        note: anything else a reader should know, Markdown.
        format: of this record.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    task: Task
    name: str = Field(min_length=1)
    base: str = ""
    base_digest: str = ""
    created: datetime = Field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    data: tuple[DataFile, ...] = ()
    options: dict[str, Any] = Field(default_factory=dict)
    metrics: Metrics = Metrics()
    run: dict[str, str | int | float | bool | None] = Field(default_factory=dict)
    licence: str | None = None
    commit: str | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    note: str = ""
    format: int = _FORMAT


def write_card(folder: Path, record: TrainingRecord) -> None:
    """Write ``training.json`` and ``README.md`` into a model's folder.

    Raises:
        InputError: the folder cannot be written to.
    """
    write_json(folder / RECORD, record.model_dump(mode="json"))
    with atomic_write(folder / CARD) as stream:
        stream.write(render_card(record))


def read_record(folder: Path, file: str = RECORD) -> TrainingRecord:
    """The record of a trained model.

    Args:
        folder: where it lies.
        file: name of the record.

    Raises:
        InputError: there is none, or it is damaged or of a newer format.
    """
    path = folder / file
    if not path.is_file():
        raise InputError(f"{folder} holds no {file}: it was not trained by this toolkit")
    content = read_json(path)
    if isinstance(content.get("format"), int) and content["format"] > _FORMAT:
        raise InputError(f"{path} is of format {content['format']}; this version reads up to {_FORMAT}: update it")
    try:
        return TrainingRecord.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{path}: {first_mistake(error)}") from error


def data_file(path: Path, examples: Sequence[Example], role: Literal["train", "eval"]) -> DataFile:
    """Facts of a file of examples, and of the manifest beside it, if there is one that was written with it."""
    digest = file_digest(path)
    manifest = _manifest_of(path, digest)
    removed, licence = manifest.get("removed"), manifest.get("licence")
    counts = removed.items() if isinstance(removed, dict) else ()
    return DataFile(
        role=role,
        name=path.name,
        rows=len(examples),
        sha256=digest,
        sources=dict(Counter(example.source or "unnamed" for example in examples).most_common()),
        removed={str(reason): count for reason, count in counts if isinstance(count, int) and count > 0},
        licence=licence if isinstance(licence, str) and licence else None,
    )


def _manifest_of(path: Path, digest: str) -> dict[str, Any]:
    """The manifest of the file's folder (``training.data``) or of the file itself (``training.pairs``), else nothing.

    A file that was changed since has another digest than its manifest names, and what was removed from it is not known.
    """
    for place in (path.with_name(f"{path.name.partition('.')[0]}.{MANIFEST}"), path.with_name(MANIFEST)):
        if place.is_file():
            manifest = read_json(place)
            outputs = manifest.get("outputs")
            files = [manifest, *(outputs if isinstance(outputs, list) else [])]
            if any(isinstance(file, dict) and file.get("sha256") == digest for file in files):
                return manifest
    return {}


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def package_versions() -> dict[str, str]:
    """Versions of the packages that train, of those installed."""
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


@functools.cache
def toolkit_commit() -> str | None:
    """Commit of the checkout that this toolkit runs from, "+" behind it where files were changed; None without one."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        commit = _git(root, "rev-parse", "HEAD")
        return f"{commit}+" if _git(root, "status", "--porcelain", "--untracked-files=no") else commit
    except (OSError, subprocess.SubprocessError):
        return None


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True, timeout=30)
    return done.stdout.strip()


_TITLES = {
    Task.ENCODER: "encoder, a base to train further",
    Task.BIENCODER: "bi-encoder: texts to vectors, compared by cosine",
    Task.CROSSENCODER: "cross-encoder: relevance of a passage to a question",
    Task.READER: "reader: the answer's place in a passage",
}
_USE = {
    Task.ENCODER: "python -m training.biencoder --base {name} --train PAIRS.jsonl --eval DEV.jsonl --out DIR",
    Task.BIENCODER: "RAG_INDEX__ENCODER__KIND=huggingface RAG_INDEX__ENCODER__MODEL={name} python -m rag.index build …",
    Task.CROSSENCODER: "python -m rag.ask … --set compressor.kind=huggingface --set compressor.model={name}",
    Task.READER: "python -m rag.ask … --set generator.kind=span --set generator.model={name}",
}


def render_card(record: TrainingRecord) -> str:
    """The model card, Markdown with the front matter that model hubs read."""
    front: dict[str, Any] = {"language": ["ru"], "tags": ["russian-rag", record.task.value]}
    if record.licence:
        front["license"] = record.licence
    if record.base:
        front["base_model"] = record.base
    head = yaml.safe_dump(front, allow_unicode=True, sort_keys=False)
    sections = [
        f"---\n{head}---\n\n# {record.name}\n\n{_TITLES[record.task].capitalize()}.",
        _facts(record),
        _use(record),
        _measured(record.metrics),
        _data(record.data),
        _table(("option", "value"), _stated(record.options), "## Options"),
        _table(("fact", "value"), _stated(record.run), "## Run"),
        f"## Note\n\n{record.note}" if record.note else "",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _facts(record: TrainingRecord) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    facts = {
        "Base": f"{record.base} (weights {record.base_digest[:12]})" if record.base_digest else record.base or "none",
        "Licence": record.licence or "not stated",
        "Trained": record.created.strftime("%Y-%m-%d %H:%M UTC"),
        "Toolkit's commit": record.commit or "unknown",
        "Packages": packages or "unknown",
    }
    return "\n".join(f"- {name}: {value}" for name, value in facts.items())


def _use(record: TrainingRecord) -> str:
    command = _USE[record.task].format(name=record.name)
    return f"## Use\n\n```sh\n{command}\n```" if command else ""


def _measured(metrics: Metrics) -> str:
    sides = {"first stage": metrics.baseline, "before": metrics.before, "after": metrics.after}
    shown = {title: side for title, side in sides.items() if side}
    names = list(dict.fromkeys(name for side in shown.values() for name in side))
    rows = [(name, *(_figure(side.get(name)) for side in shown.values())) for name in names]
    return _table(("metric", *shown), rows, "## Metrics")


def _data(files: Iterable[DataFile]) -> str:
    rows = [
        (
            file.name,
            file.role,
            str(file.rows),
            ", ".join(f"{source} {count}" for source, count in file.sources.items()),
            ", ".join(f"{count} {reason}" for reason, count in file.removed.items()),
            file.licence or "not stated",
            file.sha256[:12],
        )
        for file in files
    ]
    return _table(("file", "use", "rows", "sources", "removed before", "licence", "sha256"), rows, "## Data")


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], heading: str) -> str:
    if not rows:
        return ""
    lines = [columns, ["---"] * len(columns), *rows]
    return f"{heading}\n\n" + "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _stated(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What has a value, as text."""
    return [
        (name, ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value))
        for name, value in values.items()
        if value not in (None, "", [], ())
    ]
