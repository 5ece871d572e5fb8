"""Train the offline encoder's projection and word weights: ``python -m training.static_encoder --help``.

Word vectors stay as they are; what is learned is small and holds for words that training never saw: a projection,
and how much each word counts. The trainer and the losses are those of sentence-transformers: multiple negatives
ranking (the other passages of a batch are wrong: Henderson et al., 2017, arXiv:1705.00652) inside Matryoshka (leading
dimensions are trained to stand alone: Kusupati et al., 2022, arXiv:2205.13147).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from langchain_core.documents import Document
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from evals.dataset import Question, read_questions
from evals.metrics import hit_at_k, rank_documents, reciprocal_rank_at_k
from evals.relevance import find_relevant
from rag.command import run_command
from retrievers.analysis import Analyzer
from retrievers.checkpoints import require_packages
from retrievers.documents import chunk_id_of, search_text
from retrievers.encoders.static import Projection, StaticEmbeddings, StaticOptions, StaticWeights
from retrievers.errors import InputError
from retrievers.word_vectors import word_vectors
from training.examples import read_examples

if TYPE_CHECKING:
    from rag.index import Index

_LOSS_DIMENSIONS = (256, 128, 64)
_SCALE = 20.0  # of cosines in the loss, as sentence-transformers has it by default
_FASTER = 20.0  # learning rate of the words' importance beside that of the projection: it starts from nothing
_DEPTH = 100  # passages ranked for each evaluation question
_CUTOFFS = (1, 5, 10, 20)


class _Bag:
    """Texts as lemma ids and counts; each distinct text is analysed once."""

    def __init__(self) -> None:
        self.ids: dict[str, int] = {}
        self._analyzer = Analyzer()
        self._known: dict[str, tuple[list[int], list[float]]] = {}

    def __call__(self, text: str) -> tuple[list[int], list[float]]:
        if text not in self._known:
            counts = Counter(self._analyzer(text))
            ids = [self.ids.setdefault(lemma, len(self.ids)) for lemma in counts]
            self._known[text] = ids, [float(count) for count in counts.values()]
        return self._known[text]


def _module(bag: _Bag, words: NDArray[np.float32], idf: NDArray[np.float32], start: StaticEmbeddings) -> Any:
    """The encoder as a sentence-transformers module with the same arithmetic as :class:`StaticEmbeddings`.

    Args:
        bag: knows all texts that will come.
        words: vectors of the bag's lemmas, shape (n_lemmas, 300).
        idf: of them, shape (n_lemmas,).
        start: encoder to start from.
    """
    import torch
    from sentence_transformers.base.modules import InputModule
    from torch.nn import functional

    class WeightedBag(InputModule):
        def __init__(self) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self.register_buffer("words", torch.from_numpy(words))
            self.register_buffer("idf", torch.from_numpy(idf))
            self.register_buffer("mean", torch.from_numpy(start.mean))
            self.importance = torch.nn.Parameter(torch.zeros(len(words)))
            self.projection = torch.nn.Parameter(torch.from_numpy(start.projection.copy()))

        def preprocess(self, inputs: Any, prompt: str | None = None, **kwargs: Any) -> dict[str, Any]:  # noqa: ARG002
            bags = [bag(text) for text in inputs]
            starts = np.cumsum([0, *(len(ids) for ids, _ in bags)])[:-1]
            return {
                "input_ids": torch.tensor([one for ids, _ in bags for one in ids], dtype=torch.long),
                "counts": torch.tensor([one for _, counts in bags for one in counts]),
                "offsets": torch.from_numpy(starts),
            }

        def forward(self, features: dict[str, Any], **_: Any) -> dict[str, Any]:
            ids = features["input_ids"]
            weights = features["counts"] * self.idf[ids] * torch.exp(self.importance[ids])
            sums = functional.embedding_bag(
                ids, self.words, features["offsets"], mode="sum", per_sample_weights=weights
            )
            centred = functional.normalize(sums, dim=1) - self.mean
            features["sentence_embedding"] = functional.normalize(centred @ self.projection, dim=1)
            return features

        def get_embedding_dimension(self) -> int:
            return int(self.projection.shape[1])

        def save(self, output_path: str, *_: Any, **__: Any) -> None:
            self.save_torch_weights(output_path)

    return WeightedBag()


@dataclass(frozen=True, slots=True)
class Pair:
    """A question, or what stands for one, and the text it should find."""

    anchor: str
    positive: str


def heading_pairs(chunks: Sequence[Document]) -> list[Pair]:
    """Title and heading of every chunk that has both, with the chunk as an index holds it, under that very heading.

    The heading stands in the text: what is learned is how much titles and headings say about what stands below them.
    """
    return [
        Pair(f"{chunk.metadata['title']} {chunk.metadata['headings']}", search_text(chunk))
        for chunk in chunks
        if chunk.metadata.get("title") and chunk.metadata.get("headings")
    ]


def train(pairs: Sequence[Pair], texts: Sequence[str], options: argparse.Namespace) -> StaticWeights:
    """Projection and importance of words, learned on pairs.

    Args:
        pairs: to learn from.
        texts: a corpus, for idf, mean, and the principal directions that training starts from.
        options: ``epochs``, ``batch_size``, ``learning_rate``, ``seed``.
    """
    import torch
    from datasets import Dataset
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.sentence_transformer.losses import MatryoshkaLoss, MultipleNegativesRankingLoss
    from sentence_transformers.sentence_transformer.training_args import BatchSamplers

    torch.manual_seed(options.seed)
    start = StaticEmbeddings.fit(texts, StaticOptions(projection=Projection.CORPUS, dimension=_LOSS_DIMENSIONS[0]))
    bag = _Bag()
    rows = [asdict(pair) for pair in pairs]
    for pair in pairs:
        bag(pair.anchor)
        bag(pair.positive)
    lemmas = list(bag.ids)
    module = _module(bag, start.word_matrix(lemmas), start.word_weights(lemmas), start)
    model = SentenceTransformer(modules=[module], device="cpu")
    loss = MatryoshkaLoss(
        model, MultipleNegativesRankingLoss(model, scale=_SCALE), list(_LOSS_DIMENSIONS), n_dims_per_step=-1
    )
    optimizer = torch.optim.Adam(
        [
            {"params": [module.projection], "lr": options.learning_rate},
            {"params": [module.importance], "lr": options.learning_rate * _FASTER},
        ]
    )
    updates = max(1, round(options.epochs * len(rows) / options.batch_size))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda at: max(0.02, 1.0 - at / updates))
    with tempfile.TemporaryDirectory() as scratch:
        trainer = SentenceTransformerTrainer(
            model=model,
            args=SentenceTransformerTrainingArguments(
                output_dir=scratch,
                num_train_epochs=options.epochs,
                per_device_train_batch_size=options.batch_size,
                batch_sampler=BatchSamplers.NO_DUPLICATES,
                seed=options.seed,
                use_cpu=True,
                save_strategy="no",
                report_to=[],
                logging_steps=50,
                disable_tqdm=not sys.stderr.isatty(),
            ),
            train_dataset=Dataset.from_list(rows),
            loss=loss,
            optimizers=(optimizer, schedule),
        )
        trainer.train()
    return _weights(module, lemmas)


def _weights(module: Any, lemmas: Sequence[str]) -> StaticWeights:
    vectors = word_vectors()
    rows = vectors.rows(lemmas)
    importance = np.zeros(len(vectors), np.float32)
    importance[rows[rows >= 0]] = module.importance.detach().numpy()[rows >= 0]
    return StaticWeights(module.projection.detach().numpy().copy(), importance)


def _chunks(index: Index) -> list[Document]:
    return list(index.chunks.get_many(list(range(len(index.chunks.chunk_ids())))))


def quality(encoder: StaticEmbeddings, index: Index, questions: Sequence[Question]) -> dict[str, float]:
    """Exact search over all chunks of ``index``: document hit@k and MRR@10, chunk hit@k where gold chunks are known."""
    chunks = _chunks(index)
    vectors = encoder.encode([search_text(chunk) for chunk in chunks])
    sums: defaultdict[str, float] = defaultdict(float)
    asked = [question for question in questions if question.gold_doc_ids]
    answered = 0
    for question, scores in zip(asked, encoder.encode([one.question for one in asked]) @ vectors.T, strict=True):
        best = np.argsort(-scores, kind="stable")[:_DEPTH]
        documents = rank_documents(chunks[at] for at in best)
        for k in _CUTOFFS[:3]:
            sums[f"document hit@{k}"] += hit_at_k(documents, question.gold_doc_ids, k)
        sums["document MRR@10"] += reciprocal_rank_at_k(documents, question.gold_doc_ids, 10)
        if relevant := find_relevant(question, index.chunks.chunks_of):
            answered += 1
            ids = [chunk_id_of(chunks[at]) for at in best]
            for k in _CUTOFFS:
                sums[f"chunk hit@{k}"] += hit_at_k(ids, relevant, k)
    return {name: total / (answered if name.startswith("chunk") else len(asked)) for name, total in sums.items()}


def build_parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog="python -m training.static_encoder", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument(
        "--train", type=Path, nargs="+", required=True, metavar="FILE", help="rows of question, passage"
    )
    parser.add_argument("--index", type=Path, required=True, metavar="DIR", help="index whose chunks are the corpus")
    parser.add_argument(
        "--no-headings", dest="headings", action="store_false",
        help="do not train on the index's own titles and headings with the chunks under them",
    )  # fmt: skip
    parser.add_argument(
        "--eval", type=Path, nargs="*", default=[], metavar="FILE", help="evaluation files about the same index"
    )
    parser.add_argument("--epochs", type=float, default=2.0, metavar="N", help="passes over the rows (default: 2)")
    parser.add_argument("--batch-size", type=int, default=256, metavar="N", help="pairs of a batch (default: 256)")
    parser.add_argument("--learning-rate", type=float, default=3e-4, metavar="X", help="(default: 3e-4)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of every random choice (default: 0)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="weights to write (.npz)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse flags and train."""
    arguments = build_parser().parse_args(argv)
    return run_command(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    require_packages("training the static encoder", "torch", "sentence_transformers", "datasets", extra="train")
    from rag.index import open_index

    if arguments.epochs <= 0 or arguments.batch_size < 2 or arguments.learning_rate <= 0:
        raise InputError("expected --epochs and --learning-rate above 0 and --batch-size of at least 2")
    if arguments.out and arguments.out.suffix != ".npz":
        raise InputError(f"--out {arguments.out}: expected a name that ends in .npz")
    pairs = [Pair(row.question, row.text) for path in arguments.train for row in read_examples(path)]
    evaluation = {path.stem: read_questions(path) for path in arguments.eval}
    with open_index(arguments.index) as index:
        chunks = _chunks(index)
        texts = [search_text(chunk) for chunk in chunks]
        weights = train(pairs + (heading_pairs(chunks) if arguments.headings else []), texts, arguments)
        encoders = {
            "corpus directions": StaticEmbeddings.fit(texts, StaticOptions(projection=Projection.CORPUS)),
            "trained": StaticEmbeddings.fit(texts, weights=weights),
        }
        figures = {
            (name, file): quality(encoder, index, questions)
            for file, questions in evaluation.items()
            for name, encoder in encoders.items()
        }
    if figures:
        _print(figures)
    if arguments.out:
        weights.save(arguments.out)
    return 0


def _print(figures: dict[tuple[str, str], dict[str, float]]) -> None:
    names = list(dict.fromkeys(name for values in figures.values() for name in values))
    table = Table("encoder", "questions", *names, box=None)
    for (encoder, file), values in figures.items():
        table.add_row(encoder, file, *(f"{values[name]:.3f}" if name in values else "–" for name in names))
    Console(width=200).print(table)


if __name__ == "__main__":
    sys.exit(main())
