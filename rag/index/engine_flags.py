"""The flags that choose an engine."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rag.errors import InputError

if TYPE_CHECKING:
    from rag.index.engines import Engine
    from rag.ray_session import Cluster

LOCAL = "local"
RAY = "ray"


def add_engine_flags(parser: argparse.ArgumentParser) -> None:
    """Add ``--engine`` and ``--address``."""
    parser.add_argument(
        "--engine",
        choices=(LOCAL, RAY),
        default=LOCAL,
        help="what does the work: this machine's processes, or Ray (extra scale); the results are the same",
    )
    parser.add_argument(
        "--address", metavar="ADDR", help="Ray cluster: host:port or auto (default: workers on this machine)"
    )


def check_address(engine: str, address: str | None) -> None:
    """Refuse an address that nothing would use.

    Raises:
        InputError: the engine is not Ray.
    """
    if address is not None and engine != RAY:
        raise InputError(f"--address {address}: only Ray has one; add --engine ray")


@contextmanager
def opened_engine(engine: str, address: str | None, *, workers: int) -> Iterator[Engine]:
    """The engine that the flags name, while the block runs.

    Args:
        engine: its name.
        address: of a Ray cluster.
        workers: processes of the local engine.

    Raises:
        InputError: an address for another engine than Ray, or no cluster answers there.
        MissingExtraError: Ray is not installed.
    """
    check_address(engine, address)
    if engine == RAY:
        from rag.index.ray_engine import ray_engine

        with ray_engine(address) as opened:
            yield opened
        return
    from rag.index.engines import LocalEngine

    yield LocalEngine(workers)


@contextmanager
def opened_cluster(engine: str, address: str | None) -> Iterator[Cluster | None]:
    """The cluster that the flags name, while the block runs; None for the local engine.

    Raises:
        InputError, MissingExtraError: as for :func:`opened_engine`.
    """
    check_address(engine, address)
    if engine != RAY:
        yield None
        return
    from rag.ray_session import ray_session

    with ray_session(address) as cluster:
        yield cluster
