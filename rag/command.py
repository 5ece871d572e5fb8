"""What all commands share: how foreseeable mistakes end, and where messages go."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable

from retrievers.errors import ToolkitError

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def run_command(command: Callable[[], int]) -> int:
    """Run a command's body and turn foreseeable failures into one line on stderr and an exit code.

    Returns:
        The body's own code, 2 for bad input, 130 after Ctrl-C, 0 when the reader of a pipe has gone away.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s: %(message)s")
    try:
        return command()
    except ToolkitError as error:
        report(error)
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Python would complain once more when it flushes at exit: give it somewhere to flush to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def available_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def report(error: Exception) -> None:
    """One line on stderr."""
    sys.stderr.write(f"error: {error}\n")
