"""A connection to Ray: workers on this machine, or a cluster that runs already."""

from __future__ import annotations

import importlib
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rag.command import available_cores
from retrievers.errors import InputError, MissingExtraError

# Read by Ray when it starts: it tells nobody that it runs, and leaves it to the command to say why it failed.
_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DATA_LOG_LEVEL": "CRITICAL",
}
# Read when it starts workers on this machine: they listen on the loopback interface alone (the first is named for other
# systems and holds on every one), and have the same right to the cores as whatever runs beside them.
_SETTINGS_HERE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_worker_niceness": "0"}

# What waits between the stages of a pipeline is some megabytes; Ray would take a third of the machine's memory.
_STORE_BYTES = 512 * 2**20
_ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """What there is to work with.

    Args:
        cores: of all machines.
        gpus: of all machines.
    """

    cores: int
    gpus: int


@contextmanager
def ray_session(address: str | None = None) -> Iterator[Cluster]:
    """Connect to Ray while the block runs; a connection that the caller has made already is used and left open.

    Args:
        address: ``host:port`` of a running cluster, or ``auto`` for the one that this machine is part of; None starts
            workers on this machine, one a core, which end with the block and with the process.

    Raises:
        MissingExtraError: Ray is not installed.
        InputError: no cluster answers at the address.
    """
    if address is not None:
        _check(address)  # before the seconds that the import takes
    ray = import_ray()
    if ray.is_initialized():
        yield _cluster(ray)
        return
    try:
        if address is None:
            ray.init(
                num_cpus=available_cores(),
                object_store_memory=_STORE_BYTES,
                include_dashboard=False,
                log_to_driver=False,
                configure_logging=False,
            )
        else:
            _connect(ray, address)
        yield _cluster(ray)
    finally:
        ray.shutdown()


def import_ray() -> Any:
    """The package, set up to be quiet.

    Raises:
        MissingExtraError: it is not installed.
    """
    for name, value in {**_SETTINGS, **_SETTINGS_HERE}.items():
        os.environ.setdefault(name, value)
    try:
        ray = importlib.import_module("ray")
        for part in ("ray.data", "ray.util.queue", "ray.util.scheduling_strategies"):
            importlib.import_module(part)
    except ImportError as error:
        raise MissingExtraError("the engine ray", "scale") from error
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    return ray


def _connect(ray: Any, address: str) -> None:
    try:
        ray.init(address=address, log_to_driver=False, configure_logging=False)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(f"no Ray cluster to work with at {address!r}: {first}") from error


def _check(address: str) -> None:
    """Find out in seconds that nobody is there; Ray itself tries for minutes."""
    if address == "auto":
        return
    if address.startswith("ray://"):
        raise InputError(
            f"{address}: a client's connection cannot carry the pipeline; run the command on a machine of the cluster "
            "with --address auto, or give host:port"
        )
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise InputError(f"expected host:port or auto as the address of a Ray cluster, got {address!r}")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_SECONDS):
            pass
    except (OSError, OverflowError) as error:
        raise InputError(
            f"no Ray cluster answers at {address}: {error}; begin one with: ray start --head, or leave --address out"
        ) from error


def _cluster(ray: Any) -> Cluster:
    resources = ray.cluster_resources()
    return Cluster(cores=max(1, int(resources.get("CPU", 1))), gpus=int(resources.get("GPU", 0)))
