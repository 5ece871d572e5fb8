"""What the wheel holds, without building one: the patterns of ``package-data`` against the files that are there."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
NO_PACKAGES = {"tests", "benchmarks"}  # of the checkout only


def top_packages() -> list[str]:
    """Packages at the root that belong into the wheel."""
    return sorted(path.parent.name for path in ROOT.glob("*/__init__.py") if path.parent.name not in NO_PACKAGES)


def is_source(path: Path) -> bool:
    return path.suffix in {".py", ".pyc"} or "__pycache__" in path.parts


def data_files() -> set[str]:
    """Every file of the packages that is no code, relative to the root."""
    return {
        path.relative_to(ROOT).as_posix()
        for package in top_packages()
        for path in (ROOT / package).rglob("*")
        if path.is_file() and not is_source(path)
    }


def included_files() -> set[str]:
    """Files that the patterns reach, each pattern relative to the packages it is for."""
    package_data = PROJECT["tool"]["setuptools"]["package-data"]
    included = set()
    for top in top_packages():
        for folder in (path.parent for path in (ROOT / top).rglob("__init__.py")):
            name = ".".join(folder.relative_to(ROOT).parts)
            for pattern in [*package_data.get("*", []), *package_data.get(name, [])]:
                included |= {path.relative_to(ROOT).as_posix() for path in folder.glob(pattern) if path.is_file()}
    return included


def test_no_data_file_is_left_out_of_the_wheel() -> None:
    assert data_files() - included_files() == set()


@pytest.mark.parametrize(
    "pattern",
    [
        r"(\w+)/py\.typed",
        r"prompts/templates/[\w-]+\.md",
        r"prompts/data/seq2seq\.toml",
        r"retrievers/data/stopwords\.txt",
        r"retrievers/encoders/data/prefixes\.toml",
        r"retrievers/scorers/data/light\.json",
        r"retrievers/scorers/data/light\.md",
        r"generators/data/offline_reader\.npz",
        r"generators/data/offline_reader\.md",
        r"generators/data/\w+\.toml",
        r"rag/data/calibration-offline\.json",
        r"rag/profiles/(offline|small|quality)\.toml",
        r"rag/demo/corpus/\w+/[\w-]+\.md",
    ],
)
def test_the_wheel_holds_what_the_packages_read(pattern: str) -> None:
    assert any(re.fullmatch(pattern, name) for name in included_files())


def test_the_demo_corpus_is_whole() -> None:
    assert sum(name.startswith("rag/demo/corpus/") for name in included_files()) >= 80


def test_every_package_is_found_and_typed() -> None:
    includes = PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {pattern.removesuffix("*") for pattern in includes} == set(top_packages())
    assert set(PROJECT["tool"]["mypy"]["packages"]) == set(top_packages())
    assert {f"{package}/py.typed" for package in top_packages()} <= included_files()


def test_the_files_that_the_metadata_names_are_there() -> None:
    project = PROJECT["project"]
    for name in (project["readme"], *project["license-files"]):
        assert (ROOT / name).is_file()


@pytest.mark.parametrize("weights", ["generators/data/offline_reader.npz", "retrievers/scorers/data/light.json"])
def test_fitted_weights_have_a_card_with_their_licence(weights: str) -> None:
    card = (ROOT / weights).with_suffix(".md").read_text(encoding="utf-8")
    assert "CC BY-SA 4.0" in card
    assert "python -m training." in card


def test_the_extras_that_errors_name_exist() -> None:
    extras = set(PROJECT["project"]["optional-dependencies"])
    named = set()
    for package in top_packages():
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "MissingExtraError":
                    named |= {argument.value for argument in node.args[1:] if isinstance(argument, ast.Constant)}
    assert named
    assert named <= extras
