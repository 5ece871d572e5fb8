"""The index as requests see it: each keeps the generation it began with, and a new one takes over between two requests.

An update, by this service or by any other process, makes a new generation beside the one in use (``rag.index.layout``).
It is opened and warmed up here while requests go on, and then everybody who comes later gets it; the old one is closed
when the last request that holds it has ended.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from generators.options import GeneratorKind
from rag.index.layout import CURRENT
from rag.question import WARM_UP
from rag.serve.work import StoppedError
from retrievers.errors import InputError
from retrievers.scorers.options import ScorerKind

if TYPE_CHECKING:
    from rag.agent.agent import QaAgent
    from rag.chain import RagChain
    from rag.index import Index
    from rag.profile import Profile, RetrieverKind

_LOGGER = logging.getLogger(__name__)


class Snapshot:
    """One generation of the index, and the pipelines over it, made when they are asked for.

    Args:
        index: open; it is closed with the snapshot.
        profile: what the pipelines are made from.
    """

    def __init__(self, index: Index, profile: Profile) -> None:
        self.index, self.profile = index, profile
        self._chains: dict[tuple[RetrieverKind, bool], RagChain] = {}
        self._agents: dict[tuple[RetrieverKind, bool], QaAgent] = {}
        self._lock = threading.RLock()
        self._holders = 0
        self._retired = False

    @property
    def generation(self) -> str:
        """Name of the generation."""
        return self.index.manifest.generation

    @cached_property
    def digest(self) -> str:
        """Of the profile: equal ones answer alike."""
        return hashlib.sha256(self.profile.model_dump_json().encode()).hexdigest()

    @property
    def reranks(self) -> bool:
        """Whether the profile has a compressor."""
        return self.profile.compressor.kind is not ScorerKind.NONE

    @cached_property
    def retrievers(self) -> list[RetrieverKind]:
        """Those this index can be searched with."""
        from rag.profile import RetrieverKind

        dense = self.index.manifest.encoder is not None
        needed = {RetrieverKind.DENSE, RetrieverKind.HYBRID, RetrieverKind.COVERAGE}
        return [kind for kind in RetrieverKind if dense or kind not in needed]

    def chain(self, retriever: RetrieverKind | None = None, rerank: bool | None = None) -> RagChain:
        """The chain of the profile, with another retriever or without reranking where that is asked for.

        Raises:
            InputError: the index or the profile cannot do so.
        """
        from rag.chain import build_chain

        key = self.resolved(retriever, rerank)
        with self._lock:
            if key not in self._chains:
                self._chains[key] = build_chain(self.index, self._profile(*key))
            return self._chains[key]

    def agent(self, retriever: RetrieverKind | None = None, rerank: bool | None = None) -> QaAgent:
        """The agent over such a chain; errors as for :meth:`chain`."""
        from rag.agent.building import build_agent

        key = self.resolved(retriever, rerank)
        with self._lock:
            if key not in self._agents:
                self._agents[key] = build_agent(self.index, self._profile(*key))
            return self._agents[key]

    def resolved(self, retriever: RetrieverKind | None, rerank: bool | None) -> tuple[RetrieverKind, bool]:
        """What is taken where nothing is asked for; errors as for :meth:`chain`."""
        retriever = retriever or self.profile.retrieval.retriever
        if retriever not in self.retrievers:
            raise InputError(f"the index has no vectors for the retriever {retriever}; take {self.retrievers[0]}")
        if rerank and not self.reranks:
            raise InputError("the profile of this service has nothing to rerank with; leave rerank out")
        return retriever, self.reranks if rerank is None else rerank

    def _profile(self, retriever: RetrieverKind, rerank: bool) -> Profile:
        profile = self.profile
        retrieval = profile.retrieval.model_copy(update={"retriever": retriever})
        compressor = profile.compressor
        if not rerank:
            compressor = compressor.model_copy(update={"kind": ScorerKind.NONE, "model": None})
        return profile.model_copy(update={"retrieval": retrieval, "compressor": compressor})

    def warm_up(self) -> None:
        """Load what the first question would wait for; what is missing is told now.

        A language model behind a server is not asked: it has nothing to load here, and an update of the index must not
        wait for it, pay for it, or fail because it is down.
        """
        chain = self.chain()
        if self.profile.generator.kind is not GeneratorKind.CHAT:
            chain.read(WARM_UP, chain.search(WARM_UP, k=1).documents)
        elif not self.profile.retrieval.expansion.kind.needs_writer:
            chain.search(WARM_UP, k=1)

    # Called by Snapshots, under its lock.

    def hold(self) -> bool:
        """Count one more request; False where it is closed already."""
        if self._retired and not self._holders:
            return False
        self._holders += 1
        return True

    def release(self) -> bool:
        """Count one less; whether it may be closed now."""
        self._holders -= 1
        return self._retired and not self._holders

    def retire(self) -> bool:
        """Let it go when nobody holds it; whether that is now."""
        self._retired = True
        return not self._holders


class Snapshots:
    """The snapshot in use, leased to requests.

    Args:
        first: open already.
        reopen: opens the generation that is in use on disk.

    Attributes:
        on_switch: told the snapshot that took over; set before the service starts.
    """

    def __init__(self, first: Snapshot, reopen: Callable[[], Index]) -> None:
        self._current = first
        self._reopen = reopen
        self._lock = threading.Lock()
        self._refreshing = threading.Lock()
        self._seen = self._stamp()
        self._closed = False
        self.on_switch: list[Callable[[Snapshot], None]] = []

    @property
    def directory(self) -> Path:
        """Of the index."""
        return self._current.index.directory

    @property
    def generation(self) -> str:
        """Name of the generation in use."""
        return self._current.generation

    @contextmanager
    def lease(self, of: Snapshot | None = None) -> Iterator[Snapshot]:
        """The snapshot in use, which stays open and as it is while the block runs.

        Args:
            of: one leased elsewhere, to be held by another thread as well.

        Raises:
            StoppedError: nobody holds ``of`` any more, and it is closed.
        """
        with self._lock:
            snapshot = of or self._current
            if not snapshot.hold():
                raise StoppedError
        try:
            yield snapshot
        finally:
            with self._lock:
                done = snapshot.release()
            if done:
                snapshot.index.close()

    def refresh(self) -> str:
        """Turn to the generation in use on disk, if it is another; the name of the one in use afterwards.

        Raises:
            RagIndexError: it cannot be opened; the one that was in use stays so.
            StoppedError: all of them are closed.
        """
        with self._refreshing:  # two at once would open it twice
            if self._closed:
                raise StoppedError
            self._seen = self._stamp()
            fresh = self._reopen()
            if fresh.manifest.generation == self._current.generation:
                fresh.close()
                return self._current.generation
            snapshot = Snapshot(fresh, self._current.profile)
            try:
                snapshot.warm_up()
            except BaseException:
                fresh.close()
                raise
            with self._lock:
                old, self._current = self._current, snapshot
                done = old.retire()
            if done:
                old.index.close()
            for told in self.on_switch:
                told(snapshot)
            return snapshot.generation

    def refresh_if_changed(self) -> None:
        """What is called every now and then, for updates by other processes; a damaged index is logged and left."""
        stamp = self._stamp()
        if stamp == self._seen:
            return
        try:
            self.refresh()
        except StoppedError:
            return
        except Exception:
            _LOGGER.exception("the new generation of the index cannot be used; the old one goes on")

    def close(self) -> None:
        """Let go of the index as soon as nobody holds it, and turn to no other."""
        with self._refreshing:  # a generation that is being opened takes over first, and is closed here
            self._closed = True
        with self._lock:
            done = self._current.retire()
        if done:
            self._current.index.close()

    def _stamp(self) -> tuple[int, int] | None:
        try:
            found = (self.directory / CURRENT).stat()
        except OSError:
            return None  # between two renames on some file systems, or gone: what is open stays open
        return found.st_mtime_ns, found.st_ino
