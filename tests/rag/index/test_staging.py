from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from rag.index.staging import NoStaging, Staging, discard, part_key, recipe_digest


def test_parts_are_found_by_the_next_try(tmp_path: Path) -> None:
    with Staging(tmp_path / "kept") as staging:
        assert staging.get(b"key") is None
        staging.put([(b"key", b"old"), (b"other", b"")])
        staging.put([(b"key", "часть".encode())])
    with Staging(tmp_path / "kept") as staging:
        assert staging.get(b"key") == "часть".encode()
        assert staging.get(b"other") == b""


def test_parts_are_kept_together_or_not_at_all(tmp_path: Path) -> None:
    def torn() -> object:
        yield b"key", b"part"
        raise KeyboardInterrupt

    with Staging(tmp_path) as staging, pytest.raises(KeyboardInterrupt):
        staging.put(torn())  # type: ignore[arg-type]
    with Staging(tmp_path) as staging:
        assert staging.get(b"key") is None


def test_a_part_whose_content_changed_is_missing(tmp_path: Path) -> None:
    with Staging(tmp_path) as staging:
        staging.put([(b"key", b"part"), (b"other", b"whole")])
    with closing(sqlite3.connect(tmp_path / "parts.sqlite")) as database, database:
        database.execute("UPDATE parts SET content = ? WHERE key = ?", (b"pert", b"key"))
    with Staging(tmp_path) as staging:
        assert staging.get(b"key") is None
        assert staging.get(b"other") == b"whole"


def test_a_damaged_file_is_begun_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "parts.sqlite").write_bytes(b"no database at all" * 100)
    with caplog.at_level(logging.WARNING), Staging(tmp_path) as staging:
        staging.put([(b"key", b"part")])
        assert staging.get(b"key") == b"part"
    assert "is damaged" in caplog.text


def test_a_disk_that_takes_nothing_is_told(tmp_path: Path) -> None:
    with Staging(tmp_path) as staging:
        staging._database.execute("PRAGMA query_only = ON")
        with pytest.raises(OSError, match="cannot be kept"):
            staging.put([(b"key", b"part")])


def test_what_was_kept_can_be_removed_twice(tmp_path: Path) -> None:
    with Staging(tmp_path / "kept"):
        pass
    discard(tmp_path / "kept")
    discard(tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_nothing_is_kept_where_nothing_may_be() -> None:
    with NoStaging() as staging:
        staging.put([(b"key", b"part")])
        assert staging.get(b"key") is None


def test_keys_tell_recipes_and_inputs_apart() -> None:
    recipe = recipe_digest("rows", "options")
    assert recipe == recipe_digest("rows", "options")
    assert recipe != recipe_digest("rows", "other options")
    keys = {part_key(recipe, *inputs) for inputs in [("a", "b"), ("ab",), ("b", "a"), ("a", "b", ""), ()]}
    assert len(keys) == 5
    assert part_key(recipe, "a") != part_key(recipe_digest("vectors", "options"), "a")
