from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from langchain_core.documents import Document

from retrievers.errors import ModelUnavailableError
from retrievers.joint.model import JointModel, Passage, default_graph, load_joint_model

QUESTION = "Кто написал роман «Обломов»?"
RIGHT = Passage("Гончаров, Иван Александрович", "Роман «Обломов» написал Иван Гончаров в 1859 году.")
WRONG = Passage("Байкал", "Озеро Байкал находится в Восточной Сибири. Его глубина 1642 метра.")


def test_the_shipped_network_ranks_and_reads() -> None:
    right, wrong = load_joint_model().read(QUESTION, [RIGHT, WRONG])
    assert right.relevance > wrong.relevance
    assert right.spans.max() > wrong.spans.max()
    first, length = np.unravel_index(int(right.spans.argmax()), right.spans.shape)
    start, stop = int(right.tokens.starts[first]), int(right.tokens.stops[first + length])
    assert "Гончаров" in RIGHT.text[start:stop]


def test_a_passage_scores_the_same_in_any_company() -> None:
    model = JointModel(default_graph())
    alone = model.read(QUESTION, [RIGHT])[0]
    other = JointModel(default_graph())
    among = other.read(QUESTION, [WRONG, Passage("", ""), RIGHT, Passage("", "…")])[2]
    assert among.relevance == pytest.approx(alone.relevance, abs=1e-4)
    assert np.allclose(among.spans, alone.spans, atol=1e-3)


def test_results_are_computed_once() -> None:
    model = load_joint_model()
    assert model.read(QUESTION, [RIGHT])[0] is model.read(QUESTION, [WRONG, RIGHT])[1]


def test_a_chunk_is_read_under_its_title_and_headings() -> None:
    chunk = Document("Текст.", metadata={"title": "Байкал", "headings": "География"})
    assert Passage.of(chunk) == Passage("Байкал География", "Текст.")


def test_a_broken_graph_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "graph.onnx"
    path.write_bytes(b"no graph")
    with pytest.raises(ModelUnavailableError, match="does not load"):
        JointModel(path)
