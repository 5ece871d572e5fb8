"""The READMEs say what is true: their commands, flags, options and paths exist, their Python runs and prints that."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import rag.profile
from rag.ask.arguments import build_parser, profile_overrides
from rag.index import Index
from rag.profile import known_profiles, load_profile
from retrievers.checkpoints import download_command

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("README.md", "README.ru.md")
OUR_PACKAGES = ("rag", "retrievers", "generators", "evals", "prompts", "training", "benchmarks")

WITH_SUBCOMMANDS = {"rag.index", "evals.datasets"}

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_MODULE = re.compile(r"python -m ([\w.]+)")
_LINK = re.compile(r"\]\(([^)#\s]+)\)")
_PATH = re.compile(rf"(?<![\w/.~-])(?:{'|'.join((*OUR_PACKAGES, 'tests'))})/[\w./-]*\w")
_VARIABLE = re.compile(r"\bRAG_[A-Z0-9]+(?:__[A-Z0-9_]+)+")  # those that set an option of a profile


class Block(NamedTuple):
    """A fenced block: its language and its lines, without the indentation of a list around it."""

    language: str
    text: str


def readme(name: str = NAMES[0]) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str = NAMES[0]) -> list[Block]:
    return [
        Block(language, re.sub(f"^{indent}", "", text, flags=re.MULTILINE))
        for indent, language, text in _FENCE.findall(readme(name))
    ]


def commands() -> list[str]:
    """Every shell command: of bash blocks, after the prompts of console blocks, and in the running text."""
    found = re.findall(r"`(python -m [^`]*)`", readme())
    for block in blocks():
        if block.language == "bash":
            found += block.text.splitlines()
        elif block.language == "console":
            found += [line.removeprefix("$ ") for line in block.text.splitlines() if line.startswith("$ ")]
    return found


def our_calls() -> Iterator[tuple[str, list[str]]]:
    """Module and arguments of every call of a command of this project."""
    for command in commands():
        lexer = shlex.shlex(command, posix=True, punctuation_chars="|&>")
        lexer.whitespace_split = True
        calls: list[list[str]] = [[]]
        for word in lexer:
            if set(word) <= set("|&>"):
                calls.append([])
            else:
                calls[-1].append(word)
        for call in calls:
            if "-m" in call[:-1] and call[call.index("-m") + 1].partition(".")[0] in OUR_PACKAGES:
                at = call.index("-m")
                yield call[at + 1], call[at + 2 :]


def help_of(module: str, *arguments: str) -> str:
    """What ``python -m module … --help`` prints."""
    package = importlib.util.find_spec(module)
    assert package is not None, module
    name = f"{module}.__main__" if package.submodule_search_locations else module
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), pytest.raises(SystemExit) as ended:
        importlib.import_module(name).main([*arguments, "--help"])
    assert ended.value.code == 0
    return printed.getvalue()


def inline_code(text: str) -> set[str]:
    return {" ".join(code.split()) for code in re.findall(r"`([^`]+)`", text)}


def diagram(text: str) -> list[str]:
    """A Mermaid diagram without the words in it."""
    bare = re.sub(r'"[^"]*"', '""', text)
    return bare.splitlines()


def test_both_hold_the_same_code() -> None:
    english, russian = (blocks(name) for name in NAMES)
    assert [block.language for block in english] == [block.language for block in russian]
    for ours, theirs in zip(english, russian, strict=True):
        if ours.language == "mermaid":
            assert diagram(ours.text) == diagram(theirs.text)
        else:
            assert ours.text == theirs.text


def test_both_have_the_same_sections_tables_and_inline_code() -> None:
    english, russian = (_FENCE.sub("", readme(name)) for name in NAMES)
    for pattern in (r"^#+ ", r"^\|"):
        assert re.findall(pattern, english, re.MULTILINE) == re.findall(pattern, russian, re.MULTILINE)
    assert inline_code(english) == inline_code(russian)


@pytest.mark.parametrize("name", NAMES)
def test_the_commands_exist_and_answer_help(name: str) -> None:
    named = set(_MODULE.findall(readme(name)))
    ours = {module for module in named if module.partition(".")[0] in OUR_PACKAGES}
    assert {"rag.ask", "rag.index", "training.calibration", "benchmarks.retrieval"} <= ours
    for module in ours:
        assert f"python -m {module}" in help_of(module)
    for module in named - ours:
        assert importlib.util.find_spec(module) is not None, module


def test_the_flags_of_the_commands_exist() -> None:
    texts: dict[tuple[str, ...], str] = {}
    for module, arguments in our_calls():
        key = (module, arguments[0]) if module in WITH_SUBCOMMANDS and arguments else (module,)
        if key not in texts:
            texts[key] = help_of(*key)
        for flag in (word for word in arguments if word.startswith("--")):
            assert re.search(rf"{flag}\b", texts[key]), (key, flag)


def test_the_options_that_are_set_exist(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(rag.profile, "user_profiles_directory", lambda: tmp_path)
    set_somewhere = 0
    for module, arguments in our_calls():
        if module == "rag.ask":
            parsed = build_parser().parse_args(arguments)
            load_profile(parsed.profile or "offline", profile_overrides(parsed))
            set_somewhere += len(parsed.set)
    assert set_somewhere
    for line in readme().splitlines():  # options of one line go together: a kind with its model
        options = re.findall(r"--set [a-z_]+\.[\w.]+=[\w./-]+", line)
        load_profile("offline", profile_overrides(build_parser().parse_args(" ".join(options).split())))
    for variable in set(_VARIABLE.findall(readme())):
        section, *names = variable.removeprefix("RAG_").lower().split("__")
        options = getattr(load_profile(), section)
        for name in names:
            options = getattr(options, name)


def test_the_profile_file_is_a_profile(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(rag.profile, "user_profiles_directory", lambda: tmp_path)
    [example] = [block.text for block in blocks() if block.language == "toml"]
    assert tomllib.loads(example)["extends"] in known_profiles()
    (tmp_path / "mine.toml").write_text(example, encoding="utf-8")
    assert load_profile("mine").retrieval.k == 8


@pytest.mark.parametrize("name", NAMES)
def test_the_table_of_profiles_is_complete(name: str, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(rag.profile, "user_profiles_directory", lambda: tmp_path)
    for known in known_profiles():
        [row] = re.findall(rf"^\| `{known}`.*", readme(name), re.MULTILINE)
        profile = load_profile(known)
        for part in (profile.index.encoder, profile.compressor, profile.generator):
            if part.kind in {"huggingface", "seq2seq", "causal"}:
                assert f"`{part.model}`" in row
                assert download_command(str(part.model)) in readme(name)
        assert ("`hf`" in row) == (profile.index.encoder.kind == "huggingface")
        assert ("`chat`" in row) == (profile.generator.kind == "chat")


@pytest.mark.parametrize("name", NAMES)
def test_links_and_paths_lead_somewhere(name: str) -> None:
    links = [link for link in _LINK.findall(readme(name)) if "://" not in link]
    paths = _PATH.findall(readme(name))
    assert len(links) >= 3
    assert len(paths) >= 10
    assert [path for path in {*links, *paths} if not (ROOT / path).exists()] == []


def test_the_counts_of_the_demo_are_right() -> None:
    from evals.dataset import read_questions

    questions = read_questions(ROOT / "rubq_eval.jsonl")
    several = sum(len(question.gold_doc_ids) > 1 for question in questions)
    without = sum(not question.answerable for question in questions)
    articles = len(list((ROOT / "rag" / "demo" / "corpus").rglob("*.md")))
    for name in NAMES:
        counts = set(re.findall(r"\d+", readme(name)))
        assert {str(count) for count in (len(questions), several, without, articles)} <= counts


def test_the_python_runs_and_prints_what_is_shown(tmp_path, monkeypatch) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in ("rag", "rubq_eval.jsonl"):
        (checkout / name).symlink_to(ROOT / name, target_is_directory=(ROOT / name).is_dir())
    monkeypatch.chdir(checkout)
    monkeypatch.setattr(rag.profile, "user_profiles_directory", lambda: tmp_path)
    names: dict[str, object] = {"__name__": "readme"}
    shown = blocks()
    examples = [at for at, block in enumerate(shown) if block.language == "python"]
    assert len(examples) >= 4
    try:
        for at in examples:
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(shown[at].text, f"README.md, block {at}", "exec", dont_inherit=True), names)
            assert shown[at + 1] == Block("text", printed.getvalue())
    finally:
        index = names.get("index")
        if isinstance(index, Index):
            index.close()
