"""Lines of standard input that can be given up.

The SDK reads standard input in a thread that cannot be interrupted: a signal would end nothing until the client wrote
one more line. Here a daemon thread reads the descriptor itself, and whoever waits for its lines can be cancelled; it
holds no lock of ``sys.stdin``, so the interpreter ends while it still waits.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import AsyncIterator
from concurrent.futures import CancelledError

import anyio
import anyio.from_thread
import anyio.lowlevel
from anyio.lowlevel import EventLoopToken
from anyio.streams.memory import MemoryObjectSendStream

_READ_AT_ONCE = 1 << 16
_AHEAD = 16  # lines that may wait to be taken


class InputLines:
    """Lines of a descriptor, for the SDK's transport, which wants something to iterate over."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    async def __aiter__(self) -> AsyncIterator[str]:
        send, receive = anyio.create_memory_object_stream[str](_AHEAD)
        token = anyio.lowlevel.current_token()
        reading = threading.Thread(target=self._read, args=(send, token), name="stdin", daemon=True)
        reading.start()
        async with receive, send:
            async for line in receive:
                yield line

    def _read(self, send: MemoryObjectSendStream[str], token: EventLoopToken) -> None:
        rest = b""
        try:
            while block := os.read(self._descriptor, _READ_AT_ONCE):
                *lines, rest = (rest + block).split(b"\n")
                for line in lines:
                    anyio.from_thread.run(send.send, line.decode("utf-8", "replace"), token=token)
            if rest:
                anyio.from_thread.run(send.send, rest.decode("utf-8", "replace"), token=token)
            anyio.from_thread.run_sync(send.close, token=token)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, CancelledError, RuntimeError, OSError):
            pass  # nobody listens any more: the loop has ended, or the descriptor was closed


def take_stdin() -> InputLines:
    """Standard input for the protocol alone: whatever else reads it meets its end."""
    descriptor = os.dup(sys.stdin.fileno())
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, sys.stdin.fileno())
    os.close(null)
    return InputLines(descriptor)
