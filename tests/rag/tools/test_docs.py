"""docs/agent-tools.md shows what runs."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from rag.index import Index
from rag.tools import build_tools
from tests.rag.tools.scripted import ScriptedModel

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "agent-tools.md").read_text(encoding="utf-8")


def snippet(word: str) -> str:
    """The one piece of Python on the page that holds a word."""
    [found] = [code for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if word in code]
    return found


def run(shown: str, directory: Path, **names: Any) -> str:
    """What a snippet prints over an index of ours."""
    code = shown.replace('"my-index"', repr(str(directory)))
    assert code != shown
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "docs/agent-tools.md", "exec"), names)
    return printed.getvalue()


def test_an_agent_uses_the_index(index: Index) -> None:
    pytest.importorskip("langchain.agents", reason="langchain of the extra chat is not installed")
    model = ScriptedModel(calls=[{"name": "search_documents", "args": {"query": "глубина Байкала", "k": 1}}])
    assert run(snippet("create_agent(model"), index.directory, model=model) == "Глубина Байкала — 1642 м.\n"


def test_a_small_model_is_shown_what_the_tools_found() -> None:
    pytest.importorskip("langchain_openai", reason="langchain_openai of the extra chat is not installed")
    names: dict[str, Any] = {}
    exec(compile(snippet("class Llama"), "docs/agent-tools.md", "exec"), names)
    model = names["Llama"](model="local", base_url="http://127.0.0.1:1/v1", api_key="none")
    call = {"name": "search_documents", "args": {"query": "Ангара"}, "id": "1", "type": "tool_call"}
    said = [HumanMessage("Куда?"), AIMessage("", tool_calls=[call]), ToolMessage("Найдено", tool_call_id="1")]
    sent = model._get_request_payload(said)["messages"]
    assert [(one["role"], one["content"]) for one in sent] == [
        ("user", "Куда?"),
        ("assistant", ""),
        ("user", "Найдено"),
    ]
    assert names["search_first"].name == "search_first"


def test_a_conversation_goes_on(index: Index) -> None:
    printed = run(snippet("build_chain"), index.directory).splitlines()
    assert printed[0] == "Какова глубина Байкала? – 1642 м"
    assert [line.split(" – ")[0] for line in printed[1:]] == ["Какая река из Байкала вытекает?", "Куда впадает Ангара?"]


def test_every_tool_is_described(index: Index) -> None:
    names = {tool.name: set(tool.args) for tool in build_tools(index)}
    rows = {row[0]: row[1] for row in re.findall(r"^\| `(\w+)` \| (.*?) \|", PAGE, re.MULTILINE)}
    for name, arguments in names.items():
        assert set(re.findall(r"`(\w+)`", rows[name])) == arguments
    assert {"search", "read", "ask"} <= set(rows)
