"""Sockets that only this machine reaches."""

from __future__ import annotations

import argparse
import ipaddress
import socket

from retrievers.errors import InputError


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to a loopback address: whoever reaches the port reads the index, and there is no token yet."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise InputError(f"--host {host}: no such address ({error.strerror})") from error
    if not ipaddress.ip_address(address[0]).is_loopback:
        raise InputError(
            f"--host {host}: only loopback addresses (127.0.0.1, ::1, localhost) are served, since there is no access"
            " control; put a server that checks access in front"
        )
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
