"""Putting a model under the root, where profiles find it by name."""

from __future__ import annotations

import shutil
from pathlib import Path

from retrievers.errors import InputError
from retrievers.named_models import check_name, models_root
from training.folders import new_folder, require_free
from training.models.catalogue import SHIPPED_RECORD, WEIGHTS

_FILES = (".npz", ".json")  # weights that stand alone: of the offline reader and the light scorer
# What a pipeline never reads: pickles, states of a training that may go on, and the hub's own copies.
_LEFT_OUT = shutil.ignore_patterns(
    "*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5", "*.msgpack", "checkpoint-*", ".git*", ".cache"
)


def add_model(source: Path, name: str, *, root: Path | None = None, replace: bool = False) -> Path:
    """Copy a model under the root; the copy is whole or not there.

    Args:
        source: folder of a model, or the one file of its weights; a record and a card beside it come with it.
        name: that it will have.
        root: None for :func:`retrievers.named_models.models_root`.
        replace: a model of that name.

    Returns:
        The folder of the copy.

    Raises:
        InputError: there is no model at ``source``, the name cannot be one or is taken, or the root cannot be written.
    """
    target = (root or models_root()) / check_name(name)
    _require_weights(source)
    require_free(target, flag="--name", replace=replace)
    if source.is_dir() and target.resolve().is_relative_to(source.resolve()):
        raise InputError(f"{source} holds the place of the copy, {target}; choose another folder")
    with new_folder(target) as folder:
        if source.is_dir():
            shutil.copytree(source, folder, dirs_exist_ok=True, ignore=_LEFT_OUT)
        else:
            _copy_file(source, folder)
    return target


def _require_weights(source: Path) -> None:
    if source.is_file():
        if source.suffix not in _FILES:
            raise InputError(f"{source}: expected a folder of a model, or weights in one file ({', '.join(_FILES)})")
    elif not source.is_dir():
        raise InputError(f"there is no model at {source}")
    elif not any(path.suffix in WEIGHTS for path in source.rglob("*")):
        raise InputError(f"{source} holds no weights ({', '.join(WEIGHTS)})")


def _copy_file(source: Path, folder: Path) -> None:
    from training.finetune.card import CARD, RECORD

    shutil.copyfile(source, folder / source.name)
    for beside, name in ((source.with_suffix(".md"), CARD), (source.with_suffix(SHIPPED_RECORD), RECORD)):
        if beside.is_file():
            shutil.copyfile(beside, folder / name)
