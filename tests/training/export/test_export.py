"""Each kind of model exported once, in 32 and 8 bits, opened by the pipeline and compared with what it was."""

from __future__ import annotations

import json
import shutil
import sys

import numpy as np
import pytest

from generators.base import ReadingTask
from generators.options import GeneratorKind, GeneratorOptions
from rag.components import build_compressor, build_generator
from rag.index import EncoderOptions, IndexOptions, build_index, open_index
from retrievers.checkpoints import read_json
from retrievers.documents import search_text
from retrievers.encoders.huggingface import HuggingFaceEncoder
from retrievers.encoders.onnx import OnnxEncoder, normalize
from retrievers.errors import InputError, MissingExtraError, ModelUnavailableError
from retrievers.scorers.options import CompressorOptions
from training.examples import Example, write_examples
from training.export import __main__ as command
from training.export import exporting, graph, parity
from training.export.options import ExportOptions, ExportTask, Quantization
from training.export.source import open_source
from training.export.traceables import prepare
from training.finetune.card import Task, TrainingRecord, write_card
from training.finetune.evaluation import ranking_task

for package in ("torch", "transformers", "sentence_transformers", "onnxscript"):
    pytest.importorskip(package, reason=f"{package} of the extra train is not installed")
onnx = pytest.importorskip("onnx", reason="onnx of the extra train is not installed")

KINDS = ("dense", "static", "scorer", "reader")
QUESTIONS = ["Где находится Байкал?", "Кто написал роман «Обломов»?", "Куда впадает Волга?"]


@pytest.fixture(scope="module")
def task(demo_chunks):
    chosen = demo_chunks[::40]
    examples = [
        Example(question=" ".join(chunk.page_content.split()[:15]), passage=search_text(chunk)) for chunk in chosen
    ]
    return ranking_task(examples, candidates=6)


