"""The command as a client runs it: the SDK's own client over both transports, signals, and foreseeable mistakes."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("mcp", reason="mcp of the extra mcp is not installed")

from mcp import ClientSession, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from rag.mcp.__main__ import main

ROOT = Path(__file__).resolve().parents[3]
INITIALIZE = {
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}  # fmt: skip


def command(directory: Path, *flags: str) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "rag.mcp", "--index", str(directory), *flags]


async def use(session: ClientSession) -> None:
    """What a client does with the server, whatever carries it."""
    started = await session.initialize()
    assert started.server_info.name == "russian-rag"
    assert "search находит фрагменты" in (started.instructions or "")
    tools = {tool.name: tool for tool in (await session.list_tools()).tools}
    assert list(tools) == ["search", "read", "ask"]
    assert tools["search"].input_schema["properties"]["k"]["maximum"] == 20
    assert tools["ask"].output_schema["required"] == ["answer", "abstained", "confidence", "citations"]

    found = await session.call_tool("search", {"query": "Какова наибольшая глубина Байкала?", "k": 1})
    assert not found.is_error
    [passage] = found.structured_content["passages"]
    assert (passage["doc_id"], passage["title"]) == ("baikal", "Байкал > Котловина и вода")
    assert "1642 м" in passage["text"]
    assert found.content[0].text.startswith("Найдено фрагментов: 1.\n\n<фрагмент 1>\nдокумент: baikal\n")

    text, offset = "", 0
    while offset is not None:
        page = (
            await session.call_tool("read", {"doc_id": "baikal", "offset": offset, "length": 800})
        ).structured_content
        text, offset = text + page["text"] + "\n", page["next_offset"]
    whole = (await session.read_resource("document://baikal")).contents[0].text
    assert re.sub(r"\s+", " ", text).strip() == re.sub(r"\s+", " ", whole).strip()

    asked = await session.call_tool("ask", {"question": "Какова наибольшая глубина Байкала?"})
    assert asked.structured_content["answer"] == "1642 м"
    assert asked.content[0].text.startswith("Ответ: 1642 м\nУверенность: 0,")
    quote = asked.structured_content["citations"][0]
    assert whole[quote["start"] : quote["end"]] == quote["quote"]

    for tool, arguments, said in (
        ("search", {"query": ""}, "нет ни одного слова"),
        ("search", {"query": "Байкал", "k": "много"}, "Аргумент «k» должен быть целым числом."),
        ("read", {"doc_id": "нет"}, "Документа «нет» в собрании нет."),
        ("read", {"doc_id": "baikal", "offset": -1}, "не может быть отрицательным"),
        ("ask", {}, "Не задан обязательный аргумент «question»."),
        ("ask", {"question": "?"}, "нет ни одного слова"),
    ):
        refused = await session.call_tool(tool, arguments)
        assert refused.is_error
        assert said in refused.content[0].text
        assert "Traceback" not in refused.content[0].text
    with pytest.raises(MCPError, match="Инструмента «find» нет; есть: search, read, ask"):
        await session.call_tool("find", {})
    with pytest.raises(MCPError, match="Документа «нет» в собрании нет"):
        await session.read_resource("document://%D0%BD%D0%B5%D1%82")


async def test_a_client_over_standard_input_and_output(index_directory, capfd) -> None:
    program, *flags = command(index_directory)
    server = StdioServerParameters(command=program, args=flags, cwd=ROOT)
    async with stdio_client(server) as (received, sent), ClientSession(received, sent) as session:
        await use(session)
    assert capfd.readouterr().err == ""


async def test_questions_of_several_steps_are_asked_with_the_agent(index_directory) -> None:
    program, *flags = command(index_directory, "--agent")
    server = StdioServerParameters(command=program, args=flags, cwd=ROOT)
    question = "Куда впадает река, которая вытекает из Байкала?"
    async with stdio_client(server) as (received, sent), ClientSession(received, sent) as session:
        await session.initialize()
        asked = await session.call_tool("ask", {"question": question})
    assert asked.structured_content["answer"] == "Енисей"
    assert len(asked.structured_content["citations"]) > 1  # of both steps


@pytest.fixture(scope="module")
def address(index_directory) -> Iterator[str]:
    """A server over HTTP on a free port, ended by SIGTERM."""
    started = subprocess.Popen(
        command(index_directory, "--transport", "http", "--port", "0"), cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    with started:
        line = started.stderr.readline()
        try:
            assert line.startswith("serving on http://127.0.0.1:"), line + started.stderr.read()
            yield line.removeprefix("serving on ").strip()
        finally:
            started.terminate()
        assert started.wait(60) == 0
        said = started.stderr.read().splitlines()
        assert said == [line for line in said if line.startswith("WARNING: Invalid ")]  # requests refused below


async def test_two_clients_at_once_over_http(address) -> None:
    async def client() -> None:
        async with streamable_http_client(address) as streams, ClientSession(*streams[:2]) as session:
            await use(session)

    await asyncio.gather(client(), client())


def post(address: str, **headers: str) -> tuple[int, str]:
    accepted = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    request = urllib.request.Request(address, json.dumps(INITIALIZE).encode(), {**accepted, **headers})
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_other_names_for_this_machine_are_refused(address) -> None:
    assert post(address)[0] == 200
    assert post(address, Host="evil.example:80")[0] == 421
    assert post(address, Origin="http://evil.example")[0] == 403
    assert post(address.replace("127.0.0.1", "localhost"))[0] == 200


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_a_server_whose_client_is_silent(index_directory, sent: signal.Signals, code: int) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen(command(index_directory), cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe) as server:
        server.stdin.write(json.dumps(INITIALIZE).encode() + b"\n")
        server.stdin.flush()
        assert json.loads(server.stdout.readline())["id"] == 1
        server.send_signal(sent)
        assert server.wait(60) == code
        assert server.stdout.read() == b""
        assert server.stderr.read() == (b"interrupted\n" if sent is signal.SIGINT else b"")


def test_the_end_of_input_ends_the_server_after_the_last_answer(index_directory) -> None:
    lines = json.dumps(INITIALIZE).encode() + b"\nno json\n"
    done = subprocess.run(command(index_directory), cwd=ROOT, input=lines, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    for line in done.stdout.splitlines():
        assert json.loads(line)["jsonrpc"] == "2.0"
    assert json.loads(done.stdout.splitlines()[0])["id"] == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_only_loopback_is_served(host: str, tmp_path, capsys) -> None:
    flags = ["--index", str(tmp_path), "--transport", "http", "--host", host, "--port", "0"]
    assert main(flags) == 2
    assert f"--host {host}: only loopback addresses" in capsys.readouterr().err


@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_a_missing_index_is_named(transport: str, tmp_path, capsys) -> None:
    assert main(["--index", str(tmp_path / "none"), "--transport", transport, "--port", "0"]) == 2
    captured = capsys.readouterr()
    assert "no index" in captured.err
    assert captured.out == ""


@pytest.mark.parametrize("flags", [["--port", "70000"], ["--transport", "sse"]])
def test_what_no_flag_takes_is_refused(flags: list[str], tmp_path, capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--index", str(tmp_path), *flags])
    assert flags[0] in capsys.readouterr().err


def test_an_option_that_no_profile_has_is_refused(index_directory, capsys) -> None:
    assert main(["--index", str(index_directory), "--set", "retrieval.nonsense=1"]) == 2
    assert "nonsense" in capsys.readouterr().err
