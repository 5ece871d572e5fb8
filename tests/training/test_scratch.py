"""A small encoder from the demo corpus, with and without navec's vectors and the guessing of masked words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from retrievers.encoders.huggingface import HuggingFaceEncoder
from training import scratch
from training.finetune.card import Task, read_record

CORPUS = Path(__file__).resolve().parents[2] / "rag" / "demo" / "corpus"
SHAPE = ["--layers", "1", "--dim", "32", "--heads", "2", "--vocabulary", "600", "--positions", "64"]


def test_the_base_is_a_bert_with_its_pieces_and_card(tiny_base, tmp_path) -> None:
    import torch
    import transformers

    network = transformers.AutoModel.from_pretrained(tiny_base)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_base)
    assert (network.config.hidden_size, network.config.num_hidden_layers) == (32, 1)
    assert len(tokenizer) == network.config.vocab_size <= 800
    assert tokenizer.model_max_length == 64
    batch = tokenizer("Где Байкал?", "В Сибири.", return_tensors="pt")
    with torch.no_grad():
        assert network(**batch).last_hidden_state.shape[2] == 32
    assert not list(tiny_base.rglob("*.bin"))
    record = read_record(tiny_base)
    assert record.task is Task.ENCODER
    assert record.data[0].role == "text"
    assert record.data[0].rows == record.run["documents"] > 50
    assert int(record.run["word pieces with a vector of navec"] or 0) > 400


def test_navec_makes_words_of_one_meaning_alike(tiny_base, tmp_path) -> None:
    import transformers

    out = tmp_path / "random"
    assert scratch.main(["--texts", str(CORPUS), "--out", str(out), *SHAPE]) == 0

    def gap(folder: Path) -> float:
        """How much more alike than others are words that stand in the same contexts."""
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        table = transformers.AutoModel.from_pretrained(folder).embeddings.word_embeddings.weight.detach().numpy()

        def cosine(left: str, right: str) -> float:
            a, b = (table[tokenizer.encode(word, add_special_tokens=False)].mean(axis=0) for word in (left, right))
            return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

        alike = [("озеро", "река"), ("город", "столица"), ("года", "году")]
        other = [("озеро", "столица"), ("город", "года"), ("река", "году")]
        return float(np.mean([cosine(*pair) for pair in alike]) - np.mean([cosine(*pair) for pair in other]))

    assert gap(tiny_base) > 0.2
    assert abs(gap(out)) < 0.2


def test_guessing_masked_words_lowers_the_loss(tmp_path, capsys) -> None:
    pytest.importorskip("accelerate", reason="accelerate of the extra train is not installed")
    out = tmp_path / "masked"
    flags = ["--mlm-steps", "80", "--learning-rate", "0.003", "--batch-size", "16", "--init", "navec"]
    assert scratch.main(["--texts", str(CORPUS / "geography"), "--out", str(out), *SHAPE, *flags]) == 0
    metrics = read_record(out).metrics
    assert metrics.before["masked loss"] == pytest.approx(np.log(600), abs=0.5)  # a random guess
    assert metrics.after["masked loss"] < metrics.before["masked loss"] - 0.2
    assert "nats a masked piece" in capsys.readouterr().out
    assert HuggingFaceEncoder(str(out), device="cpu").encode(["Байкал"]).shape == (1, 32)
    assert not out.with_name("masked.unfinished").exists()


class _KilledError(Exception):
    pass


def test_an_interrupted_run_goes_on_to_the_same_weights(tiny_base, tmp_path, monkeypatch) -> None:
    from training.finetune import running

    def make(name: str) -> Path:
        flags = ["--mlm-steps", "20", "--learning-rate", "0.003", "--batch-size", "8", "--init", "navec"]
        assert scratch.main(["--texts", str(CORPUS / "sport"), "--out", str(tmp_path / name), *SHAPE, *flags]) == 0
        return tmp_path / name

    whole, bar = make("whole"), running.ProgressBar

    class Killing(bar):
        def on_step_end(self, args, state, control, **others) -> None:
            if state.global_step == 11:
                raise _KilledError

    monkeypatch.setattr(running, "ProgressBar", Killing)
    with pytest.raises(_KilledError):
        make("resumed")
    monkeypatch.setattr(running, "ProgressBar", bar)
    resumed = make("resumed")
    weights = [(folder / "model.safetensors").read_bytes() for folder in (whole, resumed)]
    assert weights[0] == weights[1]
    assert (whole / "tokenizer.json").read_bytes() == (resumed / "tokenizer.json").read_bytes()
    assert read_record(whole).metrics == read_record(resumed).metrics


def test_mistakes_are_told_before_anything_is_written(tiny_base, tmp_path, capsys) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text("12345 67890", encoding="utf-8")
    out = ["--out", str(tmp_path / "new")]
    for flags, message in (
        (["--texts", str(tmp_path / "none"), *out], "no such file"),
        (["--texts", str(CORPUS), *out, "--dim", "30", "--heads", "4"], "4 heads do not divide a dim of 30"),
        (["--texts", str(CORPUS), *out, "--positions", "32", "--block", "64"], "longer than the 32 positions"),
        (["--texts", str(CORPUS), "--out", str(tiny_base)], "exists already"),
        (["--texts", str(empty), *out, "--init", "navec", "--vocabulary", "100"], "no Russian words"),
    ):
        assert scratch.main(flags) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
