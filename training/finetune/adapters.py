"""LoRA: small trained matrices beside frozen weights (Hu et al., 2021, arXiv:2106.09685), by peft."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from retrievers.checkpoints import require_packages
from retrievers.errors import InputError
from training.finetune.options import TrainingOptions

_ALL_LINEAR = "all-linear"  # peft's name for every linear layer but the head


def add_adapter(network: Any, options: TrainingOptions, *, classifies: bool) -> Any:
    """The network with LoRA's matrices in it and all other weights frozen, but for a classifier's head.

    Args:
        network: a model of transformers.
        options: rank (above 0), alpha, dropout and targets.
        classifies: the network ends in a classifier's head, which is trained whole: it is often a new one.

    Raises:
        InputError: a target is no module of the network.
        MissingExtraError: peft is not installed.
    """
    require_packages("LoRA", "peft", extra="train")
    from peft import LoraConfig, TaskType, get_peft_model

    config = LoraConfig(
        task_type=TaskType.SEQ_CLS if classifies else TaskType.FEATURE_EXTRACTION,
        r=options.lora_rank,
        lora_alpha=options.lora_alpha,
        lora_dropout=options.lora_dropout,
        target_modules=list(options.lora_targets) or _ALL_LINEAR,
    )
    try:
        return get_peft_model(network, config)
    except ValueError as error:
        names = sorted({name.rpartition(".")[2] for name, module in network.named_modules() if _is_linear(module)})
        words = " ".join(str(error).split())[:200]
        raise InputError(f"--lora-targets: {words}; linear layers of this model: {', '.join(names)}") from error


def merge_adapter(network: Any) -> Any:
    """The network as it was before, with LoRA's updates added to its weights."""
    return network.merge_and_unload()


def save_adapter(network: Any, folder: Path) -> None:
    """LoRA's matrices alone, as ``adapter_model.safetensors`` with their configuration."""
    network.save_pretrained(str(folder), safe_serialization=True)


def trained_share(network: Any) -> float:
    """Share of the weights that training changes, in [0, 1]."""
    sizes = [(int(parameter.numel()), bool(parameter.requires_grad)) for parameter in network.parameters()]
    return sum(size for size, trained in sizes if trained) / max(1, sum(size for size, _ in sizes))


def _is_linear(module: Any) -> bool:
    return type(module).__name__ == "Linear"
