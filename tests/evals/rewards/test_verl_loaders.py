"""verl's own dataset, loader of reward functions and reward manager take our rows and our function."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evals.rewards.__main__ import main

pytest.importorskip("verl", reason="verl needs an environment of its own, see docs/rewards.md")
torch = pytest.importorskip("torch")
omegaconf = pytest.importorskip("omegaconf")

pytestmark = pytest.mark.filterwarnings("ignore")  # of verl and what is under it


class Characters:
    """As much of a tokenizer as verl's loaders ask for: a token for each character."""

    def apply_chat_template(self, messages: list[dict[str, str]], **_options: Any) -> list[int]:
        return [ord(character) for message in messages for character in message["content"]]

    def decode(self, ids: Any, **_options: Any) -> str:
        return "".join(chr(int(number)) for number in ids)


def rows_of(run: Path, name: str) -> Any:
    from verl.utils.dataset.rl_dataset import RLHFDataset

    out = run / f"{name}.parquet"
    assert main([str(run), "--format", name, "--out", str(out), "--split", "test"]) == 0
    config = omegaconf.OmegaConf.create(
        {
            "cache_dir": str(run / "cache"),
            "max_prompt_length": 4096,
            "filter_overlong_prompts": True,
            "filter_overlong_prompts_workers": 1,
        }
    )
    return RLHFDataset([str(out)], Characters(), config)


def reward_function() -> Any:
    from verl.trainer.ppo.reward import get_custom_reward_fn

    chosen = {"path": "pkg://evals.rewards.verl", "name": "compute_score"}
    return get_custom_reward_fn(omegaconf.OmegaConf.create({"reward": {"custom_reward_function": chosen}}))


def test_the_dataset_reads_prompts_and_gold(run_directory):
    rows = rows_of(run_directory, "verl")
    assert len(rows) == 5
    first = rows[0]
    assert first["data_source"] == "russian-rag"
    assert first["raw_prompt"][1]["role"] == "user"
    assert "Какова наибольшая глубина Байкала?" in first["raw_prompt"][1]["content"]
    assert list(first["reward_model"]["ground_truth"]["target"]) == ["1642 м", "1642 метра"]
    assert first["index"] == 0


def test_the_reward_manager_calls_our_function(run_directory):
    from verl import DataProto
    from verl.workers.reward_manager.naive import NaiveRewardManager

    rows = rows_of(run_directory, "verl")
    responses = ["1642 м [1]", "В документах нет ответа на этот вопрос"]
    picked = [rows[0], rows[2]]  # an answerable question and another
    width = max(map(len, responses))
    ids = torch.tensor([[ord(character) for character in text.ljust(width, "\0")] for text in responses])
    written = torch.tensor([[1] * len(text) + [0] * (width - len(text)) for text in responses])
    batch = DataProto.from_dict(
        tensors={
            "prompts": torch.ones((2, 1), dtype=torch.int64),
            "responses": ids,
            "attention_mask": torch.cat([torch.ones((2, 1), dtype=torch.int64), written], dim=1),
        },
        non_tensors={
            name: np.array([row[name] for row in picked], dtype=object)
            for name in ("data_source", "reward_model", "extra_info")
        },
    )
    scored = NaiveRewardManager(Characters(), num_examine=0, compute_score=reward_function())(batch, return_dict=True)
    assert scored["reward_tensor"].sum(dim=1).tolist() == [1.0, 1.0]
    assert scored["reward_extra_info"]["abstained"] == [0.0, 1.0]
    assert scored["reward_extra_info"]["em"] == [1.0, 1.0]


def test_its_search_r1_reward_reads_our_rows_too(run_directory):
    from verl.utils.reward_score import search_r1_like_qa_em

    row = rows_of(run_directory, "search-r1")[0]
    truth = row["reward_model"]["ground_truth"]
    rollout = "<think>Ищу.</think><answer>1642 м</answer>"
    assert search_r1_like_qa_em.compute_score(rollout, truth) == 1.0
    ours = reward_function()(data_source="", solution_str=rollout, ground_truth=truth, extra_info=row["extra_info"])
    assert ours["score"] == 1.0