@pytest.fixture(scope="module")
def models(tiny_models, tmp_path_factory):
    """A folder a kind."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense, StaticEmbedding

    root = tmp_path_factory.mktemp("models")
    torch.manual_seed(7)
    encoder = tiny_models.save_encoder(root / "encoder" / "multilingual-e5-tiny")
    prompted = tiny_models.save_sentence_encoder(
        root / "prompted", pooling="cls", prompts={"query": "вопрос: ", "passage": "текст: "}
    )
    dense = SentenceTransformer(str(prompted), device="cpu")
    dense.append(Dense(32, 16))
    dense.save_pretrained(str(root / "dense"))
    tokens = tiny_models.wordpiece_tokenizer().backend_tokenizer
    SentenceTransformer(modules=[StaticEmbedding(tokens, embedding_dim=24)], device="cpu").save_pretrained(
        str(root / "static")
    )
    tiny_models.save_scorer(root / "scorer", labels=2)
    tiny_models.save_span_reader(root / "reader")
    folders = {kind: root / kind for kind in KINDS}
    for folder in folders.values():
        _calm(folder)
    return folders | {"bare": encoder}


def _calm(folder) -> None:
    """Smaller random weights, as a network begins with: with those of the fixture 8 bits change every ranking."""
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    weights = load_file(path)
    save_file(
        {name: value * 0.2 if value.ndim > 1 else value for name, value in weights.items()}, path, {"format": "pt"}
    )


@pytest.fixture(scope="module")
def quick_clock():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parity, "_ROUNDS", 2)
        patch.setattr(parity, "BATCHES", (1, 4))
        patch.setattr("training.export.report.BATCHES", (1, 4))
        yield


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    """Where the graphs are kept as they were traced: tracing takes seconds."""
    return tmp_path_factory.mktemp("traced")


@pytest.fixture(scope="module")
def exported(models, task, quick_clock, traced, tmp_path_factory):
    """Exports every kind once: folder and parity by kind."""
    done = {}

    def export(kind: str):
        if kind not in done:
            folder = tmp_path_factory.mktemp("exports") / kind
            folder.mkdir()

            def convert(source, target, options) -> None:
                shutil.copyfile(source, traced / f"{kind}.onnx")
                graph.convert_graph(source, target, options)

            options = ExportOptions(quantize=Quantization.INT8, threads=1, tolerance=1.0)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(exporting, "convert_graph", convert)
                found = exporting.export_model(open_source(str(models[kind])), folder, task, options, name=kind)
            done[kind] = (folder, found)
        return done[kind]

    return export


@pytest.fixture
def without_tracing(exported, traced, monkeypatch):
    """Takes the graph that was traced before, of a kind, in place of tracing anew."""

    def use(kind: str) -> None:
        exported(kind)
        monkeypatch.setattr(exporting, "write_graph", lambda _, path: shutil.copyfile(traced / f"{kind}.onnx", path))

    return use


def test_32_bits_give_the_same_and_8_bits_nearly(kind, exported) -> None:
    _, found = exported(kind)
    model, plain, small = found.variants
    assert (model.name, plain.name, small.name) == ("torch", "onnx", "onnx int8")
    assert plain.agreement.finite == 1
    assert plain.agreement.max_difference < 1e-4
    assert plain.agreement.kendall == pytest.approx(1, abs=0.01)
    assert plain.agreement.top_1 == 1
    assert plain.metrics == pytest.approx(model.metrics, abs=1e-4)
    assert plain.agreement.max_difference < small.agreement.max_difference
    assert small.agreement.kendall > 0.3  # random weights: scores lie close together
    assert small.size < 0.5 * plain.size
    if kind == "reader":
        assert plain.agreement.same_answer == 1
        assert small.agreement.same_answer >= 0.5
    elif kind != "scorer":
        assert 0.9 < small.agreement.cosine < 1
        assert plain.agreement.cosine == pytest.approx(1, abs=1e-6)


def test_the_folder_is_whole_and_holds_no_weights_of_torch(kind, exported) -> None:
    folder, found = exported(kind)
    names = {path.name for path in folder.rglob("*")}
    assert {"model.onnx", "tokenizer.json", "config.json", "training.json", "parity.json", "README.md"} <= names
    assert not [name for name in names if name.endswith((".safetensors", ".bin", ".pt"))]
    kept = json.loads((folder / "parity.json").read_text(encoding="utf-8"))
    assert [one["name"] for one in kept["variants"]] == ["torch", "onnx", "onnx int8"]
    assert kept["variants"][2]["agreement"]["kendall"] == found.variants[2].agreement.kendall
    assert kept["failures"] == []
    record = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    assert record["export"]["quantize"] == "int8"
    assert record["export"]["metrics"] == {}  # there was no evaluation data
    assert record["export"]["size"] == (folder / "model.onnx").stat().st_size
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "## Export against model" in card
    assert "| torch | onnx | onnx int8 |" in card


def test_weights_are_stored_in_8_bits(exported) -> None:
    for kind in ("static", "scorer"):
        folder, _ = exported(kind)
        model = onnx.load(folder / "model.onnx")
        kinds = {one.data_type for one in model.graph.initializer if len(one.dims) == 2 and min(one.dims) > 8}
        assert kinds <= {onnx.TensorProto.INT8, onnx.TensorProto.UINT8}


def test_what_goes_by_a_name_stays_when_the_name_goes(models, tmp_path) -> None:
    traceable = prepare(open_source(str(models["bare"])), tmp_path)
    (tmp_path / "model.onnx").touch()
    recipe = OnnxEncoder(str(tmp_path)).recipe
    assert (recipe.query, recipe.passage, recipe.max_length) == ("query: ", "passage: ", 64)
    assert traceable.inputs == ("input_ids", "attention_mask", "token_type_ids")
    model = HuggingFaceEncoder(str(models["bare"]), device="cpu")
    asked = [f"query: {question}" for question in QUESTIONS]
    encodings = model._model.tokenizer(asked, padding=True, return_tensors="pt")
    vectors = traceable.module(*(encodings[name] for name in traceable.inputs)).detach().numpy()
    np.testing.assert_allclose(normalize(vectors), model.encode_queries(QUESTIONS), atol=1e-4)


def test_no_prefixes_stay_none_under_a_name_that_has_some(exported, tmp_path) -> None:
    folder, _ = exported("static")
    copy = tmp_path / "multilingual-e5-small"
    shutil.copytree(folder, copy)
    assert OnnxEncoder(str(copy)).recipe.query == ""


def test_the_static_export_reads_long_texts_to_their_end(models, exported) -> None:
    folder, _ = exported("static")
    text = "Волга впадает в Каспийское море. " * 400
    model = HuggingFaceEncoder(str(models["static"]), device="cpu").encode([text, "", "Байкал"])
    small = OnnxEncoder(str(folder)).encode([text, "", "Байкал"])
    assert (small[[0, 2]] * model[[0, 2]]).sum(axis=1).min() > 0.99
    assert not small[1].any()


@pytest.mark.parametrize("kind", ["dense", "static"])
def test_an_index_is_built_with_an_exported_encoder_by_name(kind, exported, tmp_path, monkeypatch) -> None:
    from rag.demo import demo_corpus

    folder, _ = exported(kind)
    monkeypatch.setenv("RAG_MODELS", str(tmp_path / "models"))
    shutil.copytree(folder, tmp_path / "models" / "my-encoder")
    pages = sorted(demo_corpus().rglob("*.md"))[:3]
    options = IndexOptions(encoder=EncoderOptions(kind="onnx", model="my-encoder"))
    build_index(pages, tmp_path / "index", options, profile="offline")
    with open_index(tmp_path / "index") as index:
        hits = index.dense().invoke("Где это находится?", k=2)
    assert len(hits) == 2


def test_an_exported_scorer_reranks_by_name(exported, demo_chunks, tmp_path, monkeypatch) -> None:
    folder, _ = exported("scorer")
    monkeypatch.setenv("RAG_MODELS", str(tmp_path))
    shutil.copytree(folder, tmp_path / "my-reranker")
    compressor = build_compressor(None, CompressorOptions(kind="onnx", model="my-reranker"))
    ranked = compressor.compress_documents(demo_chunks[:5], QUESTIONS[0])
    values = [chunk.metadata["scores"]["cross_encoder"] for chunk in ranked]
    assert sorted(values, reverse=True) == values
    assert len(set(values)) > 1


def test_an_exported_reader_reads_and_reranks(exported, demo_chunks) -> None:
    folder, _ = exported("reader")
    generator = build_generator(GeneratorOptions(kind=GeneratorKind.SPAN, model=str(folder)))
    answer = generator.invoke(ReadingTask(QUESTIONS[0], tuple(demo_chunks[:3])))
    assert answer.text
    assert any(answer.evidence[0].chunk_id == chunk.metadata["chunk_id"] for chunk in demo_chunks[:3])
    compressor = build_compressor(None, CompressorOptions(kind="onnx", model=str(folder)))
    assert len(compressor.compress_documents(demo_chunks[:4], QUESTIONS[0])) == 4


def test_exports_run_without_torch(exported) -> None:
    import subprocess

    encoder, scorer = exported("dense")[0], exported("scorer")[0]
    code = (
        "import sys\n"
        "from retrievers.encoders.onnx import OnnxEncoder\nfrom retrievers.scorers.onnx import OnnxScorer\n"
        f"assert OnnxEncoder({str(encoder)!r}).encode(['Волга']).shape == (1, 16)\n"
        f"assert len(OnnxScorer({str(scorer)!r}).score([('а', 'б')])) == 1\n"
        "assert not {'torch', 'transformers', 'onnx'} & set(sys.modules), 'torch came in'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.fixture
def plain(exported, traced, tmp_path):
    """The scorer's export in 32 bits."""
    folder = tmp_path / "plain"
    shutil.copytree(exported("scorer")[0], folder)
    shutil.copyfile(traced / "scorer.onnx", folder / "model.onnx")
    graph.convert_graph(folder / "model.onnx", folder / "model.onnx", ExportOptions())
    return folder


