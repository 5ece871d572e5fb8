"""Fine-tuning encoders end to end, on real Russian text and a tiny base, and the results in the pipeline."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrievers.encoders.huggingface import HuggingFaceEncoder
from retrievers.errors import InputError
from training import biencoder
from training.biencoder import BiencoderOptions, Loss, matryoshka_dimensions, training_columns
from training.examples import Example
from training.finetune.card import Task, read_record

PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt")
FAST = ["--learning-rate", "0.002", "--batch-size", "8", "--max-length", "48"]

Train = Callable[..., Path]


@pytest.fixture(autouse=True)
def _no_plots(monkeypatch) -> None:
    """Drawing takes as long as a tiny training; one test here and those of the report look at plots."""
    monkeypatch.setattr("training.finetune.report._has_matplotlib", lambda: False)


@pytest.fixture(scope="module")
def rows(demo_rows) -> list[Example]:
    """With a teacher's scores, which here are what a perfect teacher says."""
    return [row.model_copy(update={"scores": (8.0, 0.0, 0.0)}) for row in demo_rows]


@pytest.fixture
def train(tiny_base, rows, row_file, tmp_path) -> Train:
    """Runs the command on rows that are also the evaluation's, and gives the model's folder."""

    def run(*flags: str, base: Path = tiny_base, out: str = "model", train_rows: list[Example] = rows) -> Path:
        folder = tmp_path / out
        files = ["--train", str(row_file(train_rows)), "--eval", str(row_file(rows))]
        code = biencoder.main(["--base", str(base), *files, "--out", str(folder), *FAST, *flags])
        assert code == 0
        return folder

    return run


def vectors_of(folder: Path, texts: list[str]) -> np.ndarray:
    return HuggingFaceEncoder(str(folder), device="cpu").encode(texts)


def metrics_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "metrics.json").read_text(encoding="utf-8"))


def labelled(rows: list[Example]) -> list[Example]:
    """Each row as it is, labelled 5 of 5, and its first negative, labelled 0."""
    bare = {"negatives": (), "scores": ()}
    return [
        row.model_copy(update={**bare, "passage": passage, "title": title, "label": label})
        for row in rows
        for passage, title, label in ((row.passage, row.title, 5.0), (row.negatives[0], "", 0.0))
    ]


@pytest.mark.parametrize("loss", list(Loss))
def test_every_loss_learns(train, rows, loss: Loss) -> None:
    flags = {
        Loss.COSINE: ["--label-scale", "5"],
        Loss.MARGIN_MSE: ["--negatives", "1"],
        Loss.MATRYOSHKA: ["--dimensions", "8"],
    }
    given = labelled(rows) if loss is Loss.COSINE else rows
    steps = ["--steps", "12", "--evaluate-every", "6"]
    folder = train("--loss", loss.value, *steps, *flags.get(loss, []), train_rows=given)
    record = read_record(folder)
    assert record.task is Task.BIENCODER
    assert record.base == "tiny-base"
    assert record.options["loss"] == loss.value
    assert record.metrics.after["ndcg@10"] > record.metrics.before["ndcg@10"] + 0.02
    assert record.metrics.after["pearson"] > record.metrics.before["pearson"] + 0.02
    course = metrics_of(folder)["course"]
    assert course[-1]["loss"] < course[0]["loss"]
    shorter = {"ndcg@10 (dim 8)", "recall@10 (dim 8)", "pearson (dim 8)"} if loss is Loss.MATRYOSHKA else set()
    assert {name for name in record.metrics.after if "dim" in name} == shorter


