from __future__ import annotations

import json
import random

import numpy as np
import pytest

from retrievers.errors import InputError

torch = pytest.importorskip("torch", reason="torch of the extra train is not installed")

from training.finetune.checkpoints import (  # noqa: E402
    flatten_optimizer,
    last_checkpoint,
    random_state,
    read_state,
    set_random_state,
    unflatten_optimizer,
    write_state,
)


def test_an_optimizer_goes_on_as_if_it_had_not_stopped(tmp_path) -> None:
    def build():
        torch.manual_seed(0)
        layer = torch.nn.Linear(3, 2)
        return layer, torch.optim.AdamW(
            [{"params": [layer.weight], "weight_decay": 0.1}, {"params": [layer.bias], "weight_decay": 0.0}], lr=0.1
        )

    def step(layer, optimizer) -> None:
        optimizer.zero_grad()
        layer(torch.ones(1, 3)).square().sum().backward()
        optimizer.step()

    layer, optimizer = build()
    for _ in range(3):
        step(layer, optimizer)
    write_state(tmp_path / "optimizer", *flatten_optimizer(optimizer.state_dict()))
    other, resumed = build()
    other.load_state_dict(layer.state_dict())
    resumed.load_state_dict(unflatten_optimizer(*read_state(tmp_path / "optimizer")))
    assert resumed.state_dict()["param_groups"] == optimizer.state_dict()["param_groups"]
    for _ in range(2):
        step(layer, optimizer)
        step(other, resumed)
    assert torch.equal(layer.weight, other.weight)


def test_random_states_come_back(tmp_path) -> None:
    write_state(tmp_path / "random", *random_state())
    before = (random.random(), np.random.rand(), torch.rand(2).tolist())
    set_random_state(*read_state(tmp_path / "random"))
    assert (random.random(), np.random.rand(), torch.rand(2).tolist()) == before


def test_tied_weights_are_kept(tmp_path) -> None:
    weight = torch.arange(4.0)
    write_state(tmp_path / "weights", {"a": weight, "b": weight}, {"step": 3})
    tensors, values = read_state(tmp_path / "weights")
    assert torch.equal(tensors["a"], weight)
    assert torch.equal(tensors["b"], weight)
    assert values == {"step": 3}


@pytest.mark.parametrize("name", ["weights.safetensors", "weights.json"])
def test_a_damaged_state_says_how_to_begin_anew(tmp_path, name: str) -> None:
    write_state(tmp_path / "weights", {"a": torch.ones(1)}, {})
    (tmp_path / name).write_bytes(b"\x80\x04K\x01.")  # a pickle, of all things
    with pytest.raises(InputError, match=r"damaged .*--fresh"):
        read_state(tmp_path / "weights")


def test_the_last_checkpoint_is_the_newest_whole_one(tmp_path) -> None:
    assert last_checkpoint(tmp_path) is None
    for step in (5, 10, 20):
        (tmp_path / f"checkpoint-{step}").mkdir()
    for step in (5, 10):
        (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text(json.dumps({"global_step": step}))
    (tmp_path / "checkpoint-20" / "trainer_state.json").write_text('{"global_st')  # killed while writing it
    (tmp_path / "checkpoint-best").mkdir()
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-10"
