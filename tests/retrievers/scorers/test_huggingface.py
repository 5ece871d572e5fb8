from __future__ import annotations

import shutil
import sys

import numpy as np
import pytest

from retrievers.errors import InputError, MissingExtraError, ModelUnavailableError
from retrievers.scorers.huggingface import HuggingFaceScorer
from retrievers.scorers.onnx import OnnxScorer

QUESTION = "Где находится Байкал?"
PAIRS = [
    (QUESTION, "Байкал — самое глубокое озеро на Земле."),
    (QUESTION, "Волга"),
    ("Кто написал «Обломов»?", "Роман «Обломов» написал Иван Гончаров в 1859 году. " * 8),
    ("Кто?", ""),
    (QUESTION, "Москва — столица России."),
]


@pytest.fixture(scope="module", params=[1, 2])
def folder(request, tiny_models, tmp_path_factory):
    return tiny_models.save_scorer(tmp_path_factory.mktemp("scorer"), labels=request.param)


@pytest.fixture(scope="module")
def exported(tiny_models, folder):
    pytest.importorskip("onnxscript", reason="onnxscript of the extra hf is not installed")
    return tiny_models.export(folder, classifier=True)


def by_hand(folder, pair: tuple[str, str]) -> float:
    """One score by transformers alone."""
    import torch
    import transformers

    network = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        logits = network(**tokenizer([pair], return_tensors="pt", truncation=True, max_length=64)).logits[0].tolist()
    return logits[0] if len(logits) == 1 else logits[1] - logits[0]


def test_scores_are_raw_logits(folder) -> None:
    scores = HuggingFaceScorer(str(folder), device="cpu", batch_size=2).score(PAIRS)
    assert scores == pytest.approx([by_hand(folder, pair) for pair in PAIRS], abs=1e-4)
    assert {type(score) for score in scores} == {float}
    assert HuggingFaceScorer(str(folder)).score([]) == []


def test_probabilities_keep_the_order(folder) -> None:
    raw = HuggingFaceScorer(str(folder), device="cpu").score(PAIRS)
    sure = HuggingFaceScorer(str(folder), device="cpu", probabilities=True).score(PAIRS)
    assert sure == pytest.approx([1 / (1 + np.exp(-score)) for score in raw], abs=1e-6)


def test_an_export_ranks_the_same(folder, exported) -> None:
    torch_scores = HuggingFaceScorer(str(folder), device="cpu").score(PAIRS)
    onnx_scores = OnnxScorer(str(exported), batch_size=2).score(PAIRS)
    assert np.abs(np.subtract(torch_scores, onnx_scores)).max() < 1e-4
    assert np.argsort(torch_scores).tolist() == np.argsort(onnx_scores).tolist()
    assert OnnxScorer(str(exported)).score([]) == []


@pytest.mark.parametrize("length", [8, 16])
def test_both_cut_alike(folder, exported, length) -> None:
    torch_scores = HuggingFaceScorer(str(folder), device="cpu", max_length=length).score(PAIRS)
    onnx_scores = OnnxScorer(str(exported), max_length=length).score(PAIRS)
    assert np.abs(np.subtract(torch_scores, onnx_scores)).max() < 1e-4
    whole = HuggingFaceScorer(str(folder), device="cpu").score(PAIRS)
    assert abs(torch_scores[2] - whole[2]) > 1e-3


def test_a_length_too_small_for_a_pair() -> None:
    for kind in (HuggingFaceScorer, OnnxScorer):
        with pytest.raises(InputError, match="max_length ≥ 8"):
            kind("x/y", max_length=4)


def test_other_models_are_refused(tiny_models, tmp_path) -> None:
    bare = tiny_models.save_encoder(tmp_path / "bare")
    with pytest.raises(ModelUnavailableError, match="is a BertModel and has no head"):
        HuggingFaceScorer(str(bare)).score(PAIRS)
    three = tiny_models.save_scorer(tmp_path / "three", labels=3)
    with pytest.raises(ModelUnavailableError, match="tells 3 labels apart"):
        HuggingFaceScorer(str(three)).score(PAIRS)


def test_what_is_missing_is_told(folder, tmp_path, monkeypatch) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "model.onnx").unlink(missing_ok=True)
    with pytest.raises(ModelUnavailableError, match=r"no model\.onnx"):
        OnnxScorer(str(copy)).score(PAIRS)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelUnavailableError, match=r"hf download BAAI/bge-reranker-none --revision abc"):
        HuggingFaceScorer("BAAI/bge-reranker-none", revision="abc").score(PAIRS)
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtraError, match=r"\.\[hf\]"):
        HuggingFaceScorer(str(folder)).score(PAIRS)


def test_the_exported_scorer_needs_no_torch(exported) -> None:
    import subprocess

    code = (
        "import sys\n"
        f"from retrievers.scorers.onnx import OnnxScorer\nprint(OnnxScorer({str(exported)!r}).score([('а', 'б')]))\n"
        "assert not {'torch', 'transformers'} & set(sys.modules), 'torch came in'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
