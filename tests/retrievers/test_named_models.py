from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.options import GeneratorOptions
from rag.components import build_generator
from retrievers.checkpoints import find_checkpoint
from retrievers.encoders.onnx import OnnxEncoder
from retrievers.errors import InputError, ModelUnavailableError
from retrievers.named_models import check_name, find_named, find_weights, known_names, models_root
from retrievers.scorers.onnx import OnnxScorer


@pytest.fixture
def root(tmp_path, monkeypatch):
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("RAG_MODELS", str(folder))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)
    return folder


def test_the_root_is_the_users_unless_named(root, monkeypatch) -> None:
    assert models_root() == root
    monkeypatch.delenv("RAG_MODELS")
    monkeypatch.setattr("platformdirs.user_data_path", lambda name: root / name)
    assert models_root() == root / "russian-rag" / "models"
    assert known_names() == []


def test_a_path_goes_before_a_name_and_a_name_before_the_hub(root, tmp_path) -> None:
    (root / "my-encoder").mkdir()
    assert find_checkpoint("my-encoder", feature="x") == root / "my-encoder"
    (tmp_path / "my-encoder").mkdir()
    assert find_checkpoint("my-encoder", feature="x").resolve() == tmp_path / "my-encoder"


def test_a_name_has_no_revision(root) -> None:
    (root / "my-encoder").mkdir()
    with pytest.raises(InputError, match="has no revision 'main'"):
        find_checkpoint("my-encoder", "main", feature="x")


@pytest.mark.parametrize("kind", [OnnxEncoder, OnnxScorer])
def test_an_unknown_name_is_told_with_the_known_ones(root, kind) -> None:
    for name in ("ранжировщик", "my-encoder", ".hidden"):
        (root / name).mkdir()
    (root / "a-file").write_text("")
    model = kind("my-encodr")
    with pytest.raises(ModelUnavailableError, match=r"named my-encodr in .*\(there: my-encoder, ранжировщик\)"):
        model.score([("а", "б")]) if kind is OnnxScorer else model.encode(["а"])


def test_a_hub_name_is_not_looked_for_among_the_names(root) -> None:
    with pytest.raises(ModelUnavailableError, match="hf download owner/model") as error:
        find_checkpoint("owner/model", feature="x")
    assert "no model named" not in str(error.value)


def test_weights_in_one_file_are_found_by_name_or_path(root, tmp_path) -> None:
    folder = root / "my-light"
    folder.mkdir()
    (folder / "training.json").write_text("{}")
    (folder / "light.json").write_text("{}")
    assert find_weights("my-light", ".json", feature="x") == folder / "light.json"
    assert find_weights("absent.json", ".json", feature="x").name == "absent.json"
    (folder / "other.json").write_text("{}")
    with pytest.raises(ModelUnavailableError, match=r"one \*\.json file in .*, found light\.json, other\.json"):
        find_weights("my-light", ".json", feature="x")
    with pytest.raises(ModelUnavailableError, match=r"no model named my-lite .*\(there: my-light\)"):
        find_weights("my-lite", ".json", feature="x")


def test_the_offline_reader_takes_a_name(root) -> None:
    from generators.reader import default_weights_path

    (root / "my-reader").mkdir()
    (root / "my-reader" / "weights.npz").write_bytes(default_weights_path().read_bytes())
    reader = build_generator(GeneratorOptions(model="my-reader"))
    assert reader.weights_path == root / "my-reader" / "weights.npz"
    with pytest.raises(ModelUnavailableError, match=r"the offline reader: .*there: my-reader"):
        build_generator(GeneratorOptions(model="their-reader"))


@given(st.text(min_size=1))
def test_a_name_never_leaves_the_root(name) -> None:
    try:
        check_name(name)
    except InputError:
        assert find_named(name) is None
    else:
        assert (models_root() / name).parent == models_root()
        assert name not in {".", ".."}