def test_the_result_is_whole_opens_in_the_pipeline_and_measures_the_same(train, rows, capsys) -> None:
    folder = train("--steps", "10", "--evaluate-every", "5", "--licence", "mit")
    printed = capsys.readouterr()
    assert "ndcg@10" in printed.out
    assert "The model is in" in printed.err
    names = {path.name for path in folder.iterdir()}
    assert names >= {"model.safetensors", "modules.json", "README.md", "training.json", "report.md", "metrics.json"}
    assert [path for pattern in PICKLES for path in folder.rglob(pattern)] == []
    assert not folder.with_name("model.unfinished").exists()
    encoder = HuggingFaceEncoder(str(folder), device="cpu")
    questions = encoder.encode_queries([row.question for row in rows])
    passages = encoder.encode([row.text for row in rows])
    assert np.allclose(np.linalg.norm(passages, axis=1), 1.0, atol=1e-5)
    own = np.sum(questions * passages, axis=1).mean()
    others = np.sum(questions * np.roll(passages, 1, axis=0), axis=1).mean()
    assert own > others
    assert read_record(folder).licence == "mit"


def test_prefixes_are_trained_with_and_asked_for_afterwards(train) -> None:
    folder = train("--query-prefix", "вопрос: ", "--passage-prefix", "текст: ", "--steps", "1", out="e5-like")
    recipe = HuggingFaceEncoder(str(folder), device="cpu").recipe
    assert (recipe.query, recipe.passage) == ("вопрос: ", "текст: ")
    plain = train("--steps", "1", out="multilingual-e5-small")
    recipe = HuggingFaceEncoder(str(plain), device="cpu").recipe
    assert (recipe.query, recipe.passage) == ("", "")  # it was trained without, whatever it is called
    assert not np.allclose(vectors_of(folder, ["Байкал"]), vectors_of(plain, ["Байкал"]), atol=1e-3)


def test_training_stops_when_the_metric_has_not_improved(train) -> None:
    folder = train("--learning-rate", "1e-9", "--epochs", "50", "--evaluate-every", "2", "--patience", "2")
    run = read_record(folder).run
    assert run["stopped early"] is True
    assert (run["updates"], run["updates planned"]) == (6, 150)  # the first evaluation is the best, then two more
    assert run["best update"] == 2
    assert "did not improve" in (folder / "report.md").read_text(encoding="utf-8")


class _KilledError(Exception):
    pass


def test_an_interrupted_run_goes_on_to_the_same_weights(train, tiny_base, tmp_path, monkeypatch) -> None:
    from training.finetune import running

    flags = ["--epochs", "3", "--evaluate-every", "3", "--patience", "0"]
    whole = train(*flags, out="whole")
    bar = running.ProgressBar

    class Killing(bar):
        def on_step_end(self, args, state, control, **others) -> None:
            if state.global_step == 7:
                raise _KilledError

    monkeypatch.setattr(running, "ProgressBar", Killing)
    with pytest.raises(_KilledError):
        train(*flags, out="resumed")
    left = tmp_path / "resumed.unfinished"
    assert (left / "checkpoint-6" / "trainer_state.json").is_file()
    assert [path for pattern in PICKLES for path in left.rglob(pattern)] == []
    # Files as other trainers leave them, and pickles, are not looked at: loading this one would end the test run.
    (left / "checkpoint-6" / "optimizer.pt").write_bytes(b"cposix\n_exit\n(I1\ntR.")
    (left / "checkpoint-6" / "rng_state.pth").write_bytes(b"cposix\n_exit\n(I1\ntR.")
    monkeypatch.setattr(running, "ProgressBar", bar)
    resumed = train(*flags, out="resumed")
    texts = ["Где находится Байкал?", "Волга впадает в Каспийское море."]
    assert np.array_equal(vectors_of(whole, texts), vectors_of(resumed, texts))
    first, second = metrics_of(whole), metrics_of(resumed)
    assert first["course"] == second["course"]
    assert first["after"] == second["after"]


def test_a_run_killed_while_it_writes_the_model_does_not_train_again(train, monkeypatch) -> None:
    from training.finetune import command

    flags = ["--steps", "5", "--evaluate-every", "2"]
    whole = train(*flags, out="whole")

    def killed(*_) -> None:
        raise _KilledError

    written = command.write_card
    monkeypatch.setattr(command, "write_card", killed)
    with pytest.raises(_KilledError):
        train(*flags, out="killed")
    monkeypatch.setattr(command, "write_card", written)
    monkeypatch.setattr("transformers.Trainer.train", killed)
    again = train(*flags, out="killed")
    texts = ["Где находится Байкал?"]
    assert np.array_equal(vectors_of(whole, texts), vectors_of(again, texts))
    assert read_record(again).run["updates"] == 5


