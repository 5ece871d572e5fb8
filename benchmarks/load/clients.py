"""Clients of a service: each asks one question after the other, in every way that can be asked."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

_RETRY = 10  # seconds that a client waits at most when told to come back


@dataclass(slots=True)
class Observed:
    """What all clients saw.

    Args:
        seconds: of every answered request, by kind.
        failures: refusals and errors by kind and what they were.
        told_to_wait: answers with status 429.
        cached: answers that the service had given before.
        torn: responses whose parts are of more than one version of the index.
        versions: what each generation of the index held.
    """

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failures: Counter[str] = field(default_factory=Counter)
    told_to_wait: int = 0
    cached: int = 0
    torn: list[str] = field(default_factory=list)
    versions: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))


class Client:
    """One of them.

    Args:
        http: connections, shared by all.
        questions: asked in an order of its own.
        marked: the document that changes, whose chunks say its version.
        observed: what it adds to.
        seed: of its choices.
    """

    def __init__(
        self, http: httpx.AsyncClient, questions: Sequence[str], marked: Marked, observed: Observed, seed: int
    ) -> None:
        self._http, self._questions, self._marked, self._observed = http, questions, marked, observed
        self._random = random.Random(seed)

    async def run(self, until: float) -> None:
        """Ask until the clock of the event loop says so."""
        kinds = [self._search, self._answer, self._stream, self._chat, self._search_marked, self._read_marked]
        weights = [3, 3, 3, 1, 2, 1]
        while asyncio.get_running_loop().time() < until:
            kind = self._random.choices(kinds, weights)[0]
            name, started = kind.__name__.removeprefix("_"), time.perf_counter()
            try:
                response = await kind()
            except (httpx.HTTPError, json.JSONDecodeError, KeyError) as error:
                self._observed.failures[f"{name}: {type(error).__name__} {error}"] += 1
                continue
            if response.status_code == 429:
                self._observed.told_to_wait += 1
                await asyncio.sleep(min(float(response.headers["retry-after"]), _RETRY))
            elif response.status_code != 200:
                self._observed.failures[f"{name}: {response.status_code} {response.text[:200]}"] += 1
            else:
                self._observed.seconds[name].append(time.perf_counter() - started)

    def _question(self) -> str:
        return self._random.choice(self._questions)

    async def _search(self) -> httpx.Response:
        return await self._http.post("/api/search", json={"question": self._question()})

    async def _answer(self) -> httpx.Response:
        response = await self._http.post("/api/answer", json={"question": self._question()})
        if response.status_code == 200:
            self._observed.cached += response.json()["cached"]
        return response

    async def _stream(self) -> httpx.Response:
        response = await self._http.post("/api/answer", json={"question": self._question(), "stream": True})
        if response.status_code == 200 and "event: done" not in response.text:
            self._observed.failures[f"stream: no end, but {response.text[-200:]!r}"] += 1
        return response

    async def _chat(self) -> httpx.Response:
        messages = [{"role": "user", "content": self._question()}]
        return await self._http.post("/v1/chat/completions", json={"model": "russian-rag", "messages": messages})

    async def _search_marked(self) -> httpx.Response:
        response = await self._http.post("/api/search", json={"question": self._marked.question, "k": 20})
        if response.status_code == 200:
            found = response.json()
            texts = [one["text"] for one in found["candidates"] if one["doc_id"] == self._marked.doc_id]
            self._check(found["generation"], texts)
        return response

    async def _read_marked(self) -> httpx.Response:
        response = await self._http.get(f"/api/documents/{self._marked.doc_id}")
        if response.status_code == 200:
            self._check(response.json()["generation"], [response.json()["text"]])
        return response

    def _check(self, generation: str, texts: list[str]) -> None:
        versions = {version for text in texts for version in self._marked.versions_in(text)}
        self._observed.versions[generation] |= versions
        if len(self._observed.versions[generation]) != 1:
            self._observed.torn.append(f"{generation}: versions {sorted(self._observed.versions[generation])}")


@dataclass(frozen=True, slots=True)
class Marked:
    """A document that is written anew with every update; each of its paragraphs says which version it is of."""

    doc_id: str = "load-marked"
    paragraphs: int = 12

    @property
    def question(self) -> str:
        """What finds its chunks."""
        return "Что записано в журнале нагрузки под номером выпуска?"

    def written(self, version: int) -> dict[str, Any]:
        """The document as the service takes it."""
        paragraph = (
            "Журнал нагрузки, номер выпуска В{version}Ы, абзац {number}. Под этим номером выпуска записано всё, что"
            " измерено за смену: число запросов, время ответа и занятая память. Следующий номер выпуска будет другим."
        )
        paragraphs = [paragraph.format(version=version, number=number) for number in range(self.paragraphs)]
        return {"doc_id": self.doc_id, "title": "Журнал нагрузки", "text": "\n\n".join(paragraphs)}

    def versions_in(self, text: str) -> set[int]:
        """Versions that a text says it is of."""
        return {int(part.partition("Ы")[0]) for part in text.split("выпуска В")[1:]}
