"""Errors of the lower packages. The whole tree, with the index's own errors, is drawn in ``rag/errors.py``."""

from __future__ import annotations


class ToolkitError(Exception):
    """Anything this toolkit raises on purpose; commands print its message and exit with code 2."""


class InputError(ToolkitError, ValueError):
    """A question, file, path or option that cannot be used; the message says what to change."""


class MissingExtraError(ToolkitError, ImportError):
    """A feature whose optional packages are not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f'{feature} needs packages that are not installed; bring them with: pip install -e ".[{extra}]" '
            "from the checkout of this project"
        )
        self.extra = extra


class ModelUnavailableError(ToolkitError, OSError):
    """Model weights that are neither on disk nor reachable; the message says which command brings them."""


class StoreUnavailableError(ToolkitError, OSError):
    """A vector store that does not open or answer; the message names it."""
