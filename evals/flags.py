"""What the flags of the evaluation commands share."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping
from typing import Any

from retrievers.errors import InputError


def add_flags(
    parser: argparse.ArgumentParser | argparse._ArgumentGroup, flags: Mapping[str, Mapping[str, Any]]
) -> None:
    """Add flags by name, each with the arguments of ``add_argument``; a default is named in the help."""
    for flag, options in flags.items():
        shown = " (default: %(default)s)" if options.get("default") not in (None, []) else ""
        parser.add_argument(flag, **{**options, "help": options["help"] + shown})


def known_names(text: str, known: Collection[str], flag: str) -> list[str]:
    """Names between commas, as given.

    Raises:
        InputError: one is none of ``known``, or there are none.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise InputError(f"{flag}: unknown {name!r}; known: {', '.join(known)}")
    if not names:
        raise InputError(f"{flag}: expected at least one of {', '.join(known)}")
    return names