@pytest.mark.parametrize(
    "options",
    [
        ExportOptions(quantize="fp16"),
        ExportOptions(quantize="fp16", optimize=True),
        ExportOptions(optimize=True),
        ExportOptions(quantize="int8", optimize=True),
        ExportOptions(quantize="int8", per_tensor=True, reduce_range=True),
    ],
    ids=lambda options: exporting.variant_name(options) + (" per tensor" if options.per_tensor else ""),
)
def test_other_ways_to_convert(plain, tmp_path, options) -> None:
    from retrievers.scorers.onnx import OnnxScorer

    folder = tmp_path / "copy"
    shutil.copytree(plain, folder)
    graph.convert_graph(plain / "model.onnx", folder / "model.onnx", options)
    pairs = [(question, passage) for question in QUESTIONS for passage in QUESTIONS]
    before, after = OnnxScorer(str(plain)).score(pairs), OnnxScorer(str(folder)).score(pairs)
    allowed = {"none": 1e-5, "fp16": 0.01, "int8": 0.1}[options.quantize]
    assert np.abs(np.subtract(before, after)).max() < allowed
    share = (folder / "model.onnx").stat().st_size / (plain / "model.onnx").stat().st_size
    assert share < {"none": 1.1, "fp16": 0.75, "int8": 0.6}[options.quantize]
    domains = {node.domain for node in onnx.load(folder / "model.onnx").graph.node}
    # On a CPU ONNX Runtime has no fused operators for 16 bits.
    assert ("com.microsoft" in domains) == (options.optimize and options.quantize != "fp16")


