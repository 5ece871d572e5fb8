"""Training a span reader end to end on real sentences, and putting the result to use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from generators.base import ReadingTask
from rag.demo import demo_corpus
from training import reader
from training.examples import Example, write_examples
from training.finetune.card import read_record

QUICK = ["--steps", "2", "--batch-size", "4", "--negatives", "1", "--eval-negatives", "1", "--evaluate-every", "1"]


@pytest.fixture(scope="module")
def rows(demo_questions) -> list[Example]:
    """Twenty questions over the demo corpus, each with the sentence that answers it and the one before."""
    from rag.documents.readers import read_sources
    from retrievers.sentences import sentence_spans
    from training.reading.places import Match, answer_places

    sources = {source.doc_id: source for source in read_sources([demo_corpus()])}
    found = []
    for question in demo_questions:
        if len(question["gold_doc_ids"]) != 1 or not question["answers"]:
            continue
        source = sources[question["gold_doc_ids"][0]]
        spans = sentence_spans(source.text)
        for before, (start, end) in zip([spans[0], *spans], spans, strict=False):
            passage = source.text[min(before[0], start) : end]
            answers = tuple(question["answers"])
            row = Example(question=question["question"], passage=passage, answers=answers, doc_id=source.doc_id)
            places, match = answer_places(row)
            if match is Match.EXACT and len(places) == 1 and len(passage) < 400:
                found.append(row)
                break
        if len(found) == 20:
            return found
    raise AssertionError("the demo corpus has fewer than 20 such questions")


@pytest.fixture(scope="module")
def files(rows, tmp_path_factory) -> tuple[Path, Path]:
    """The rows to learn, and the same rows to be measured on: whether a network can learn them is what is tested."""
    folder = tmp_path_factory.mktemp("reader-rows")
    write_examples(folder / "train.jsonl", rows)
    write_examples(folder / "eval.jsonl", rows)
    return folder / "train.jsonl", folder / "eval.jsonl"


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """An encoder of two layers over the demo corpus."""
    for package in ("torch", "transformers", "accelerate"):
        pytest.importorskip(package, reason=f"{package} of the extra train is not installed")
    from training import scratch

    folder = tmp_path_factory.mktemp("reader-base") / "base"
    shape = ["--layers", "2", "--dim", "64", "--heads", "4", "--vocabulary", "2500", "--positions", "128"]
    assert scratch.main(["--texts", str(demo_corpus()), "--out", str(folder), "--dropout", "0", *shape]) == 0
    return folder


@pytest.fixture(scope="module")
def trained(base, files, tmp_path_factory) -> Path:
    """A reader that has learnt the rows by heart."""
    out = tmp_path_factory.mktemp("reader") / "trained"
    flags = ["--epochs", "40", "--batch-size", "10", "--learning-rate", "2e-3", "--negatives", "1"]
    flags += ["--eval-negatives", "1", "--evaluate-every", "40", "--patience", "0", "--metric", "f1+mrr"]
    assert reader.main(command(base, files, out, *flags)) == 0
    return out


def command(base: Path | str, files: tuple[Path, Path], out: Path, *flags: str) -> list[str]:
    return ["--base", str(base), "--train", str(files[0]), "--eval", str(files[1]), "--out", str(out), *flags]


def test_a_network_learns_to_read_rank_and_abstain(trained) -> None:
    metrics = read_record(trained).metrics
    assert metrics.before["em"] < 0.3
    assert metrics.after["em"] > 0.9
    assert metrics.after["mrr@10"] > 0.9
    assert metrics.after["null_auroc"] > 0.9


def test_the_folder_holds_no_pickle_and_is_complete(trained) -> None:
    assert {path.name for path in trained.iterdir() if path.suffix not in {".md", ".svg"}} == {
        "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "training.json", "metrics.json",
    }  # fmt: skip
    card = (trained / "README.md").read_text(encoding="utf-8")
    assert "relevance" in card
    assert not trained.with_name("trained.unfinished").exists()
    settings = json.loads((trained / "config.json").read_text())["reader"]
    assert settings["max_length"] == 128
    assert (settings["confidence_scale"], settings["confidence_bias"]) != (1.0, 0.0)


def test_the_pipeline_reads_and_ranks_with_it(trained, rows) -> None:
    from langchain_core.documents import Document

    from evals.answers import token_f1
    from generators.options import GeneratorOptions
    from rag.components import build_compressor, build_generator
    from retrievers.scorers.options import CompressorOptions

    documents = [
        Document(row.passage, id=f"{at}_0", metadata={"chunk_id": f"{at}_0"}) for at, row in enumerate(rows[:2])
    ]
    compressor = build_compressor(None, CompressorOptions(kind="huggingface", model=str(trained), device="cpu"))
    generator = build_generator(GeneratorOptions(kind="span", model=str(trained), device="cpu"))
    assert compressor is not None
    ranked = compressor.compress_documents(documents, rows[0].question)
    assert [one.page_content for one in ranked] == [rows[0].passage, rows[1].passage]
    found = generator.invoke(ReadingTask(rows[0].question, tuple(ranked)))
    assert token_f1(found.text, rows[0].answers, lemmatize=True) == 1.0
    assert found.evidence[0].chunk_id == "0_0"
    assert found.confidence is not None
    assert found.confidence > 0.5


def test_a_trained_reader_goes_on_learning(trained, files, tmp_path) -> None:
    out = tmp_path / "further"
    assert reader.main(command(trained, files, out, *QUICK, "--learning-rate", "1e-6")) == 0
    record = read_record(out)
    assert record.base == "trained"
    assert record.metrics.before["em"] > 0.9


def test_lora_is_merged_into_plain_weights(base, files, tmp_path) -> None:
    pytest.importorskip("peft", reason="peft of the extra train is not installed")
    from safetensors import safe_open

    out = tmp_path / "lora"
    assert reader.main(command(base, files, out, *QUICK, "--lora-rank", "4", "--learning-rate", "1e-2")) == 0
    with safe_open(out / "model.safetensors", "pt") as new, safe_open(base / "model.safetensors", "pt") as old:
        name = next(name for name in old.keys() if name.endswith("layer.0.attention.self.query.weight"))  # noqa: SIM118
        merged = new.get_tensor(f"encoder.{name.removeprefix('bert.')}")
        assert not any("lora" in name for name in new.keys())  # noqa: SIM118
        assert merged.shape == old.get_tensor(name).shape
        assert not merged.equal(old.get_tensor(name))


def test_every_other_option_together(base, files, tmp_path) -> None:
    flags = ["--relevance-loss", "bce", "--accumulation", "2", "--checkpointing", "--precision", "bf16"]
    flags += ["--max-length", "64", "--stride", "8", "--windows", "2", "--eval-limit", "5", "--name", "small"]
    assert reader.main(command(base, files, tmp_path / "out", *QUICK, *flags)) == 0
    record = read_record(tmp_path / "out")
    assert (record.name, record.options["relevance_loss"]) == ("small", "bce")
    assert json.loads((tmp_path / "out" / "config.json").read_text())["reader"]["stride"] == 8


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--metric", "bleu"], "--metric bleu: the evaluation data has em, f1"),
        (["--max-length", "64", "--stride", "60"], "--stride"),
        (["--relevance-weight", "-1"], "--relevance-weight"),
    ],
)
def test_options_that_cannot_be_are_named(base, files, tmp_path, capsys, flags, message) -> None:
    assert reader.main(command(base, files, tmp_path / "out", *QUICK, *flags)) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_rows_without_any_answer_are_refused(base, files, tmp_path, capsys) -> None:
    write_examples(tmp_path / "rows.jsonl", [Example(question="Кто?", passage="Мост стоит.", answers=("Орлов",))])
    assert reader.main(command(base, (tmp_path / "rows.jsonl", files[1]), tmp_path / "out", *QUICK)) == 2
    assert "no training row has its answer in its passage" in capsys.readouterr().err


def test_a_missing_base_and_a_taken_folder_are_named(files, tmp_path, capsys) -> None:
    pytest.importorskip("torch", reason="torch of the extra train is not installed")
    assert reader.main(command(tmp_path / "none", files, tmp_path / "out")) == 2
    assert "there is no folder" in capsys.readouterr().err
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    assert reader.main(command(tmp_path / "none", files, tmp_path / "taken")) == 2
    assert "exists already" in capsys.readouterr().err


def test_documents_on_both_sides_are_warned_of(files, tmp_path, caplog) -> None:
    pytest.importorskip("torch", reason="torch of the extra train is not installed")
    reader.main(command(tmp_path / "none", files, tmp_path / "out"))
    assert "are both trained and measured on" in caplog.text


def test_the_help_needs_no_extra(capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        reader.main(["--help"])
    assert stop.value.code == 0
    assert "--relevance-weight" in capsys.readouterr().out
