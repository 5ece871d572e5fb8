"""Fine-tuning scorers end to end, on real Russian text and a tiny base, and the results in the pipeline."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from langchain_core.documents import Document

from rag.components import build_compressor
from rag.documents.rows import SourceDocument
from rag.index import build_index, open_index
from rag.profile import load_profile
from retrievers.errors import InputError, ModelUnavailableError
from retrievers.scorers.huggingface import HuggingFaceScorer
from retrievers.scorers.options import CompressorOptions, ScorerKind
from training import crossencoder
from training.crossencoder import CrossencoderOptions, Loss, relevance_of, training_columns
from training.examples import Example
from training.finetune.card import Task, read_record

PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt")
FAST = ["--learning-rate", "0.003", "--batch-size", "8", "--max-length", "48", "--candidates", "6"]

Train = Callable[..., Path]


@pytest.fixture(autouse=True)
def _no_plots(monkeypatch) -> None:
    """Drawing takes as long as a tiny training; the tests of the report look at plots."""
    monkeypatch.setattr("training.finetune.report._has_matplotlib", lambda: False)


@pytest.fixture(scope="module")
def rows(demo_rows) -> list[Example]:
    """With a teacher's scores, which here are what a perfect teacher says."""
    return [row.model_copy(update={"scores": (4.0, -4.0, -4.0)}) for row in demo_rows]


@pytest.fixture
def train(tiny_base, rows, row_file, tmp_path) -> Train:
    """Runs the command on rows that are also the evaluation's, and gives the model's folder."""

    def run(*flags: str, base: Path = tiny_base, out: str = "model", train_rows: list[Example] = rows) -> Path:
        folder = tmp_path / out
        files = ["--train", str(row_file(train_rows)), "--eval", str(row_file(rows))]
        assert crossencoder.main(["--base", str(base), *files, "--out", str(folder), *FAST, *flags]) == 0
        return folder

    return run


@pytest.mark.parametrize("loss", list(Loss))
def test_every_loss_learns_to_rerank(train, rows, loss: Loss) -> None:
    steps = 60 if loss is Loss.BCE else 30
    folder = train("--loss", loss.value, "--steps", str(steps), "--evaluate-every", str(steps // 2))
    record = read_record(folder)
    assert record.task is Task.CROSSENCODER
    assert record.metrics.after["ndcg@10"] > record.metrics.before["ndcg@10"] + 0.05
    assert record.metrics.after["pearson"] > record.metrics.before["pearson"] + 0.1
    assert set(record.metrics.baseline) <= set(record.metrics.after)
    course = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["course"]
    assert course[-1]["loss"] < course[0]["loss"]


@pytest.mark.parametrize("labels", [1, 2])
def test_the_result_opens_in_the_pipeline_and_measures_the_same(train, rows, capsys, tmp_path, labels: int) -> None:
    folder = train("--labels", str(labels), "--steps", "30", "--evaluate-every", "30")
    assert "first stage" in capsys.readouterr().out
    assert [path for pattern in PICKLES for path in folder.rglob(pattern)] == []
    scorer = HuggingFaceScorer(str(folder), device="cpu", max_length=48)
    right = scorer.score([(row.question, row.text) for row in rows])
    wrong = scorer.score([(row.question, row.negatives[0]) for row in rows])
    labelled = np.corrcoef([*right, *wrong], [1.0] * len(rows) + [0.0] * len(rows))[0, 1]
    assert labelled == pytest.approx(read_record(folder).metrics.after["pearson"], abs=1e-3)
    sources = [SourceDocument(row.doc_id, row.title, row.passage, {}) for row in rows[:6]]
    options = load_profile("offline", {"index": {"encoder": {"kind": "none"}}}).index
    build_index(sources, tmp_path / "index", options)
    with open_index(tmp_path / "index") as index:
        compressor = build_compressor(index, CompressorOptions(kind=ScorerKind.HUGGINGFACE, model=str(folder)))
        assert compressor is not None
        passages = [Document(row.text, id=row.doc_id) for row in rows[:6]]
        found = compressor.compress_documents(passages, rows[0].question)
    scores = [document.metadata["scores"]["cross_encoder"] for document in found]
    assert scores == sorted(scores, reverse=True)


def test_graded_classes_train_but_the_pipeline_says_it_wants_a_score(train, rows) -> None:
    graded = [row.model_copy(update={"label": float(at % 2 + 1), "scores": ()}) for at, row in enumerate(rows)]
    folder = train("--labels", "3", "--steps", "60", "--evaluate-every", "60", train_rows=graded)
    record = read_record(folder)
    assert record.metrics.after["ndcg@10"] > record.metrics.before["ndcg@10"]
    with pytest.raises(ModelUnavailableError, match="tells 3 labels apart"):
        HuggingFaceScorer(str(folder), device="cpu").score([("?", "—")])


def test_a_trained_scorer_is_a_base_with_the_same_head_or_another(train, rows) -> None:
    first = train("--steps", "10", "--evaluate-every", "10", out="first")
    again = train("--steps", "1", base=first, out="again")
    assert read_record(again).metrics.before == pytest.approx(read_record(first).metrics.after, abs=1e-4)
    assert read_record(again).base == "first"
    other = train("--steps", "1", "--labels", "2", base=first, out="other")
    assert len(HuggingFaceScorer(str(other), device="cpu").score([("?", "—")])) == 1


def test_lora_trains_the_head_whole_and_is_merged(train) -> None:
    pytest.importorskip("peft", reason="peft of the extra train is not installed")
    flags = ["--lora-rank", "8", "--loss", "listwise", "--learning-rate", "0.005"]
    folder = train(*flags, "--steps", "30", "--evaluate-every", "30")
    record = read_record(folder)
    assert record.metrics.after["pearson"] > record.metrics.before["pearson"] + 0.1
    from safetensors.torch import load_file

    names = load_file(folder / "model.safetensors").keys()
    assert not [name for name in names if "lora" in name or "modules_to_save" in name]
    assert len(HuggingFaceScorer(str(folder), device="cpu").score([("?", "—")])) == 1


def test_bf16_accumulation_and_recomputing_go_together(train) -> None:
    flags = ["--precision", "bf16", "--accumulation", "2", "--checkpointing", "--steps", "30", "--evaluate-every", "30"]
    record = read_record(train(*flags, "--batch-size", "4"))
    assert record.metrics.after["ndcg@10"] > record.metrics.before["ndcg@10"]


def test_logits_become_relevance() -> None:
    assert relevance_of(np.array([1.0, -2.0])) == [1.0, -2.0]
    assert relevance_of(np.array([[1.0, 3.0]])) == [2.0]
    # softmax of (0, ln 2, ln 5) is (1, 2, 5) / 8: the expected class is 12 / 8
    assert relevance_of(np.log(np.array([[1.0, 2.0, 5.0]]))) == pytest.approx([1.5])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (CrossencoderOptions(loss=Loss.LAMBDA, labels=2), "--loss lambda trains one score"),
        (CrossencoderOptions(loss=Loss.BCE), "every pair has the relevance 1"),
        (CrossencoderOptions(loss=Loss.LISTWISE), "passages of different relevance"),
        (CrossencoderOptions(loss=Loss.MARGIN_MSE), "--loss margin-mse needs"),
        (CrossencoderOptions(labels=2), "one class"),
    ],
)
def test_a_loss_says_what_its_data_lacks(options: CrossencoderOptions, message: str) -> None:
    with pytest.raises(InputError, match=message):
        training_columns([Example(question="?", passage="—")], options)
