from __future__ import annotations

import json
import math

import pytest
from langchain_core.documents import Document

from generators.base import Evidence, Generation
from rag.abstention import FEATURES, Calibration, EvidenceJudge, evidence_features, load_calibration
from retrievers.analysis import Analyzer
from retrievers.errors import InputError

IDF = {"глубина": 2.0, "байкал": 6.0}


def idf(term: str) -> float:
    return IDF.get(term, 0.0)


def chunk(chunk_id: str, text: str, score: float) -> Document:
    return Document(id=chunk_id, page_content=text, metadata={"chunk_id": chunk_id, "scores": {"bm25": score}})


DOCUMENTS = [chunk("a_0", "Глубина моря.", 3.0), chunk("b_0", "Глубина Байкала.", 1.0)]


def features(question: str, generation: Generation) -> dict[str, float]:
    values = evidence_features(question, generation, DOCUMENTS, analyzer=Analyzer(), idf=idf)
    return dict(zip(FEATURES, values, strict=True))


def test_features_by_hand() -> None:
    generation = Generation("моря", 0.9, (Evidence("a_0", 8, 12),))
    assert features("Какова глубина Байкала?", generation) == pytest.approx(
        {
            "generator_logit": math.log(9),
            "best_score": 3.0,
            "score_margin": 1.0,
            "cited_coverage": 2 / 8,
            "best_coverage": 1.0,
            "unknown_terms": 0.0,
        }
    )


def test_a_generator_without_a_confidence_or_evidence() -> None:
    found = features("Какова глубина Байкала?", Generation("моря"))
    assert found["generator_logit"] == 0.0
    assert found["cited_coverage"] == found["best_coverage"] == 1.0


def test_a_term_no_document_has_weighs_as_much_as_the_rarest() -> None:
    found = features("Какова глубина Титикаки?", Generation("моря"))
    assert found["unknown_terms"] == 0.5
    assert found["best_coverage"] == pytest.approx(0.5)


def test_the_judge_is_a_logistic_regression() -> None:
    calibration = Calibration(weights={"best_coverage": 2.0}, intercept=-1.0, threshold=0.5)
    judge = EvidenceJudge(calibration, Analyzer(), idf)
    confidence = judge.confidence("Какова глубина Байкала?", Generation("моря"), DOCUMENTS)
    assert confidence == pytest.approx(1 / (1 + math.exp(-1)))


def test_a_calibration_of_ones_own(tmp_path) -> None:
    file = tmp_path / "own.json"
    file.write_text(json.dumps({"weights": {"best_score": 1.0}, "intercept": 0.0, "threshold": 0.4}))
    assert load_calibration(str(file)).threshold == 0.4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not a calibration"),
        ('{"weights": {}, "intercept": 0}', "not a calibration"),
        ('{"weights": {"magic": 1}, "intercept": 0, "threshold": 0.5}', "unknown features magic"),
    ],
)
def test_a_bad_calibration_is_named(tmp_path, content, message) -> None:
    file = tmp_path / "own.json"
    file.write_text(content)
    with pytest.raises(InputError, match=message):
        load_calibration(str(file))


def test_a_missing_calibration_says_how_to_make_one() -> None:
    with pytest.raises(InputError, match=r"python -m training\.calibration"):
        load_calibration("nowhere")