def test_an_interrupted_run_of_other_options_is_not_mixed_in(
    train, tiny_base, row_file, rows, tmp_path, capsys
) -> None:
    (tmp_path / "model.unfinished").mkdir()
    (tmp_path / "model.unfinished" / "run.json").write_text('{"options": {}}')
    files = ["--train", str(row_file(rows)), "--eval", str(row_file(rows)), "--out", str(tmp_path / "model")]
    assert biencoder.main(["--base", str(tiny_base), *files, *FAST]) == 2
    assert "--fresh to throw it away" in capsys.readouterr().err
    assert train("--steps", "1", "--fresh").is_dir()


def test_lora_trains_a_share_of_the_weights_and_is_merged(train, rows, tiny_base) -> None:
    pytest.importorskip("peft", reason="peft of the extra train is not installed")
    folder = train("--lora-rank", "4", "--steps", "15", "--evaluate-every", "15", "--learning-rate", "0.01")
    record = read_record(folder)
    assert record.metrics.after["ndcg@10"] > record.metrics.before["ndcg@10"]
    from safetensors.torch import load_file

    base, merged = (load_file(path / "model.safetensors") for path in (tiny_base, folder))
    assert base.keys() == merged.keys()  # no matrices of LoRA are left
    assert np.array_equal(base["embeddings.word_embeddings.weight"], merged["embeddings.word_embeddings.weight"])
    layer = "encoder.layer.0.attention.self.query.weight"
    assert np.linalg.matrix_rank((merged[layer] - base[layer]).numpy(), tol=1e-5) == 4


def test_an_adapter_can_be_kept_alone(train) -> None:
    pytest.importorskip("peft", reason="peft of the extra train is not installed")
    folder = train("--lora-rank", "2", "--keep-adapter", "--steps", "1", "--lora-targets", "query", "value")
    assert (folder / "adapter_model.safetensors").is_file()
    assert not (folder / "model.safetensors").exists()
    assert json.loads((folder / "adapter_config.json").read_text())["target_modules"] != []
    assert "русский" not in (folder / "README.md").read_text(encoding="utf-8")
    assert read_record(folder).task is Task.BIENCODER


def test_unknown_lora_targets_name_the_known_ones(tiny_base, rows, row_file, tmp_path, capsys) -> None:
    pytest.importorskip("peft", reason="peft of the extra train is not installed")
    files = ["--train", str(row_file(rows)), "--eval", str(row_file(rows)), "--out", str(tmp_path / "model")]
    flags = ["--lora-rank", "2", "--lora-targets", "q_proj"]
    assert biencoder.main(["--base", str(tiny_base), *files, *FAST, *flags]) == 2
    assert "linear layers of this model: dense, key, query, value" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_bf16_trains_but_the_weights_stay_in_32_bit(train) -> None:
    from safetensors.torch import load_file

    folder = train("--precision", "bf16", "--steps", "10", "--evaluate-every", "10")
    record = read_record(folder)
    assert record.metrics.after["ndcg@10"] > record.metrics.before["ndcg@10"]
    assert {str(tensor.dtype) for tensor in load_file(folder / "model.safetensors").values()} == {"torch.float32"}


