from __future__ import annotations

import json

import pytest

from retrievers.checkpoints import names_of, weights_fingerprint
from retrievers.encoders.recipes import PoolingMode, families, family_of, read_recipe
from retrievers.errors import InputError, ModelUnavailableError


@pytest.mark.parametrize(
    ("name", "query", "passage", "pooling"),
    [
        ("intfloat/multilingual-e5-small", "query: ", "passage: ", "mean"),
        ("intfloat/multilingual-e5-large", "query: ", "passage: ", "mean"),
        ("intfloat/e5-base-v2", "query: ", "passage: ", "mean"),
        (
            "intfloat/multilingual-e5-large-instruct",
            "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: ",
            "",
            "mean",
        ),
        ("ai-forever/FRIDA", "search_query: ", "search_document: ", "cls"),
        ("sergeyzh/rubert-mini-frida", "search_query: ", "search_document: ", "mean"),
        ("sergeyzh/BERTA", "search_query: ", "search_document: ", "mean"),
        ("ai-forever/ru-en-RoSBERTa", "search_query: ", "search_document: ", "cls"),
        ("deepvk/USER-bge-m3", "", "", "cls"),
        ("deepvk/USER-base", "query: ", "passage: ", "mean"),
        ("deepvk/USER2-base", "search_query: ", "search_document: ", "mean"),
        ("BAAI/bge-m3", "", "", "cls"),
        ("cointegrated/rubert-tiny2", "", "", "cls"),
        ("ai-forever/sbert_large_nlu_ru", "", "", "mean"),
        ("thenlper/gte-base", "", "", "mean"),
        (
            "Qwen/Qwen3-Embedding-0.6B",
            "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:",
            "",
            "lasttoken",
        ),
    ],
)
def test_known_models(name, query, passage, pooling) -> None:
    family = family_of([name])
    assert family is not None
    assert (family.query, family.passage, family.pooling) == (query, passage, pooling)


@pytest.mark.parametrize("name", ["/models/own-encoder", "DeepPavlov/rubert-base-cased", "deepvk/deberta-v1-base"])
def test_unknown_models_have_no_family(name) -> None:
    assert family_of([name]) is None


def test_every_family_names_its_source() -> None:
    assert all(family.source.startswith("https://") for family in families())


@pytest.mark.parametrize("name", ["ai-sage/Giga-Embeddings-instruct", "Alibaba-NLP/gte-multilingual-base"])
def test_models_that_bring_code_are_refused(name, tmp_path) -> None:
    with pytest.raises(ModelUnavailableError, match="code inside the model's repository, which is never run"):
        read_recipe(name, tmp_path)


def test_names_come_from_the_request_the_cache_the_config_and_the_folder(tmp_path) -> None:
    snapshot = tmp_path / "models--intfloat--multilingual-e5-small" / "snapshots" / "c0ffee"
    snapshot.mkdir(parents=True)
    assert names_of("e5", snapshot) == ["e5", "intfloat/multilingual-e5-small", "c0ffee"]
    (snapshot / "config.json").write_text('{"_name_or_path": "microsoft/x"}')
    assert names_of("e5", snapshot) == ["e5", "intfloat/multilingual-e5-small", "microsoft/x", "c0ffee"]
    assert read_recipe(str(snapshot), snapshot).query == "query: "


def test_a_folder_named_like_a_model_is_that_model(tmp_path) -> None:
    folder = tmp_path / "multilingual-e5-small"
    folder.mkdir()
    assert read_recipe(str(folder), folder).passage == "passage: "


def test_own_prompts_win_over_the_table_unless_they_are_empty(tmp_path) -> None:
    def recipe(prompts: dict[str, str]) -> tuple[str, str]:
        (tmp_path / "config_sentence_transformers.json").write_text(json.dumps({"prompts": prompts}))
        found = read_recipe("intfloat/multilingual-e5-small", tmp_path)
        return found.query, found.passage

    assert recipe({"query": "вопрос: ", "passage": "текст: "}) == ("вопрос: ", "текст: ")
    assert recipe({"search_query": "в: ", "search_document": "т: ", "categorize": "к: "}) == ("в: ", "т: ")
    assert recipe({"query": "", "document": ""}) == ("query: ", "passage: ")
    assert recipe({"query": "вопрос: "}) == ("вопрос: ", "")


def test_the_caller_wins_and_gives_both(tmp_path) -> None:
    recipe = read_recipe("intfloat/multilingual-e5-small", tmp_path, query="", passage="")
    assert (recipe.query, recipe.passage) == ("", "")
    with pytest.raises(InputError, match="give both prefixes"):
        read_recipe("intfloat/multilingual-e5-small", tmp_path, query="q: ")


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, PoolingMode.CLS),
        ({"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, PoolingMode.MEAN),
        ({"pooling_mode_lasttoken": True, "include_prompt": True}, PoolingMode.LAST_TOKEN),
        ({"pooling_mode": "cls"}, PoolingMode.CLS),
        ({"pooling_mode": ["mean"]}, PoolingMode.MEAN),
    ],
)
def test_pooling_of_a_sentence_transformers_model_is_its_own(config, pooling, tmp_path) -> None:
    modules = [{"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps(config))
    assert read_recipe("x/y", tmp_path).pooling is pooling


def test_a_pooling_unknown_here_is_told(tmp_path) -> None:
    (tmp_path / "modules.json").write_text('[{"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]')
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text('{"pooling_mode": ["mean", "max"]}')
    with pytest.raises(ModelUnavailableError, match="pools its tokens by mean, max; known: mean, cls, lasttoken"):
        read_recipe("x/y", tmp_path)


def test_length_is_the_least_that_somebody_names(tmp_path) -> None:
    assert read_recipe("x/y", tmp_path).max_length is None
    (tmp_path / "config.json").write_text('{"max_position_embeddings": 514, "model_type": "xlm-roberta"}')
    assert read_recipe("x/y", tmp_path).max_length == 512
    (tmp_path / "tokenizer_config.json").write_text('{"model_max_length": 1000000000000000019884624838656}')
    assert read_recipe("x/y", tmp_path).max_length == 512
    (tmp_path / "sentence_bert_config.json").write_text('{"max_seq_length": 256}')
    assert read_recipe("x/y", tmp_path).max_length == 256
    assert read_recipe("x/y", tmp_path, max_length=128).max_length == 128
    assert read_recipe("x/y", tmp_path, max_length=900).max_length == 256


def test_damaged_configuration_is_named(tmp_path) -> None:
    (tmp_path / "modules.json").write_text("[{")
    with pytest.raises(ModelUnavailableError, match=r"modules\.json is damaged"):
        read_recipe("x/y", tmp_path)


def test_a_fingerprint_changes_with_weights_and_settings_not_with_place(tmp_path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    content = bytes(range(256)) * 20_000  # 5 MB: more than is read of a large file
    for folder in ("a", "b"):
        (tmp_path / folder / "model.safetensors").write_bytes(content)
    first = weights_fingerprint([tmp_path / "a" / "model.safetensors"], "query: ", "mean")
    assert weights_fingerprint([tmp_path / "b" / "model.safetensors"], "query: ", "mean") == first
    assert weights_fingerprint([tmp_path / "a" / "model.safetensors"], "query: ", "cls") != first
    assert weights_fingerprint([tmp_path / "a" / "model.safetensors"], "query:", " mean") != first
    (tmp_path / "b" / "model.safetensors").write_bytes(bytes(reversed(content)))
    assert weights_fingerprint([tmp_path / "b" / "model.safetensors"], "query: ", "mean") != first