def test_a_graph_tells_nothing_of_the_machine_it_was_made_on(plain, traced) -> None:
    assert b"site-packages" in (traced / "scorer.onnx").read_bytes()
    assert b"site-packages" not in (plain / "model.onnx").read_bytes()


@pytest.mark.parametrize("options", [ExportOptions(quantize="fp16"), ExportOptions(quantize="int8", optimize=True)])
def test_weights_too_big_for_a_graph_stand_beside_it(plain, tmp_path, monkeypatch, options) -> None:
    from retrievers.scorers.onnx import OnnxScorer

    monkeypatch.setattr(graph, "_EXTERNAL", 1000)
    folder = tmp_path / "copy"
    shutil.copytree(plain, folder)
    graph.convert_graph(plain / "model.onnx", folder / "model.onnx", options)
    (weights,) = (path.name for path in graph.graph_files(folder) if path.name != "model.onnx")
    assert weights == ("model.onnx.fused.data" if options.optimize else "model.onnx.data")
    small, whole = (OnnxScorer(str(one)).score([(QUESTIONS[0], "Волга")]) for one in (folder, plain))
    assert small == pytest.approx(whole, abs=0.1)


@pytest.fixture
def rows(demo_chunks, tmp_path):
    chosen = demo_chunks[::60]
    write_examples(
        tmp_path / "dev.jsonl",
        [Example(question=str(chunk.metadata["title"]), passage=chunk.page_content) for chunk in chosen],
    )
    return tmp_path / "dev.jsonl"


@pytest.fixture
def spoilt(monkeypatch):
    """A conversion that goes wrong: the last layer's weights are shuffled."""

    def convert(source, target, options) -> None:
        model = onnx.load(source)
        for tensor in model.graph.initializer:
            values = onnx.numpy_helper.to_array(tensor)
            if values.dtype == np.float32 and values.ndim == 2:
                mixed = np.random.default_rng(0).permutation(values.ravel()).reshape(values.shape)
                tensor.CopyFrom(onnx.numpy_helper.from_array(mixed, tensor.name))
        onnx.save(model, target)

    monkeypatch.setattr(exporting, "convert_graph", convert)


def test_a_spoilt_export_is_not_written(models, rows, without_tracing, spoilt, tmp_path, capsys) -> None:
    without_tracing("dense")
    out = tmp_path / "out"
    flags = [str(models["dense"]), "--optimize", "--threads", "1", "--eval", str(rows), "--out", str(out)]
    assert command.main(flags) == 1
    printed = capsys.readouterr()
    assert "not as good as asked for: the cosine of the vectors is" in printed.out
    assert "nothing was written" in printed.err
    assert not [path for path in tmp_path.iterdir() if path.name != "dev.jsonl"]


