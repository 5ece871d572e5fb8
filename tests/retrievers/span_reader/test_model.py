from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from retrievers.errors import ModelUnavailableError, ToolkitError
from retrievers.span_reader import model as module
from retrievers.span_reader.model import Runtime, load_span_reader
from retrievers.span_reader.settings import fitting_settings
from retrievers.span_reader.windows import Passage

LAKES = [Passage("Байкал — озеро."), Passage("Волга впадает в Каспийское море, а Нева в Балтийское."), Passage("Рига")]


def test_logits_point_to_the_words(scripted_reader) -> None:
    reader = scripted_reader.scripted_model({"Нева": 6.0}, null=2.0, relevant=["Волга"])
    lake, rivers, _ = reader.read("Что?", LAKES)
    (window,) = rivers.windows
    best = int(np.argmax(window.start)), int(np.argmax(window.end))
    assert LAKES[1].text[window.offsets[best[0], 0] : window.offsets[best[1], 1]] == "Нева"
    assert window.start.max() == window.end.max() == 3.0
    assert window.null == 2.0
    assert (lake.relevance, rivers.relevance) == (0.0, 1.0)


def test_answers_open_only_where_words_do(scripted_reader) -> None:
    reader = scripted_reader.scripted_model({})
    (window,) = reader.read("Что?", LAKES)[2].windows
    assert np.isfinite(window.start).tolist() == [True, False, False, False]
    assert np.isfinite(window.end).tolist() == [False, False, False, True]


def test_a_long_passage_is_as_relevant_as_its_best_window(scripted_reader) -> None:
    passage = Passage("Слова " * 20 + "Волга " + "слова " * 20)
    reader = scripted_reader.scripted_model({}, relevant=["Волга"], settings=fitting_settings(48))
    logits = reader.read("Что?", [passage])[0]
    assert len(logits.windows) > 3
    assert sum(window.relevance for window in logits.windows) in {1.0, 2.0}  # two may overlap on the word
    assert logits.relevance == 1.0


def test_each_pair_is_computed_once(scripted_reader) -> None:
    reader = scripted_reader.scripted_model({})
    first = reader.read("Что?", LAKES)
    assert reader.backend.windows == 3
    assert reader.read("Что?", LAKES[::-1]) == first[::-1]
    assert reader.backend.windows == 3
    reader.read("Где?", LAKES[:1])
    assert reader.backend.windows == 4


def test_repeated_passages_are_computed_once(scripted_reader) -> None:
    reader = scripted_reader.scripted_model({}, kept=0)
    logits = reader.read("Что?", [LAKES[0], LAKES[1], LAKES[0]])
    assert logits[0] is logits[2]
    assert reader.backend.windows == 2


def test_old_pairs_are_forgotten(scripted_reader) -> None:
    reader = scripted_reader.scripted_model({}, kept=2)
    reader.read("Что?", LAKES)
    reader.read("Что?", LAKES[1:])  # the two that are kept
    assert reader.backend.windows == 3
    reader.read("Что?", LAKES[:1])
    assert reader.backend.windows == 4


def test_batches_hold_no_more_than_asked(scripted_reader) -> None:
    reader = scripted_reader.scripted_model({}, kept=0)
    reader.read("Что?", LAKES, batch_size=2)
    assert reader.backend.batches == [2, 1]


def test_threads_get_the_same(scripted_reader) -> None:
    reader = scripted_reader.scripted_model({"Нева": 6.0}, relevant=["Волга"], kept=4)
    questions = [f"Вопрос {number}?" for number in range(12)] * 3
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda question: reader.read(question, LAKES), questions))
    assert all([one.relevance for one in logits] == [0.0, 1.0, 0.0] for logits in found)


def test_broken_weights_are_named(scripted_reader) -> None:
    with pytest.raises(ToolkitError, match="not finite"):
        scripted_reader.scripted_model({"Рига": float("nan")}).read("Что?", LAKES)


@pytest.fixture
def folder(span_reader_folder) -> Path:
    return span_reader_folder


