"""``python -m rag.serve``: foreseeable mistakes end with code 2 and one line, and a signal ends the service."""

from __future__ import annotations

import functools
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

pytest.importorskip("fastapi", reason="fastapi of the extra serve is not installed")
pytest.importorskip("uvicorn", reason="uvicorn of the extra serve is not installed")

from rag.serve.__main__ import TOKEN_VARIABLE, main

TOKEN = "0123456789abcdef"


@pytest.fixture(autouse=True)
def own_environment(monkeypatch):
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")  # the command sets it: what it was comes back afterwards


def test_numpy_is_left_one_thread_before_it_is_imported(tmp_path):
    asked = (
        "import sys; from rag.serve.__main__ import main; main(['--index', sys.argv[1]]);"
        " import numpy, threadpoolctl; print([one['num_threads'] for one in threadpoolctl.threadpool_info()])"
    )
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    for chosen, threads in (({}, "1"), ({"OPENBLAS_NUM_THREADS": "2"}, "2")):
        told = subprocess.run(
            [sys.executable, "-c", asked, str(tmp_path / "none")],
            env=environment | chosen, capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        assert set(told.stdout.strip("[]\n").split(", ")) == {threads}, told.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_other_addresses_than_loopback_need_a_token(host, tmp_path, capsys):
    assert main(["--index", str(tmp_path), "--host", host, "--port", "0"]) == 2
    said = capsys.readouterr().err
    assert f"--host {host}: other machines reach this address" in said
    assert TOKEN_VARIABLE in said


def test_with_a_token_any_address_is_served(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    assert main(["--index", str(tmp_path / "none"), "--host", "0.0.0.0", "--port", "0"]) == 2
    assert "no index" in capsys.readouterr().err


@pytest.mark.parametrize("token", ["коротко", "0123456789", "0123456789 abcdef", "ключключключключ"])
def test_a_token_that_is_easily_guessed_or_cannot_be_sent_is_refused_without_naming_it(
    token, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv(TOKEN_VARIABLE, token)
    assert main(["--index", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "at least 16 printable ASCII characters" in said
    assert token not in said


@pytest.mark.parametrize(
    ("content", "message"), [(None, "cannot be read"), (b"\n\n", "is empty"), (b"\xff", "cannot be read")]
)
def test_a_token_file_without_a_token_is_named(content, message, tmp_path, capsys):
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    assert main(["--index", str(tmp_path), "--token-file", str(file)]) == 2
    assert f"--token-file {file} {message}" in capsys.readouterr().err


def test_a_host_that_does_not_exist_is_named(tmp_path, capsys):
    assert main(["--index", str(tmp_path), "--host", "256.1.1.1", "--port", "0"]) == 2
    assert "--host 256.1.1.1: no such address" in capsys.readouterr().err


def test_a_missing_index_is_named(tmp_path, capsys):
    assert main(["--index", str(tmp_path / "none"), "--port", "0"]) == 2
    assert "no index" in capsys.readouterr().err


def test_a_port_in_use_is_named(tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--index", str(tmp_path), "--port", str(port)]) == 2
    assert f"--port {port}: cannot be listened on" in capsys.readouterr().err


@pytest.mark.parametrize(
    "flags",
    [["--port", "70000"], ["--topk", "0"], ["--topk", "many"], ["--workers", "0"], ["--waiting", "-1"],
     ["--timeout", "0"], ["--timeout", "nan"]],
)  # fmt: skip
def test_numbers_out_of_range_are_refused(flags, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["--index", str(tmp_path), *flags])
    assert flags[0] in capsys.readouterr().err


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_stop(told, demo_copy):
    command = [sys.executable, "-m", "rag.serve", "--index", str(demo_copy), "--port", "0", "--workers", "1"]
    environment = {**os.environ, "PYTHONUTF8": "1"}
    # A shell that runs the tests in the background has told them to ignore Ctrl-C, and children inherit that.
    default = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, preexec_fn=default) as process:
        try:
            address = next(line for line in process.stderr if " on http://" in line).split(" on ")[1].strip()
            with urllib.request.urlopen(f"{address}api/info", timeout=60) as response:
                assert json.load(response)["documents"] == 8
            process.send_signal(told)
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == (0 if told is signal.SIGTERM else 130)
    assert "Traceback" not in said
