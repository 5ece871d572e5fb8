from __future__ import annotations

import shutil

import numpy as np
import pytest
from langchain_tests.integration_tests import EmbeddingsIntegrationTests

from retrievers.encoders import Encoder
from retrievers.encoders.huggingface import HuggingFaceEncoder
from retrievers.encoders.onnx import OnnxEncoder, pool
from retrievers.encoders.recipes import PoolingMode
from retrievers.errors import InputError, MissingExtraError, ModelUnavailableError

TEXTS = [
    "Байкал — самое глубокое озеро.",
    "Волга",
    "",
    "Роман «Обломов» написал Иван Гончаров в 1859 году, и это его главный роман. " * 6,
    "Москва — столица",
]


@pytest.fixture(scope="module")
def folder(tiny_models, tmp_path_factory):
    return tiny_models.save_sentence_encoder(tmp_path_factory.mktemp("models") / "multilingual-e5-tiny")


@pytest.fixture(scope="module")
def encoder(folder):
    return HuggingFaceEncoder(str(folder), device="cpu", batch_size=2)


def by_hand(folder, text: str, pooling: str, limit: int = 48) -> np.ndarray:
    """One vector by transformers alone."""
    import torch
    import transformers

    network = transformers.BertModel.from_pretrained(folder).eval()
    batch = transformers.AutoTokenizer.from_pretrained(folder)(
        text, return_tensors="pt", truncation=True, max_length=limit
    )
    with torch.inference_mode():
        tokens = network(**batch).last_hidden_state[0].numpy()
    vector = {"mean": tokens.mean(axis=0), "cls": tokens[0], "lasttoken": tokens[-1]}[pooling]
    return vector / np.linalg.norm(vector)


class TestStandardSuite(EmbeddingsIntegrationTests):
    @pytest.fixture(autouse=True)
    def _folder(self, folder):
        type(self).location = str(folder)

    @property
    def embeddings_class(self):
        return HuggingFaceEncoder

    @property
    def embedding_model_params(self):
        return {"model": self.location, "device": "cpu"}


@pytest.mark.parametrize("pooling", ["mean", "cls", "lasttoken"])
def test_vectors_are_those_of_the_network(tiny_models, tmp_path, pooling) -> None:
    folder = tiny_models.save_sentence_encoder(tmp_path / "multilingual-e5-tiny", pooling=pooling)
    encoder = HuggingFaceEncoder(str(folder), device="cpu", batch_size=2)
    expected = np.stack([by_hand(folder, f"passage: {text}", pooling) for text in TEXTS])
    np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=1e-5)
    np.testing.assert_allclose(
        encoder.embed_query("Где Байкал?"), by_hand(folder, "query: Где Байкал?", pooling), atol=1e-5
    )


@pytest.mark.parametrize(
    ("name", "pooling", "prefix"),
    [
        ("rubert-tiny2", "cls", ""),
        ("multilingual-e5-small", "mean", "passage: "),
        ("qwen3-embedding-0.6b", "lasttoken", ""),
        ("own-model", "mean", ""),
    ],
)
def test_a_bare_checkpoint_is_pooled_as_its_family_is(tiny_models, tmp_path, name, pooling, prefix) -> None:
    folder = tiny_models.save_encoder(tmp_path / name)
    expected = np.stack([by_hand(folder, prefix + text, pooling, 64) for text in TEXTS])
    encoder = HuggingFaceEncoder(str(folder), device="cpu")
    np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=1e-5)


def test_a_default_prompt_of_the_model_stays_out(tiny_models, tmp_path) -> None:
    folder = tiny_models.save_sentence_encoder(tmp_path / "rubert-mini-frida")
    (folder / "config_sentence_transformers.json").write_text(
        '{"prompts": {"categorize": "categorize: "}, "default_prompt_name": "categorize"}'
    )
    encoder = HuggingFaceEncoder(str(folder), device="cpu", query_prefix="", passage_prefix="")
    np.testing.assert_allclose(encoder.encode(["Волга"])[0], by_hand(folder, "Волга", "mean"), atol=1e-5)


def test_vectors_have_length_one_and_are_python_floats(encoder) -> None:
    vectors = encoder.embed_documents(TEXTS)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert {type(number) for vector in vectors for number in vector} == {float}
    assert encoder.embed_documents([]) == []
    assert encoder.encode([]).shape == (0, 32)


def test_an_index_can_know_it_again(encoder, folder, tmp_path) -> None:
    assert isinstance(encoder, Encoder)
    assert encoder.dimension == 32
    assert encoder.name == str(folder)
    copy = tmp_path / "multilingual-e5-copy"
    shutil.copytree(folder, copy)
    assert HuggingFaceEncoder(str(copy)).fingerprint == encoder.fingerprint
    prefixed = HuggingFaceEncoder(str(copy), query_prefix="", passage_prefix="")
    assert prefixed.fingerprint != encoder.fingerprint
    assert HuggingFaceEncoder(str(copy), max_length=16).fingerprint != encoder.fingerprint