def test_the_command_carries_the_record_and_replaces_on_demand(models, rows, without_tracing, tmp_path, capsys) -> None:
    without_tracing("scorer")
    model = tmp_path / "my-scorer"
    shutil.copytree(models["scorer"], model)
    record = TrainingRecord(
        task=Task.CROSSENCODER, name="my-scorer", base="DeepPavlov/rubert-base-cased", licence="apache-2.0"
    )
    write_card(model, record)
    content = read_json(model / "training.json") | {"of_a_newer_version": 1}
    (model / "training.json").write_text(json.dumps(content))
    out = tmp_path / "my-scorer-onnx"
    out.mkdir()
    (out / "old.txt").write_text("что-то")
    flags = [str(model), "--quantize", "fp16", "--threads", "1", "--eval", str(rows), "--max-drop", "1"]
    assert command.main([*flags, "--tolerance", "1", "--out", str(out)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert command.main([*flags, "--tolerance", "1", "--out", str(out), "--force"]) == 0
    assert not (out / "old.txt").exists()
    kept = read_json(out / "training.json")
    assert kept["base"] == "DeepPavlov/rubert-base-cased"
    assert kept["of_a_newer_version"] == 1
    assert (kept["name"], kept["exported_from"]) == ("my-scorer-onnx", "my-scorer")
    assert "ndcg@10" in kept["export"]["metrics"]
    card = (out / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\n")
    assert "license: apache-2.0" in card.split("---")[1]
    assert "## Card of the model it was made from\n\n## my-scorer" in card
    assert "--set compressor.kind=onnx --set compressor.model=my-scorer-onnx" in card
    assert "onnx fp16" in capsys.readouterr().out


def test_what_cannot_be_exported_is_told(models, tiny_models, tmp_path, capsys) -> None:
    def refusal(*flags: str) -> str:
        assert command.main([*flags, "--out", str(tmp_path / "out")]) == 2
        return capsys.readouterr().err

    assert "--task reader: the files of" in refusal(str(models["scorer"]), "--task", "reader")
    assert "models that write texts are not exported" in refusal(str(tiny_models.save_causal(tmp_path / "gpt")))
    assert "--corpus goes with --eval" in refusal(str(models["scorer"]), "--corpus", str(tmp_path))
    assert "--threads: " in refusal(str(models["scorer"]), "--threads", "0")
    (tmp_path / "empty").mkdir()
    assert "it is no model" in refusal(str(tmp_path / "empty"))
    three = tiny_models.save_scorer(tmp_path / "three", labels=3)
    assert "3 labels" in refusal(str(three))
    assert not (tmp_path / "out").exists()
    assert command.main([str(models["scorer"]), "--out", str(models["scorer"].parent), "--force"]) == 2
    assert "holds the model that is to be exported" in capsys.readouterr().err


def test_a_reader_without_relevance_is_told_what_to_do(tmp_path) -> None:
    (tmp_path / "config.json").write_text('{"architectures": ["BertForQuestionAnswering"]}')
    with pytest.raises(ModelUnavailableError, match=r"python -m training\.reader --base"):
        open_source(str(tmp_path))


def test_code_that_cannot_be_traced_is_told(tmp_path, monkeypatch) -> None:
    import torch

    def export(*arguments, **options) -> None:
        raise RuntimeError("Failed to export the model. Next steps: …") from ValueError("data-dependent\n  branch")

    monkeypatch.setattr(torch.onnx, "export", export)
    batch = torch.ones((2, 3), dtype=torch.int64)
    traceable = graph.Traceable(torch.nn.Linear(2, 2), ("input_ids", "attention_mask"), ("x",), (batch, batch))
    with pytest.raises(ModelUnavailableError, match="cannot be traced to ONNX: data-dependent branch"):
        graph.write_graph(traceable, tmp_path / "model.onnx")


def test_a_missing_extra_is_named(models, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(MissingExtraError, match=r"\.\[train\]"):
        open_source(str(models["scorer"]))


def test_tasks_are_read_from_the_files(models) -> None:
    found = {kind: open_source(str(folder)).task for kind, folder in models.items()}
    assert found == {
        "bare": ExportTask.BIENCODER,
        "dense": ExportTask.BIENCODER,
        "static": ExportTask.BIENCODER,
        "scorer": ExportTask.CROSSENCODER,
        "reader": ExportTask.READER,
    }
    with pytest.raises(InputError, match="those of a biencoder"):
        open_source(str(models["static"]), ExportTask.CROSSENCODER)