def test_fp16_without_a_gpu_is_refused(tiny_base, rows, row_file, tmp_path, capsys) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    files = ["--train", str(row_file(rows)), "--eval", str(row_file(rows)), "--out", str(tmp_path / "model")]
    assert biencoder.main(["--base", str(tiny_base), *files, "--precision", "fp16"]) == 2
    assert "--precision fp16 needs a GPU" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_accumulated_small_batches_are_one_large_batch_for_a_loss_of_single_rows(train, rows) -> None:
    flags = ["--loss", "cosine", "--label-scale", "5", "--steps", "3", "--evaluate-every", "3", "--warmup", "0"]
    given = labelled(rows)
    off = ["--learning-rate", "0.0005"]
    large = train(*flags, *off, "--batch-size", "8", out="large", train_rows=given)
    small = train(*flags, *off, "--batch-size", "2", "--accumulation", "4", out="small", train_rows=given)
    assert read_record(small).run["updates"] == read_record(large).run["updates"] == 3
    texts = [row.text for row in rows]
    # Dropout draws differ with the size of a batch, so that the two are alike, not equal.
    assert np.abs(vectors_of(large, texts) - vectors_of(small, texts)).max() < 0.1


def test_recomputed_activations_change_nothing(train, rows) -> None:
    flags = ["--steps", "3", "--evaluate-every", "3"]
    plain, recomputed = train(*flags, out="plain"), train(*flags, "--checkpointing", out="recomputed")
    texts = [row.text for row in rows]
    assert np.allclose(vectors_of(plain, texts), vectors_of(recomputed, texts), atol=1e-4)


def test_static_embeddings_train_too(train, rows, tiny_base, tmp_path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(tiny_base / "tokenizer.json"))
    base = tmp_path / "static"
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=32)], device="cpu").save_pretrained(
        str(base), create_model_card=False
    )
    folder = train("--steps", "15", "--evaluate-every", "15", "--learning-rate", "0.05", base=base)
    record = read_record(folder)
    assert record.metrics.after["ndcg@10"] > record.metrics.before["ndcg@10"] + 0.1
    assert vectors_of(folder, [rows[0].text]).shape == (1, 32)


def test_dimensions_are_halves_of_the_whole() -> None:
    assert matryoshka_dimensions(384) == [384, 192, 96, 48, 24]
    assert matryoshka_dimensions(64, [8, 32, 8]) == [64, 32, 8]
    with pytest.raises(InputError, match="from 1 to 64"):
        matryoshka_dimensions(64, [128])


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (Loss.TRIPLET, "--loss triplet needs"),
        (Loss.CONTRASTIVE, "labels of both kinds"),
        (Loss.COSINE, "has a label"),
        (Loss.MARGIN_MSE, "--loss margin-mse needs"),
    ],
)
def test_a_loss_says_what_its_data_lacks(loss: Loss, message: str) -> None:
    with pytest.raises(InputError, match=message):
        training_columns([Example(question="?", passage="—")], BiencoderOptions(loss=loss), None)


def test_mistakes_are_told_before_anything_is_written(tiny_base, rows, row_file, tmp_path, capsys) -> None:
    train_file, taken = str(row_file(rows)), tmp_path / "taken"
    taken.mkdir()
    (taken / "mine").write_text("")
    common = ["--train", train_file, "--eval", train_file]
    out = ["--out", str(tmp_path / "new")]
    for flags, message in (
        (["--base", str(tiny_base), *common, "--out", str(taken)], "exists already"),
        (["--base", str(tmp_path / "none"), *common, *out], "there is no folder"),
        (["--base", str(tiny_base), *common, *out, "--metric", "bleu"], "--metric bleu: the evaluation data has"),
        (["--base", str(tiny_base), *common, *out, "--query-prefix", "q: "], "give both prefixes"),
        (["--base", str(tiny_base), "--train", "no.jsonl", "--eval", train_file, *out], "no.jsonl"),
    ):
        assert biencoder.main(flags) == 2
        assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_pickled_base_is_refused(tiny_base, rows, row_file, tmp_path, capsys) -> None:
    base = shutil.copytree(tiny_base, tmp_path / "pickled")
    (base / "model.safetensors").rename(base / "pytorch_model.bin")
    files = ["--train", str(row_file(rows)), "--eval", str(row_file(rows)), "--out", str(tmp_path / "model")]
    assert biencoder.main(["--base", str(base), *files]) == 2
    assert "no .safetensors" in capsys.readouterr().err
