from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rag.index.__main__ import main as index_main
from retrievers.encoders.static import StaticEmbeddings, StaticOptions, StaticWeights
from retrievers.word_vectors import word_vectors
from training.examples import Example, write_examples
from training.static_encoder import main

THINGS = ("мост", "маяк", "театр", "вокзал", "музей", "собор", "завод", "парк")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """An index, rows and questions about it."""
    folder = tmp_path_factory.mktemp("static")
    texts = {thing: f"Старый {thing} стоит в центре города с {1800 + at} года." for at, thing in enumerate(THINGS)}
    pages = folder / "pages.jsonl"
    pages.write_text(
        "\n".join(json.dumps({"doc_id": f"d{at}", "title": thing, "text": texts[thing]}, ensure_ascii=False)
                  for at, thing in enumerate(THINGS)), encoding="utf-8",
    )  # fmt: skip
    questions = folder / "questions.jsonl"
    questions.write_text(
        "\n".join(json.dumps({"qid": f"q{at}", "question": f"Где стоит {thing}?", "gold_doc_ids": [f"d{at}"]},
                             ensure_ascii=False) for at, thing in enumerate(THINGS)), encoding="utf-8",
    )  # fmt: skip
    rows = folder / "rows.jsonl"
    write_examples(rows, [Example(question=f"Где {thing}?", passage=texts[thing], title=thing) for thing in THINGS])
    assert index_main(["build", str(pages), "--index", str(folder / "index")]) == 0
    return folder / "index", rows, questions


def test_weights_keep_their_numbers_in_eight_bits(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    importance = generator.normal(size=len(word_vectors())).astype(np.float32)
    weights = StaticWeights(generator.normal(size=(300, 8)).astype(np.float32), importance)
    weights.save(tmp_path / "weights.npz")
    again = StaticWeights.load(tmp_path / "weights.npz")
    assert np.abs(again.projection - weights.projection).max() < np.abs(weights.projection).max() / 200
    assert np.abs(again.importance - importance).max() < np.abs(importance).max() / 200


def test_an_important_word_moves_a_text_more() -> None:
    rows = word_vectors().rows(["мост"])
    importance = np.zeros(len(word_vectors()), np.float32)
    plain = StaticWeights(np.eye(300, dtype=np.float32), importance)
    loud = StaticWeights(plain.projection, importance.copy())
    loud.importance[rows] = 2.0
    texts, options = ["мост и река", "мост", "река"], StaticOptions(dimension=300)
    cosines = []
    for weights in (plain, loud):
        both, bridge, _ = StaticEmbeddings.fit(texts, options, weights=weights).encode(texts)
        cosines.append(float(both @ bridge))
    assert cosines[1] > cosines[0]


def test_the_command_trains_weights_that_the_encoder_takes(
    corpus: tuple[Path, Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sentence_transformers", reason="needs the extra train")
    index, rows, questions = corpus
    out = tmp_path / "weights.npz"
    arguments = ["--train", str(rows), "--index", str(index), "--eval", str(questions), "--out", str(out)]
    assert main([*arguments, "--batch-size", "4", "--epochs", "3"]) == 0
    assert "document hit@1" in capsys.readouterr().out
    encoder = StaticEmbeddings.fit(["мост", "маяк"], StaticOptions(dimension=64), weights=StaticWeights.load(out))
    assert encoder.encode(["мост"]).shape == (1, 64)


@pytest.mark.parametrize(
    ("flags", "message"),
    [(["--epochs", "0"], "--epochs"), (["--out", "weights.bin"], ".npz"), (["--batch-size", "1"], "--batch-size")],
)
def test_bad_options_are_named(
    flags: list[str], message: str, corpus: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sentence_transformers", reason="needs the extra train")
    index, rows, _ = corpus
    assert main(["--train", str(rows), "--index", str(index), *flags]) == 2
    assert message in capsys.readouterr().err