def test_onnx_and_torch_agree(folder) -> None:
    passages = [*LAKES, Passage("Роман «Обломов» написал Иван Гончаров в 1859 году. " * 3), Passage("Т\nтело", 2)]
    graph = load_span_reader(str(folder), runtime=Runtime.ONNX).read("Кто написал роман?", passages)
    torch = load_span_reader(str(folder), runtime=Runtime.TORCH, device="cpu").read("Кто написал роман?", passages)
    assert len(graph[3].windows) > 1
    for one, other in zip(graph, torch, strict=True):
        for left, right in zip(one.windows, other.windows, strict=True):
            np.testing.assert_allclose(left.start, right.start, atol=1e-4)
            np.testing.assert_allclose(left.end, right.end, atol=1e-4)
            assert left.null == pytest.approx(right.null, abs=1e-4)
            assert left.relevance == pytest.approx(right.relevance, abs=1e-4)


def test_batching_changes_nothing(folder) -> None:
    reader = load_span_reader(str(folder), runtime=Runtime.ONNX)
    together = [one.relevance for one in reader.read("Что вместе?", LAKES)]
    alone = [reader.read("Что вместе? ", [one])[0].relevance for one in LAKES]  # not the pairs that are kept
    assert together == pytest.approx(alone, abs=1e-4)


def test_the_same_model_is_shared_until_it_changes(folder, tmp_path) -> None:
    folder = shutil.copytree(folder, tmp_path / "copy")
    first = load_span_reader(str(folder))
    assert load_span_reader(str(folder), max_length=512) is first  # no shorter than the model is anyway
    assert load_span_reader(str(folder), max_length=32) is not first
    os.utime(folder / "model.onnx", (1, 1))
    assert load_span_reader(str(folder)) is not first


def test_without_a_graph_torch_runs_it(tiny_models, tmp_path) -> None:
    reader = load_span_reader(str(tiny_models.save_span_reader(tmp_path / "plain")), device="cpu")
    assert reader.read("Что?", LAKES)[0].windows
    with pytest.raises(ModelUnavailableError, match=r"no model\.onnx"):
        load_span_reader(str(tmp_path / "plain"), runtime=Runtime.ONNX)


def test_a_question_answering_head_is_taken_over(tiny_models, tmp_path) -> None:
    import torch
    import transformers

    from retrievers.span_reader.network import network_of_base

    tokenizer = tiny_models.wordpiece_tokenizer()
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = transformers.BertConfig(vocab_size=len(tokenizer), max_position_embeddings=64, **sizes)
    source = transformers.BertForQuestionAnswering(config).eval()
    source.save_pretrained(tmp_path)
    network = network_of_base(tmp_path, "answers").eval()
    batch = {"input_ids": torch.tensor([[2, 8, 3, 9, 3]]), "attention_mask": torch.ones((1, 5), dtype=torch.int64)}
    with torch.inference_mode():
        start, end, _ = network(**batch)
        expected = source(**batch)
    torch.testing.assert_close(start, expected.start_logits)
    torch.testing.assert_close(end, expected.end_logits)


@pytest.mark.parametrize("kind", ["encoder", "scorer"])
def test_other_models_are_refused(tiny_models, tmp_path, kind) -> None:
    folder = getattr(tiny_models, f"save_{kind}")(tmp_path / kind)
    with pytest.raises(ModelUnavailableError, match="no span reader"):
        load_span_reader(str(folder))


def test_a_graph_with_other_outputs_is_refused(folder, tmp_path) -> None:
    import onnx

    folder = shutil.copytree(folder, tmp_path / "copy")
    graph = onnx.load(folder / "model.onnx")
    del graph.graph.output[0]
    onnx.save(graph, folder / "model.onnx")
    with pytest.raises(ModelUnavailableError, match="lacks start_logits"):
        load_span_reader(str(folder))


def test_a_damaged_tokeniser_is_named(tiny_models, tmp_path) -> None:
    folder = tiny_models.save_span_reader(tmp_path / "reader")
    (folder / "tokenizer.json").write_text("{")
    with pytest.raises(ModelUnavailableError, match=r"tokenizer\.json does not load"):
        load_span_reader(str(folder))
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelUnavailableError, match=r"no tokenizer\.json"):
        load_span_reader(str(folder))


def test_importing_and_scripting_needs_no_torch(scripted_reader) -> None:
    import subprocess
    import sys

    code = f"import sys; import {module.__name__}; sys.exit(bool({{'torch', 'transformers'}} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
