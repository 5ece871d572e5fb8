"""All formats by name."""

from __future__ import annotations

from evals.rewards.formats.base import Format
from evals.rewards.formats.files import parquet_writer, write_jsonl
from evals.rewards.formats.offline import dpo_rows, kto_rows, reward_rows, trl_prm_rows
from evals.rewards.formats.online import (
    SEARCH_R1_SCHEMA,
    VERL_SCHEMA,
    openrlhf_rows,
    search_r1_rows,
    trl_rows,
    verifiers_rows,
    verl_rows,
)

FORMATS: dict[str, Format] = {
    "jsonl": Format(reward_rows, write_jsonl),
    "trl": Format(trl_rows, write_jsonl),
    "trl-prm": Format(trl_prm_rows, write_jsonl),
    "kto": Format(kto_rows, write_jsonl),
    "dpo": Format(dpo_rows, write_jsonl),
    "verl": Format(verl_rows, parquet_writer(VERL_SCHEMA)),
    "search-r1": Format(search_r1_rows, parquet_writer(SEARCH_R1_SCHEMA)),
    "verifiers": Format(verifiers_rows, write_jsonl),
    "openrlhf": Format(openrlhf_rows, write_jsonl),
}