def test_nothing_loads_before_it_is_used(tmp_path) -> None:
    assert HuggingFaceEncoder("owner/none-such").name == "owner/none-such"
    with pytest.raises(InputError, match="batch_size"):
        HuggingFaceEncoder("owner/none-such", batch_size=0)


def test_a_missing_model_names_the_command(tiny_models, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelUnavailableError, match=r"hf download intfloat/multilingual-e5-none"):
        HuggingFaceEncoder("intfloat/multilingual-e5-none").embed_query("Волга")
    with pytest.raises(ModelUnavailableError, match="no hub name"):
        HuggingFaceEncoder("./none").embed_query("Волга")


def test_a_folder_has_no_revision(folder) -> None:
    with pytest.raises(InputError, match="has no revision 'main'"):
        HuggingFaceEncoder(str(folder), revision="main").embed_query("Волга")


def test_pickled_weights_are_refused_in_modules_too(folder, tmp_path) -> None:
    import json

    import torch

    copy = tmp_path / "e5-copy"
    shutil.copytree(folder, copy)
    modules = json.loads((copy / "modules.json").read_text())
    modules.append({"idx": 3, "name": "3", "path": "3_Dense", "type": "sentence_transformers.models.Dense"})
    (copy / "modules.json").write_text(json.dumps(modules))
    (copy / "3_Dense").mkdir()
    torch.save({}, copy / "3_Dense" / "pytorch_model.bin")
    with pytest.raises(ModelUnavailableError, match=r"module 3_Dense has pytorch_model\.bin"):
        HuggingFaceEncoder(str(copy)).encode(["Волга"])


def test_missing_shards_are_named(folder, tmp_path) -> None:
    copy = tmp_path / "e5-copy"
    shutil.copytree(folder, copy)
    (copy / "model.safetensors").rename(copy / "model-00001-of-00002.safetensors")
    (copy / "model.safetensors.index.json").write_text(
        '{"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}'
    )
    with pytest.raises(ModelUnavailableError, match=r"1 of 2 weight files are missing \(model-00002-of-00002"):
        HuggingFaceEncoder(str(copy)).encode(["Волга"])


def test_a_missing_extra_is_named(folder, monkeypatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtraError, match=r"\.\[hf\]"):
        HuggingFaceEncoder(str(folder)).encode(["Волга"])


@pytest.fixture(scope="module")
def exported(tiny_models, folder):
    pytest.importorskip("onnxscript", reason="onnxscript of the extra hf is not installed")
    return tiny_models.export(folder)


def test_an_export_gives_the_same_vectors(encoder, exported) -> None:
    onnx = OnnxEncoder(str(exported), batch_size=2)
    np.testing.assert_allclose(onnx.encode(TEXTS), encoder.encode(TEXTS), atol=1e-4)
    np.testing.assert_allclose(onnx.embed_query("Где Байкал?"), encoder.embed_query("Где Байкал?"), atol=1e-4)
    assert isinstance(onnx, Encoder)
    assert onnx.dimension == 32
    assert onnx.embed_documents([]) == []


def test_an_export_is_found_by_its_file_and_in_its_folder(exported, tmp_path) -> None:
    copy = tmp_path / "multilingual-e5-copy"
    shutil.copytree(exported, copy)
    (copy / "onnx").mkdir()
    (copy / "model.onnx").rename(copy / "onnx" / "model.onnx")
    expected = OnnxEncoder(str(exported)).embed_query("Волга")
    assert OnnxEncoder(str(copy)).embed_query("Волга") == expected
    by_file = OnnxEncoder(str(copy / "onnx" / "model.onnx"))
    assert by_file.embed_query("Волга") == expected
    assert by_file.fingerprint == OnnxEncoder(str(exported)).fingerprint


def test_a_broken_export_is_told(exported, tmp_path) -> None:
    copy = tmp_path / "e5-copy"
    shutil.copytree(exported, copy)
    (copy / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(ModelUnavailableError, match="does not load"):
        OnnxEncoder(str(copy)).encode(["Волга"])
    (copy / "tokenizer.json").unlink()
    with pytest.raises(ModelUnavailableError, match=r"no tokenizer\.json"):
        OnnxEncoder(str(copy)).encode(["Волга"])
    (copy / "model.onnx").unlink()
    with pytest.raises(ModelUnavailableError, match=r"no model\.onnx"):
        OnnxEncoder(str(copy)).encode(["Волга"])


def test_pooling_by_hand() -> None:
    tokens = np.array([[[1.0, 0], [3, 2], [9, 9]], [[2, 4], [0, 0], [0, 0]]], dtype=np.float32)
    mask = np.array([[1, 1, 0], [1, 0, 0]])
    assert pool(tokens, mask, PoolingMode.MEAN).tolist() == [[2, 1], [2, 4]]
    assert pool(tokens, mask, PoolingMode.CLS).tolist() == [[1, 0], [2, 4]]
    assert pool(tokens, mask, PoolingMode.LAST_TOKEN).tolist() == [[3, 2], [2, 4]]
