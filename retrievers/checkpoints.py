"""Where a Hugging Face checkpoint lies: a folder, a named model, or a snapshot in the hub's cache.

Nothing is downloaded here: models weigh gigabytes, and the closed networks this toolkit is for have no hub. A missing
checkpoint is an error that names the command which brings it. Only safetensors weights are accepted, since the older
``.bin`` files are pickles, and no code that comes with a model is ever run.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from retrievers.errors import InputError, MissingExtraError, ModelUnavailableError, ToolkitError
from retrievers.named_models import find_named, no_such_name

_HUB_NAME = re.compile(r"[\w.-]+(?:/[\w.-]+)?")
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5", "*.msgpack")
_HUB_FOLDER = re.compile(r"models--(.+)")
_PACKAGES = {"torch", "transformers", "sentence_transformers", "sentencepiece", "gguf"}  # of the extra hf
_SAMPLES = 32  # blocks hashed of a weights file: a changed model changes all of them
_BLOCK = 1 << 16
_LONGEST = 400  # characters quoted of a library's message


def find_checkpoint(model: str, revision: str | None = None, *, feature: str, extra: str = "hf") -> Path:
    """Folder of a checkpoint on this machine.

    Args:
        model: path of a folder, name of a model under :func:`~retrievers.named_models.models_root`, or the hub name of
            a model that was downloaded before; the first that is there.
        revision: commit, tag or branch of a hub model; a folder has none.
        feature: what needs it, for the message.
        extra: the extra that brings the hub's library.

    Raises:
        InputError: a revision of a folder, or neither a path nor a hub name.
        ModelUnavailableError: there is no such folder or snapshot; says which names are known.
    """
    folder = Path(model).expanduser()
    if not folder.is_dir():
        folder = find_named(model) or folder
    if folder.is_dir():
        if revision is not None:
            raise InputError(f"{feature}: {model} is a folder and has no revision {revision!r}; leave the revision out")
        return folder
    if not _HUB_NAME.fullmatch(model) or folder.is_absolute() or model.startswith("."):
        raise ModelUnavailableError(f"{feature}: there is no folder {model}, and it is no hub name like 'owner/model'")
    return _snapshot(model, revision, feature, extra)


def require_packages(feature: str, *packages: str, extra: str = "hf") -> None:
    """Tell of a missing extra before a model is looked for: a download alone would not help.

    Raises:
        MissingExtraError: one of the packages is not installed.
    """
    if any(importlib.util.find_spec(package) is None for package in packages):
        raise MissingExtraError(feature, extra)


def _snapshot(model: str, revision: str | None, feature: str, extra: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
    except ImportError as error:
        raise MissingExtraError(feature, extra) from error
    try:
        return Path(snapshot_download(model, revision=revision, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, OSError) as error:
        unnamed = "" if "/" in model else f"there is no folder {model}, {no_such_name(model)}, and "
        raise ModelUnavailableError(
            f"{feature}: {unnamed}the model {model}{f' at revision {revision}' if revision else ''} is not on this "
            f"machine; bring it with: {download_command(model, revision)}"
        ) from error


def download_command(model: str, revision: str | None = None) -> str:
    """The command that brings a hub model, without its pickles and copies in other formats."""
    chosen = f" --revision {revision}" if revision else ""
    return f'hf download {model}{chosen} --exclude "*.bin" "*.h5" "*.msgpack" "onnx/*" "openvino/*"'


def require_safetensors(folder: Path, model: str) -> None:
    """Refuse a checkpoint whose weights are pickled or missing, in the folder itself or a module's folder inside it.

    Raises:
        ModelUnavailableError: says what was found and how to come by safetensors.
    """
    # A repository may hold the same weights in several formats; copies in `onnx/` and the like are no modules.
    if not _weights(folder):
        found = sorted({path.name for pattern in _PICKLES for path in folder.glob(pattern)})
        if found:
            raise ModelUnavailableError(
                f"{model} holds {', '.join(found)} and no .safetensors: pickled weights can run code and are not "
                "loaded; take a revision that has model.safetensors (on the hub often one of the pull requests: "
                f"{download_command(model, 'refs/pr/1')}) or save the model anew with save_pretrained()"
            )
        raise ModelUnavailableError(f"{model}: no .safetensors weights in {folder}; {_remedy(model)}")
    for module in _module_folders(folder):
        if not _weights(module) and (pickles := sorted(module.glob("*.bin"))):
            raise ModelUnavailableError(
                f"{model}: the module {module.name} has {pickles[0].name} and no .safetensors; pickled weights are not "
                "loaded: save the model anew with save_pretrained()"
            )
    for index in folder.glob("*.safetensors.index.json"):
        shards = set(read_json(index).get("weight_map", {}).values())
        if missing := sorted(shard for shard in shards if not (folder / shard).is_file()):
            raise ModelUnavailableError(
                f"{model}: {len(missing)} of {len(shards)} weight files are missing ({missing[0]}, …); {_remedy(model)}"
            )


def _remedy(model: str) -> str:
    if _HUB_NAME.fullmatch(model) and not Path(model).is_dir():
        return f"bring its files with: {download_command(model)} --force-download"
    return "if files are damaged, copy the model's whole folder again"


def _weights(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"))


def _module_folders(folder: Path) -> list[Path]:
    """Folders of the sentence-transformers modules other than the root."""
    modules = read_json(folder / "modules.json", default=[])
    return [folder / str(module["path"]) for module in modules if isinstance(module, dict) and module.get("path")]


@contextmanager
def loading(model: str, feature: str, extra: str = "hf") -> Iterator[None]:
    """Turn whatever the libraries raise while a model loads inside into an error that says what to do.

    Raises:
        MissingExtraError: a package of the extra is not installed.
        ModelUnavailableError: the checkpoint is damaged, of another kind, or needs code of its own.
    """
    try:
        from transformers.utils import logging as console

        if not sys.stderr.isatty():
            silence: Any = console.disable_progress_bar
            silence()
        yield
    except ToolkitError:
        raise
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in _PACKAGES:
            raise MissingExtraError(feature, extra) from error
        raise ModelUnavailableError(f"{model} needs the package {error.name}: pip install {error.name}") from error
    except Exception as error:
        words = " ".join(str(error).split())[:_LONGEST]
        raise ModelUnavailableError(f"{model} does not load as {feature}: {words}; {_remedy(model)}") from error


def read_json(path: Path, default: Any = None) -> Any:
    """Content of a JSON file of a checkpoint; ``default``, or ``{}``, where there is none.

    Raises:
        ModelUnavailableError: it is no JSON.
    """
    if not path.is_file():
        return {} if default is None else default
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, brackets without end
        raise ModelUnavailableError(f"{path} is damaged ({error}); copy or download the model again") from error


def names_of(model: str, folder: Path) -> list[str]:
    """Names a checkpoint may be known by, most certain first: as asked for, of the hub's cache, its config, its folder.

    >>> names_of("/models/x", Path("/hub/models--intfloat--multilingual-e5-small/snapshots/c0ffee"))
    ['/models/x', 'intfloat/multilingual-e5-small', 'c0ffee']
    """
    names = [model]
    for part in folder.parts:
        if match := _HUB_FOLDER.fullmatch(part):
            names.append(match.group(1).replace("--", "/", 1))
    origin = read_json(folder / "config.json").get("_name_or_path")
    names += [str(origin)] if origin else []
    names.append(folder.resolve().name)
    return list(dict.fromkeys(names))


def weights_fingerprint(files: list[Path], *settings: str) -> str:
    """Digest that changes with the weights and the ``settings`` that shape a model's output, not with its place.

    Of a large file its size and evenly spread blocks are read, since training moves all the weights.
    """
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda file: file.name):
        size = path.stat().st_size
        digest.update(f"{path.name}:{size}\n".encode())
        with path.open("rb") as stream:
            if size <= _SAMPLES * _BLOCK:
                digest.update(stream.read())
                continue
            for block in range(_SAMPLES):
                stream.seek((size - _BLOCK) * block // (_SAMPLES - 1))
                digest.update(stream.read(_BLOCK))
    for setting in settings:
        digest.update(f"{setting}\0".encode())
    return digest.hexdigest()
