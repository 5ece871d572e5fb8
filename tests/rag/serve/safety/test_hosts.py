"""Which names a service without a token answers to."""

from __future__ import annotations

import pytest

from rag.serve.safety.hosts import names_this_machine, split_host


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8000", "127.8.9.1:80", "localhost", "LocalHost:8000", "[::1]", "[::1]:8000"]
)
def test_names_of_this_machine(host):
    assert names_this_machine(host)


@pytest.mark.parametrize(
    "host",
    [
        "", "rag.example.org", "127.0.0.1.example.org", "localhost.example.org", "192.168.0.7:8000", "0.0.0.0", "[::]",
        "localhost:80@example.org", "127.0.0.1:8000:1", "[::1", "[::1]x", "127.1", "2130706433", "localhost.",
    ],
)  # fmt: skip
def test_other_names(host):
    assert not names_this_machine(host)


def test_a_host_is_split_from_its_port():
    assert split_host("rag.example.org:8443") == ("rag.example.org", "8443")
    assert split_host("[fd00::7]:80") == ("fd00::7", "80")
    assert split_host("[fd00::7]") == ("fd00::7", "")
    assert split_host("a:b") == ("", "")
