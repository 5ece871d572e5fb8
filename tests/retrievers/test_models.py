from __future__ import annotations

import importlib.machinery
import importlib.util
import subprocess
import sys

import pytest

from retrievers import models
from retrievers.errors import ModelUnavailableError, ToolkitError

TAGGERS = ("ner", "morph", "syntax")
LOADERS = (models.load_navec, models.load_ner, models.load_morph, models.load_syntax)


@pytest.fixture
def empty_caches():
    """The process-wide models are put aside for a test that must not see them, and loaded again after it."""
    for load in LOADERS:
        load.cache_clear()
    yield
    for load in LOADERS:
        load.cache_clear()


def package_at(folder):
    spec = importlib.machinery.ModuleSpec("natasha", None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    return lambda name: spec if name == "natasha" else None


def test_files_are_found_without_importing_their_package() -> None:
    code = (
        "import sys\n"
        "from retrievers.models import navec_path, slovnet_path\n"
        "paths = [navec_path(), *(slovnet_path(tagger) for tagger in ('ner', 'morph', 'syntax'))]\n"
        "assert all(path.stat().st_size > 1_000_000 for path in paths), paths\n"
        "assert len(set(paths)) == 4\n"
        "print(*sorted({'natasha', 'pymorphy2', 'slovnet', 'navec', 'numpy'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_models_read_russian() -> None:
    assert models.load_navec()["москва"].shape == (300,)
    (span,) = models.load_ner()("Он жил в Москве.").spans
    assert (span.start, span.stop, span.type) == (9, 15, "LOC")
    (word,) = models.load_morph()(["Москве"]).tokens
    assert word.feats["Number"] == "Sing"
    assert [token.head_id for token in models.load_syntax()(["Дождь", "шёл"]).tokens] == ["2", "0"]


@pytest.mark.parametrize("load", LOADERS)
def test_models_are_loaded_once(load) -> None:
    assert load() is load()


@pytest.mark.parametrize("failure", [None, ValueError("natasha.__spec__ is None"), ImportError("broken")])
def test_a_missing_package_is_named(monkeypatch, failure) -> None:
    def find_spec(name):
        if failure is not None:
            raise failure

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    with pytest.raises(ModelUnavailableError, match=r"natasha is not installed.*pip install") as raised:
        models.navec_path()
    assert isinstance(raised.value, ToolkitError)
    for tagger in TAGGERS:
        with pytest.raises(ModelUnavailableError, match=f"slovnet_{tagger}.*pip install"):
            models.slovnet_path(tagger)


def test_a_package_without_its_files_is_named(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", package_at(tmp_path))
    with pytest.raises(ModelUnavailableError, match="navec_news") as raised:
        models.navec_path()
    assert str(tmp_path) in str(raised.value)


@pytest.mark.usefixtures("empty_caches")
def test_a_broken_file_is_named(monkeypatch, tmp_path) -> None:
    path = tmp_path / "data" / "emb" / models.navec_path().name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not an archive")
    monkeypatch.setattr(importlib.util, "find_spec", package_at(tmp_path))
    with pytest.raises(ModelUnavailableError, match="cannot be read") as raised:
        models.load_navec()
    assert str(path) in str(raised.value)
    assert raised.value.__cause__ is not None
