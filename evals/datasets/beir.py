"""BEIR folders, and the retrieval tasks of mteb and RusBEIR in the same shape on the Hugging Face hub.

A corpus and queries (``_id`` or ``id``, ``text``, and a corpus's ``title``) and judgements (``query-id``,
``corpus-id``, ``score``), each in one file or in a folder of several. The shape is BEIR's (Thakur et al. 2021,
https://github.com/beir-cellar/beir); mteb keeps each part in a folder of Parquet files, RusBEIR the judgements in a
data set of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.datasets.hub import Origin, Snapshot
from evals.datasets.output import NO_RELEVANT_DOCUMENT, Draft, FoundDocument, Gold, Source, found_document
from evals.datasets.qrels import Judgement, read_qrels, relevant
from evals.datasets.reading import ROW_SUFFIXES, natural_order, read_rows
from retrievers.errors import InputError

_QREL_SUFFIXES = (".tsv", *ROW_SUFFIXES)


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of a data set in BEIR's shape."""

    corpus: Sequence[Path]
    queries: Sequence[Path]
    qrels: Sequence[Path]
    origins: Sequence[Origin] = ()

    @property
    def licence(self) -> str | None:
        """As the hub's card of the corpus states it."""
        return self.origins[0].licence if self.origins else None


def find_layout(folder: Path, split: str, *, qrels: Path | None = None, subset: str | None = None) -> Layout:
    """Find the files of a split.

    Args:
        folder: with ``corpus`` and ``queries``, as files or folders.
        split: of the judgements: ``test``, ``dev``, ``train``.
        qrels: file of judgements, or the folder they are in where that is another one.
        subset: prefix of the parts where one data set holds several languages: ``ru`` finds ``ru-corpus``.

    Raises:
        InputError: a part is missing; says what was looked for.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected one with corpus, queries and qrels")
    if qrels is not None and qrels.is_file():
        judgements = [qrels]
    else:
        judgements = _find_qrels(folder if qrels is None else qrels, split, subset)
    return Layout(
        corpus=_find_part(folder, "corpus", split, subset),
        queries=_find_part(folder, "queries", split, subset),
        qrels=judgements,
    )


def find_snapshots(data: Snapshot, qrels: Snapshot | None, split: str, *, subset: str | None = None) -> Layout:
    """Find the files of a split in what was fetched from the hub."""
    found = find_layout(data.folder, split, qrels=qrels.folder if qrels else None, subset=subset)
    origins = [data.origin, qrels.origin] if qrels else [data.origin]
    return Layout(found.corpus, found.queries, found.qrels, origins)


def load_beir(layout: Layout, *, min_score: float = 1) -> Source:
    """Read a data set in BEIR's shape; it has no answers.

    Args:
        layout: its files.
        min_score: a document counts as gold from this score on.

    Raises:
        InputError: a file, line or field cannot be used.
    """
    gold = relevant(_judgements(layout.qrels), min_score)
    drafts: list[Draft] = []
    dropped = 0
    seen: set[str] = set()
    for row in (row for path in layout.queries for row in read_rows(path)):
        qid = row.identifier("_id", "id")
        seen.add(qid)
        if qid not in gold:
            dropped += 1
            continue
        documents = [Gold(judgement.doc_id, judgement.place) for judgement in gold[qid]]
        drafts.append(Draft(row.place, qid, row.text("text"), documents))
    return Source(
        name="beir",
        questions=drafts,
        documents=read_corpus(layout.corpus),
        inputs=[*layout.corpus, *layout.queries, *layout.qrels],
        dropped={NO_RELEVANT_DOCUMENT: dropped} if dropped else {},
        unknown_queries=[Gold(qid, found[0].place) for qid, found in gold.items() if qid not in seen],
        options={"min_score": min_score},
        origins=layout.origins,
        licence=layout.licence,
    )


def read_corpus(paths: Sequence[Path]) -> Iterator[FoundDocument]:
    """Documents of a corpus, read one by one."""
    for path in paths:
        for row in read_rows(path):
            doc_id = row.identifier("_id", "id")
            yield found_document(row.place, doc_id, row.optional_text("title"), row.optional_text("text"))


def _judgements(paths: Sequence[Path]) -> Iterator[Judgement]:
    for path in paths:
        yield from read_qrels(path)


def _find_part(folder: Path, part: str, split: str, subset: str | None) -> list[Path]:
    name = f"{subset}-{part}" if subset else part
    for place in (folder, folder / "data"):
        for suffix in ROW_SUFFIXES:
            if (path := place / f"{name}{suffix}").is_file():
                return [path]
    inside = _files(folder / name, ROW_SUFFIXES)
    if of_split := [path for path in inside if _is_of_split(path, split)]:
        return of_split
    if inside:
        return inside
    if parts := [path for path in _files(folder / "data", ROW_SUFFIXES) if path.name.startswith(f"{name}-")]:
        return parts
    raise InputError(
        f"{folder}: no {part} found; expected {name}.jsonl or a folder {name} with .jsonl or .parquet files, "
        f"found {_listing(folder)}"
    )


def _find_qrels(folder: Path, split: str, subset: str | None) -> list[Path]:
    name = f"{subset}-qrels" if subset else "qrels"
    places = [folder / name] if subset else [folder / name, folder, folder / "default", folder / "data"]
    for place in places:
        if found := [path for path in _files(place, _QREL_SUFFIXES) if _is_of_split(path, split)]:
            return found
    raise InputError(
        f"{folder}: no judgements of the split {split!r} found; expected {name}/{split}.tsv, {split}.tsv or "
        f"{name}/{split}-….parquet, found {_listing(folder / name if (folder / name).is_dir() else folder)}"
    )


def _is_of_split(path: Path, split: str) -> bool:
    return path.name.startswith((f"{split}.", f"{split}-"))


def _files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    if not folder.is_dir():
        return []
    return natural_order(path for path in folder.iterdir() if path.is_file() and path.name.lower().endswith(suffixes))


def _listing(folder: Path) -> str:
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    return ", ".join(names[:8]) or "nothing"
