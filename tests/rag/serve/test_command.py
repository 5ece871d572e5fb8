"""Foreseeable mistakes of ``python -m rag.serve`` end with code 2 and one line."""

from __future__ import annotations

import socket

import pytest

pytest.importorskip("fastapi", reason="fastapi of the extra serve is not installed")
pytest.importorskip("uvicorn", reason="uvicorn of the extra serve is not installed")

from rag.serve.__main__ import main


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_only_loopback_is_served(host, tmp_path, capsys):
    assert main(["--index", str(tmp_path), "--host", host, "--port", "0"]) == 2
    assert f"--host {host}: only loopback addresses" in capsys.readouterr().err


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


@pytest.mark.parametrize("flags", [["--port", "70000"], ["--topk", "0"], ["--topk", "many"]])
def test_numbers_out_of_range_are_refused(flags, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["--index", str(tmp_path), *flags])
    assert flags[0] in capsys.readouterr().err
