"""The small world, without a package of tests around it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def world() -> ModuleType:
    """``world.py`` beside this file."""
    spec = importlib.util.spec_from_file_location("agent_world", Path(__file__).with_name("world.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["agent_world"] = module
    spec.loader.exec_module(module)
    return module
