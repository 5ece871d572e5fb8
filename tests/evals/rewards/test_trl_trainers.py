"""TRL's own trainers take our rows and our reward functions: two optimisation steps each on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evals.rewards.__main__ import main
from evals.rewards.trl import abstention_right, answer_f1_lemma, answer_format

trl = pytest.importorskip("trl", reason="trl of the extra rl is not installed")
datasets = pytest.importorskip("datasets", reason="datasets of the extra rl is not installed")

# The trainers and the libraries under them warn about their own deprecations.
pytestmark = pytest.mark.filterwarnings("ignore")

STEPS = 2


def exported(run: Path, name: str) -> Any:
    """Rows of a format as TRL's users load them."""
    rows = run / f"{name}.jsonl"
    assert main([str(run), "--format", name, "--out", str(rows)]) == 0
    return datasets.load_dataset("json", data_files=str(rows), split="train", cache_dir=str(run / "cache"))


@pytest.fixture
def training(tmp_path: Path) -> dict[str, Any]:
    """Options that all trainers share: two steps, nothing saved, nothing reported anywhere."""
    return {
        "output_dir": str(tmp_path / "training"),
        "max_steps": STEPS,
        "logging_steps": 1,
        "learning_rate": 1e-3,
        "per_device_train_batch_size": 4,
        "save_strategy": "no",
        "report_to": "none",
        "use_cpu": True,
        "bf16": False,
        "disable_tqdm": True,
        "seed": 1,
    }


def train(trainer: Any) -> list[dict[str, float]]:
    """Train, see that every step was taken and the weights moved, and give the logs of the steps."""
    before = [parameter.detach().clone() for parameter in trainer.model.parameters()]
    trainer.train()
    assert trainer.state.global_step == STEPS
    assert any((old != new).any() for old, new in zip(before, trainer.model.parameters(), strict=True))
    logs: list[dict[str, float]] = [entry for entry in trainer.state.log_history if "loss" in entry]
    assert len(logs) == STEPS
    return logs


def test_grpo_learns_from_our_rows_and_rewards(run_directory, tiny_policy, training):
    calls: list[dict[str, Any]] = []
    rewards: list[float | None] = []

    def lemma_f1(**batch: Any) -> list[float | None]:
        calls.append(batch)
        rewards.extend(answer_f1_lemma(**batch))
        return rewards[-len(batch["prompts"]) :]

    trainer = trl.GRPOTrainer(
        model=str(tiny_policy),
        reward_funcs=[lemma_f1, answer_format, abstention_right],
        args=trl.GRPOConfig(**training, num_generations=4, max_completion_length=4, reward_weights=[1.0, 0.1, 0.1]),
        train_dataset=exported(run_directory, "trl"),
    )
    logs = train(trainer)

    columns = {"question", "answers", "answerable", "gold_doc_ids", "passage_doc_ids", "qid", "variant"}
    assert all(columns <= set(call) for call in calls)
    rows = [row for call in calls for row in zip(call["question"], call["answers"], strict=True)]
    gold = dict(rows)
    assert (
        gold.items()
        <= {
            "Какова наибольшая глубина Байкала?": ["1642 м", "1642 метра"],
            "Какая река вытекает из озера глубиной 1642 м?": ["Ангара"],
            "Сколько детей у Байкала?": [],
        }.items()
    )
    assert all(call["completions"][0][0]["role"] == "assistant" for call in calls)
    names = ("lemma_f1", "answer_format", "abstention_right")
    assert all(f"rewards/{name}/mean" in entry for entry in logs for name in names)
    judged = [reward for reward in rewards if reward is not None]
    assert any(reward > 0 for reward in judged), "the policy guessed nothing right: choose another seed"
    assert any(entry["reward_std"] > 0 for entry in logs)


def test_kto_learns_from_our_rows(run_directory, tiny_policy, training):
    trainer = trl.KTOTrainer(
        model=str(tiny_policy), args=trl.KTOConfig(**training), train_dataset=exported(run_directory, "kto")
    )
    logs = train(trainer)
    assert any("rewards/chosen" in entry for entry in logs)
    assert any("rewards/rejected" in entry for entry in logs)


def test_dpo_learns_from_our_rows(run_directory, tiny_policy, training):
    trainer = trl.DPOTrainer(
        model=str(tiny_policy), args=trl.DPOConfig(**training), train_dataset=exported(run_directory, "dpo")
    )
    assert all("rewards/margins" in entry for entry in train(trainer))
