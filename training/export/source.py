"""The model to export: where it lies and what it is for, read from its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrievers.checkpoints import find_checkpoint, read_json, require_packages, require_safetensors
from retrievers.errors import InputError, ModelUnavailableError
from retrievers.span_reader.settings import KEY
from training.export.options import ExportTask

FEATURE = "export to ONNX"
PACKAGES = ("torch", "transformers", "sentence_transformers", "onnx", "onnxscript")

_GENERATORS = ("ForCausalLM", "ForConditionalGeneration", "LMHeadModel")


@dataclass(frozen=True, slots=True)
class Source:
    """A model to export.

    Args:
        model: path or name it was asked for by.
        folder: where it lies.
        task: what it is for; never ``auto``.
        static: token vectors alone (sentence-transformers' StaticEmbedding), no transformer.
    """

    model: str
    folder: Path
    task: ExportTask
    static: bool = False

    @property
    def name(self) -> str:
        """For people."""
        return Path(self.model).name or self.folder.resolve().name


def open_source(model: str, task: ExportTask = ExportTask.AUTO) -> Source:
    """Find a model and tell what it is for.

    Raises:
        MissingExtraError: the extra ``train`` is not installed.
        ModelUnavailableError: the model is not on this machine, is pickled, or writes texts.
        InputError: it is for another task than the one asked for.
    """
    require_packages(FEATURE, *PACKAGES, extra="train")
    folder = find_checkpoint(model, feature=FEATURE, extra="train")
    modules = [str(module.get("type", "")) for module in read_json(folder / "modules.json", default=[])]
    static = bool(modules) and modules[0].endswith(".StaticEmbedding")
    found = ExportTask.BIENCODER if static else _task_of(model, read_json(folder / "config.json"), folder)
    if task not in {ExportTask.AUTO, found}:
        raise InputError(f"--task {task}: the files of {model} are those of a {found}")
    if not static:
        require_safetensors(folder, model)
    return Source(model, folder, found, static)


def _task_of(model: str, config: dict[str, Any], folder: Path) -> ExportTask:
    architecture = str(next(iter(config.get("architectures") or []), ""))
    if KEY in config:
        return ExportTask.READER
    if architecture.endswith("ForSequenceClassification"):
        return ExportTask.CROSSENCODER
    if architecture.endswith("ForQuestionAnswering"):
        raise ModelUnavailableError(
            f"{model} is a {architecture}, which reads without saying how relevant a passage is; train it on with "
            f"python -m training.reader --base {model}, and export the result"
        )
    if architecture.endswith(_GENERATORS) and not (folder / "modules.json").is_file():
        raise ModelUnavailableError(f"{model} is a {architecture}; models that write texts are not exported here")
    if not config and not (folder / "modules.json").is_file():
        raise ModelUnavailableError(f"{model}: neither config.json nor modules.json in {folder}; it is no model")
    return ExportTask.BIENCODER
