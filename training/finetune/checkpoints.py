"""Checkpoints without pickles: weights, optimiser, schedule and random states as safetensors and JSON.

The trainers of transformers write everything but the weights with ``torch.save`` and read it with
``torch.load(weights_only=True)``, a restricted unpickler; they also leave a pickled ``training_args.bin`` in every
folder. Nothing of that is needed: the states are tensors and numbers.
"""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import numpy as np

from retrievers.errors import InputError

WEIGHTS = "weights.safetensors"
_OPTIMIZER = "optimizer"
_RANDOM = "random"
_SCALER = "scaler.json"
_STATE = "trainer_state.json"  # of transformers, written last: a checkpoint that has it is whole
_NAME = re.compile(r"checkpoint-(\d+)")


def last_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint of a run; None where there is none."""
    whole = [path for path in folder.glob("checkpoint-*") if _NAME.fullmatch(path.name) and _is_whole(path)]
    return max(whole, key=_step, default=None)


def write_state(path: Path, tensors: dict[str, Any], values: dict[str, Any]) -> None:
    """Write ``path`` + ``.safetensors`` and ``path`` + ``.json``."""
    from safetensors.torch import save_file

    # Tied weights share memory, which safetensors refuses; a copy of each does not.
    copies = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(copies, path.with_name(f"{path.name}.safetensors"))
    path.with_name(f"{path.name}.json").write_text(json.dumps(values), encoding="utf-8")


def read_state(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What :func:`write_state` wrote.

    Raises:
        InputError: a file is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path.with_name(f"{path.name}.safetensors"))
        values = json.loads(path.with_name(f"{path.name}.json").read_text(encoding="utf-8"))
    except (OSError, SafetensorError, ValueError) as error:
        raise InputError(f"the checkpoint {path.parent} is damaged ({error}); begin anew with --fresh") from error
    return tensors, values


def flatten_optimizer(state: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tensors by ``"<parameter>.<name>"``, and everything else of an optimiser's ``state_dict()``."""
    import torch

    tensors: dict[str, Any] = {}
    numbers: dict[str, Any] = {}
    for parameter, entries in state["state"].items():
        for name, value in entries.items():
            (tensors if isinstance(value, torch.Tensor) else numbers)[f"{parameter}.{name}"] = value
    return tensors, {"numbers": numbers, "groups": state["param_groups"]}


def unflatten_optimizer(tensors: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Inverse of :func:`flatten_optimizer`."""
    state: dict[int, dict[str, Any]] = {}
    for key, value in (tensors | values["numbers"]).items():
        parameter, _, name = key.partition(".")
        state.setdefault(int(parameter), {})[name] = value
    groups = [{**group, "betas": tuple(group["betas"])} if "betas" in group else group for group in values["groups"]]
    return {"state": state, "param_groups": groups}


def random_state() -> tuple[dict[str, Any], dict[str, Any]]:
    """States of all generators that training draws from."""
    import torch

    version, numbers, gauss = random.getstate()
    kind, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    tensors = {"numpy": torch.from_numpy(np.asarray(keys, np.int64)), "torch": torch.random.get_rng_state()}
    for device, state in enumerate(torch.cuda.get_rng_state_all() if torch.cuda.is_available() else ()):
        tensors[f"cuda.{device}"] = state
    values = {"python": [version, list(numbers), gauss], "numpy": [str(kind), position, has_gauss, cached]}
    return tensors, values


def set_random_state(tensors: dict[str, Any], values: dict[str, Any]) -> None:
    """Go back to what :func:`random_state` saw."""
    import torch

    version, numbers, gauss = values["python"]
    random.setstate((version, tuple(numbers), gauss))
    kind, position, has_gauss, cached = values["numpy"]
    np.random.set_state((kind, tensors["numpy"].numpy().astype(np.uint32), position, has_gauss, cached))
    torch.random.set_rng_state(tensors["torch"])
    if torch.cuda.is_available():
        states = [tensors[name] for name in sorted(tensors) if name.startswith("cuda.")]
        if len(states) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(states)


class SafeCheckpoints:
    """Put before a trainer of transformers or sentence-transformers, replaces what it writes and reads.

    The model's whole ``state_dict`` is kept, LoRA's matrices included, under the names it has while training, so that a
    checkpoint needs no other file to go on from. Failing to read one is an error, where the trainers only log it.
    """

    model: Any
    optimizer: Any
    lr_scheduler: Any
    accelerator: Any
    args: Any
    state: Any

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        folder = Path(output_dir or self.args.output_dir)
        write_state(folder / Path(WEIGHTS).stem, state_dict or self.model.state_dict(), {})

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        tensors, _ = read_state(Path(resume_from_checkpoint) / Path(WEIGHTS).stem)
        (model if model is not None else self.model).load_state_dict(tensors)

    def _load_best_model(self) -> None:
        # Not state.best_model_checkpoint: a path of the run that wrote it, which may have been moved since.
        self._load_from_checkpoint(str(Path(self.args.output_dir) / f"checkpoint-{self.state.best_global_step}"))

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        tensors, values = flatten_optimizer(self.optimizer.state_dict())
        write_state(Path(output_dir) / _OPTIMIZER, tensors, values | {"schedule": self.lr_scheduler.state_dict()})

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            tensors, values = read_state(Path(checkpoint) / _OPTIMIZER)
            self.optimizer.load_state_dict(unflatten_optimizer(tensors, values))
            self.lr_scheduler.load_state_dict(values["schedule"])

    def _save_scaler(self, output_dir: str) -> None:
        scaler = getattr(self.accelerator, "scaler", None)
        if scaler is not None:
            (Path(output_dir) / _SCALER).write_text(json.dumps(scaler.state_dict()), encoding="utf-8")

    def _load_scaler(self, checkpoint: str | None) -> None:
        if checkpoint is not None and (path := Path(checkpoint) / _SCALER).is_file():
            self.accelerator.scaler.load_state_dict(json.loads(path.read_text(encoding="utf-8")))

    def _save_rng_state(self, output_dir: str) -> None:
        write_state(Path(output_dir) / _RANDOM, *random_state())

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            set_random_state(*read_state(Path(checkpoint) / _RANDOM))

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Nothing: the card is written by ``training.finetune.card``, once, and for all kinds of models."""


def _is_whole(path: Path) -> bool:
    try:
        return isinstance(json.loads((path / _STATE).read_text(encoding="utf-8")), dict)
    except (OSError, ValueError):
        return False


def _step(path: Path) -> int:
    found = _NAME.fullmatch(path.name)
    return int(found.group(1)) if found else -1
