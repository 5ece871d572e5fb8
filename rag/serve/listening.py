"""Sockets to serve on."""

from __future__ import annotations

import argparse
import ipaddress
import socket

from retrievers.errors import InputError


def listen(host: str, port: int, *, refusal: str | None) -> socket.socket:
    """A socket bound to an address.

    Args:
        host: name or address of an interface.
        port: 0 takes a free one.
        refusal: why addresses that other machines reach are refused; None admits them.

    Raises:
        InputError: there is no such address, it is refused, or the port is taken.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise InputError(f"--host {host}: no such address ({error.strerror})") from error
    if refusal is not None and not ipaddress.ip_address(address[0]).is_loopback:
        raise InputError(f"--host {host}: {refusal}")
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        listening.close()
        raise InputError(f"--port {port}: cannot be listened on ({error.strerror}); choose another") from error
    return listening


def port_number(text: str) -> int:
    """A port as a flag names it."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, got {text!r}")
    return int(text)
