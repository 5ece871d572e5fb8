"""The record manager of incremental indexing, in one SQLite file.

The contract of LangChain's ``SQLRecordManager`` without its SQLAlchemy, whose asyncio part needs greenlet besides.
"""

from __future__ import annotations

import sqlite3
import time
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path

from langchain_core.indexing import RecordManager
from langchain_core.runnables.config import run_in_executor
from typing_extensions import override

_AT_ONCE = 500  # SQL variables in one statement


class SQLiteRecordManager(RecordManager):
    """Which keys a vector store holds, of which group, and when each was last written.

    Times never stand still or run back, whatever the machine's clock does: a new one is later than any stored.

    Args:
        path: of the database file; it is made if needed.
        namespace: keeps the records of several stores in one file apart.
    """

    def __init__(self, path: Path, namespace: str = "chunks") -> None:
        super().__init__(namespace=namespace)
        self._database = sqlite3.connect(path, check_same_thread=False)
        self._closing = weakref.finalize(self, self._database.close)  # with the manager, where nobody closes it

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    @override
    def create_schema(self) -> None:
        with self._database:
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS records (namespace TEXT NOT NULL, key TEXT NOT NULL, group_id TEXT, "
                "updated REAL NOT NULL, PRIMARY KEY (namespace, key)) WITHOUT ROWID"
            )
            self._database.execute("CREATE INDEX IF NOT EXISTS by_group ON records (namespace, group_id)")

    @override
    def get_time(self) -> float:
        row = self._database.execute(
            "SELECT max(updated) FROM records WHERE namespace = ?", (self.namespace,)
        ).fetchone()
        return max(time.time(), (row[0] or 0.0) + 1e-3)

    @override
    def update(
        self,
        keys: Sequence[str],
        *,
        group_ids: Sequence[str | None] | None = None,
        time_at_least: float | None = None,
    ) -> None:
        groups = [None] * len(keys) if group_ids is None else list(group_ids)
        if len(groups) != len(keys):
            raise ValueError(f"expected a group id for each of {len(keys)} keys, got {len(groups)}")
        now = self.get_time()
        if time_at_least is not None and now < time_at_least:
            raise ValueError(f"the clock runs back: {now} is before {time_at_least}")
        with self._database:
            self._database.executemany(
                "INSERT INTO records VALUES (?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET updated = excluded.updated, "
                "group_id = coalesce(excluded.group_id, group_id)",
                [(self.namespace, key, group, now) for key, group in zip(keys, groups, strict=True)],
            )

    @override
    def exists(self, keys: Sequence[str]) -> list[bool]:
        found: set[str] = set()
        for batch in _batches(keys):
            rows = self._database.execute(
                f"SELECT key FROM records WHERE namespace = ? AND key IN ({_marks(batch)})", (self.namespace, *batch)
            )
            found.update(key for (key,) in rows)
        return [key in found for key in keys]

    @override
    def list_keys(
        self,
        *,
        before: float | None = None,
        after: float | None = None,
        group_ids: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> list[str]:
        condition, values = "namespace = ?", [self.namespace]
        times: list[float] = []
        for sign, bound in (("<", before), (">", after)):
            if bound is not None:
                condition += f" AND updated {sign} ?"
                times.append(bound)
        keys: list[str] = []
        groups: list[Sequence[str] | None] = [None] if group_ids is None else list(_batches(sorted(set(group_ids))))
        for batch in groups:
            within = "" if batch is None else f" AND group_id IN ({_marks(batch)})"
            rows = self._database.execute(
                f"SELECT key FROM records WHERE {condition}{within} LIMIT ?",
                (*values, *times, *(batch or ()), -1 if limit is None else limit - len(keys)),
            )
            keys.extend(key for (key,) in rows)
            if limit is not None and len(keys) >= limit:
                break
        return keys

    @override
    def delete_keys(self, keys: Sequence[str]) -> None:
        with self._database:
            self._database.executemany(
                "DELETE FROM records WHERE namespace = ? AND key = ?", [(self.namespace, key) for key in keys]
            )

    @override
    async def acreate_schema(self) -> None:
        await run_in_executor(None, self.create_schema)

    @override
    async def aget_time(self) -> float:
        return await run_in_executor(None, self.get_time)

    @override
    async def aupdate(
        self,
        keys: Sequence[str],
        *,
        group_ids: Sequence[str | None] | None = None,
        time_at_least: float | None = None,
    ) -> None:
        await run_in_executor(None, self.update, keys, group_ids=group_ids, time_at_least=time_at_least)

    @override
    async def aexists(self, keys: Sequence[str]) -> list[bool]:
        return await run_in_executor(None, self.exists, keys)

    @override
    async def alist_keys(
        self,
        *,
        before: float | None = None,
        after: float | None = None,
        group_ids: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> list[str]:
        return await run_in_executor(None, self.list_keys, before=before, after=after, group_ids=group_ids, limit=limit)

    @override
    async def adelete_keys(self, keys: Sequence[str]) -> None:
        await run_in_executor(None, self.delete_keys, keys)


def _batches(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[start : start + _AT_ONCE] for start in range(0, len(keys), _AT_ONCE))


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
