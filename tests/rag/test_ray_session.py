"""Reaching Ray, and how it is told that there is none."""

from __future__ import annotations

import socket
import sys

import pytest

from rag.index.__main__ import main
from rag.ray_session import import_ray, ray_session
from retrievers.errors import InputError, MissingExtraError


def test_without_its_packages_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r'the engine ray needs packages .*"\.\[scale\]"'):
        import_ray()


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("ray://127.0.0.1:10001", "run the command on a machine of the cluster"),
        ("cluster", "expected host:port or auto"),
        ("127.0.0.1:99999", "no Ray cluster answers at 127.0.0.1:99999"),
    ],
    ids=["client", "no port", "port out of range"],
)
def test_addresses_that_cannot_be_are_refused(address: str, message: str) -> None:
    with pytest.raises(InputError, match=message), ray_session(address):
        pass


def test_a_cluster_that_does_not_answer_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    assert main(["build", "x.jsonl", "--index", "x", "--engine", "ray", "--address", address]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: no Ray cluster answers at {address}: ")


def test_an_address_without_ray_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "x.jsonl", "--index", "x", "--address", "127.0.0.1:6379"]) == 2
    assert "add --engine ray" in capsys.readouterr().err
