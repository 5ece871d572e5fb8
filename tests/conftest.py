"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real Russian data that stands beside the checkout and is no part of it."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the measuring data (shared/data beside the checkout) is absent")
    return SHARED_DATA
