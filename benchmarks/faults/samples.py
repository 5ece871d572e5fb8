"""Small Russian documents and a quick encoder: what is written thousands of times has to be written in no time."""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray
from typing_extensions import override

from rag.documents.rows import SourceDocument
from retrievers.analysis import lemmas

DIMENSION = 32

BAIKAL = SourceDocument(
    "baikal",
    "Байкал",
    "Байкал — озеро тектонического происхождения. Глубина озера 1642 м.\n\n## Лёд\n\nЛёд стоит до мая — 🧊 до метра.",
    {"topic": "география", "year": 1996},
)
VOLGA = SourceDocument("volga_1", "Волга", "Волга впадает в Каспийское море. Длина реки 3530 км.", {"topic": "реки"})
PUSHKIN = SourceDocument("пушкин", "Пушкин", "Пушкин родился в Москве в 1799 году.", {"topic": "литература"})
FIRST = (BAIKAL, VOLGA, PUSHKIN)

OB = SourceDocument("ob", "Обь", "Обь — река в Сибири. Длина реки 3650 км.", {"topic": "реки"})
LENA = SourceDocument("lena", "Лена", "Лена течёт к морю Лаптевых. Длина реки 4294 км.", {"topic": "реки"})
YENISEI = SourceDocument("yenisei", "Енисей", "Енисей делит Сибирь на западную и восточную.", {"topic": "реки"})
NEXT = SourceDocument("neva", "Нева", "Нева вытекает из Ладожского озера и впадает в Финский залив.", {})
CHANGED = dataclasses.replace(BAIKAL, text=BAIKAL.text + "\n\n## Фауна\n\nВ озере живёт нерпа.")


def lakes(count: int, *, deeper: int = 0) -> list[SourceDocument]:
    """So many documents of one chunk each; the same ones with other texts where the lakes are deeper."""
    return [
        SourceDocument(f"lake_{number}", f"Озеро № {number}", f"Глубина озера {number + deeper} м.", {"number": number})
        for number in range(count)
    ]


QUESTIONS = ("Какова глубина озера Байкал?", "длина реки", "Кто родился в Москве?", "нерпа в озере")


class HashEmbeddings(Embeddings):
    """Counts of hashed lemmas, of length 1: repeatable, and near for texts that share words."""

    fingerprint = f"hash-{DIMENSION}"

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        """Array of shape (n_texts, DIMENSION)."""
        rows = np.zeros((len(texts), DIMENSION), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in lemmas(text):
                row[int.from_bytes(hashlib.sha256(word.encode()).digest()[:4]) % DIMENSION] += 1
        return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), np.float32)

    @override
    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.encode(texts).tolist()  # type: ignore[no-any-return]

    @override
    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]
