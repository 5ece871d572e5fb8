"""The lock of CI's environment against ``pyproject.toml``: nothing missing, nothing out of range, all digested."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
LOCK = (ROOT / "requirements" / "lock.txt").read_text(encoding="utf-8")
PINS = {
    canonicalize_name(name): Version(version)
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", LOCK, re.MULTILINE)
}
# What the lock is made for, whatever runs this test.
ENVIRONMENT = default_environment() | {
    "python_version": "3.11",
    "python_full_version": "3.11.7",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "os_name": "posix",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
}
LEFT_OUT = {"torch"}  # installed before the lock


def names_in(name: str) -> set[str]:
    lines = (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines()
    return {canonicalize_name(line) for line in lines if line and not line.startswith("#")}


def requirements() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    found = [Requirement(line) for line in (*project["dependencies"], *(line for extra in extras for line in extra))]
    return [one for one in found if one.marker is None or one.marker.evaluate(ENVIRONMENT)]


@pytest.mark.parametrize("requirement", sorted({str(one) for one in requirements()}))
def test_every_dependency_is_locked_within_its_range(requirement: str):
    wanted = Requirement(requirement)
    name = canonicalize_name(wanted.name)
    if name in LEFT_OUT:
        assert name not in PINS
        return
    assert name in PINS, f"{name} is not in the lock: run requirements/renew"
    assert wanted.specifier.contains(PINS[name], prereleases=True), f"{PINS[name]}: run requirements/renew"


def test_nothing_is_in_the_lock_that_only_cuda_needs():
    assert len(PINS) > 250
    assert not PINS.keys() & names_in("left-out.txt")
    assert not [name for name in PINS if name.startswith("nvidia-")]


def test_every_package_has_digests_and_none_an_address():
    entries = re.split(r"^(?=[A-Za-z0-9])", re.sub(r"^#.*\n", "", LOCK, flags=re.MULTILINE), flags=re.MULTILINE)
    entries = [entry for entry in entries if entry.strip()]
    assert len(entries) == len(PINS)
    for entry in entries:
        first, *digests = [line.strip().removesuffix("\\").strip() for line in entry.strip().splitlines()]
        assert re.fullmatch(r"[a-z0-9.-]+==[^\s;]+( ; .+)?", first), first
        assert digests
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", digest) for digest in digests)
    assert "://" not in LOCK
    assert not re.search(r"^\s*(-i|--index-url|--extra-index-url|--find-links)", LOCK, re.MULTILINE)


def test_the_constraints_are_kept():
    lines = (ROOT / "requirements" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = [Requirement(line.partition("#")[0].strip()) for line in lines if not line.startswith("#")]
    assert {one.name for one in pinned} > LEFT_OUT
    for one in pinned:
        if one.name not in LEFT_OUT:
            assert one.specifier.contains(PINS[canonicalize_name(one.name)], prereleases=True)
