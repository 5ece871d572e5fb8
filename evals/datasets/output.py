"""What every loader gives, and the folder it becomes: ``questions.jsonl``, ``corpus.jsonl`` and ``manifest.json``."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from evals.dataset import Question, write_questions
from evals.datasets.hub import Origin
from evals.files import atomic_write
from rag.documents.rows import SourceDocument, make_document
from rag.errors import first_mistake
from rag.index.progress import Progress, silent, watched
from retrievers.analysis import words
from retrievers.errors import InputError

QUESTIONS, CORPUS, MANIFEST = "questions.jsonl", "corpus.jsonl", "manifest.json"

# Why a question is left out, as the manifest counts it.
NO_RELEVANT_DOCUMENT = "no_relevant_document"
RELEVANT_WITHOUT_TEXT = "relevant_document_without_text"
RELEVANT_UNKNOWN = "relevant_document_unknown"


class FoundDocument(NamedTuple):
    """A document and where it was found."""

    place: str
    document: SourceDocument


class Gold(NamedTuple):
    """A document that answers a question, and where that is said."""

    doc_id: str
    place: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A question whose gold documents have not been looked up in the corpus yet."""

    place: str
    qid: str
    question: str
    gold: Sequence[Gold] = ()
    answers: Sequence[str] = ()
    answerable: bool = True
    paragraph: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A data set as a loader read it.

    Args:
        name: of the loader.
        questions: in the order they are to be written.
        documents: read while they are written, so that a corpus may be larger than memory; None where there is none.
        inputs: files that were read; the manifest holds their digests.
        dropped: how many questions the loader left out, by reason.
        unknown_queries: ids and places of judgements whose question is in no file.
        options: those the content depends on.
        origins: data sets of the hub the files came from.
        licence: of the data, where it is known.
    """

    name: str
    questions: Sequence[Draft]
    documents: Iterable[FoundDocument] | None
    inputs: Sequence[Path]
    dropped: Mapping[str, int] = field(default_factory=dict)
    unknown_queries: Sequence[Gold] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    origins: Sequence[Origin] = ()
    licence: str | None = None


def found_document(place: str, doc_id: object, title: str, text: str) -> FoundDocument:
    """A checked document.

    Raises:
        InputError: its id or text cannot stand in an index.
    """
    return FoundDocument(place, make_document(doc_id, title, text, {}, place))


def check_target(out: Path, *, force: bool) -> None:
    """Make sure that a folder may be written before anything long is begun.

    Raises:
        InputError: it is a file, or holds something; with ``force``, something other than an earlier data set.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise InputError(f"{out} is a file; name a new folder with --out")
    foreign = sorted(path.name for path in out.iterdir() if path.name not in {QUESTIONS, CORPUS, MANIFEST})
    if foreign:
        raise InputError(f"{out} holds files of other kinds ({', '.join(foreign[:3])}); name a new folder with --out")
    if not force and any(out.iterdir()):
        raise InputError(f"{out} holds a data set already; name another folder, or replace it with --force")


def write_dataset(
    source: Source, out: Path, *, force: bool = False, skip_unknown: bool = False, progress: Progress = silent
) -> dict[str, Any]:
    """Write a data set's folder; it appears whole or not at all, and the same input makes the same bytes.

    Args:
        source: what a loader read.
        out: the folder.
        force: replace an earlier data set.
        skip_unknown: leave out (and count) judgements of unknown questions and documents instead of refusing them.
        progress: told of the documents written.

    Returns:
        The manifest.

    Raises:
        InputError: the folder cannot be written; an id repeats or is unknown; a question has a field that cannot be
            used; no question is left.
    """
    out = out.resolve()
    check_target(out, force=force)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-"))
        try:
            manifest = _fill(draft, source, skip_unknown, progress)
            draft.chmod(0o755)
            _put_in_place(draft, out)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    except OSError as error:
        raise InputError(f"{out}: cannot be written: {error.strerror or error}") from error
    return manifest


def _fill(folder: Path, source: Source, skip_unknown: bool, progress: Progress) -> dict[str, Any]:
    if source.unknown_queries and not skip_unknown:
        first = source.unknown_queries[0]
        raise InputError(
            f"{first.place}: the question {first.doc_id!r} is in no file of questions; "
            "--skip-unknown leaves such judgements out and counts them"
        )
    corpus = _Corpus()
    if source.documents is not None:
        documents = watched(source.documents, "documents", progress)
        with atomic_write(folder / CORPUS) as file:
            for document in corpus.take(documents):
                file.write(json.dumps(document.to_row(), ensure_ascii=False) + "\n")
    resolved = _Resolved(Counter(source.dropped))
    for draft in source.questions:
        resolved.take(draft, corpus if source.documents is not None else None, skip_unknown)
    if not resolved.questions:
        reasons = ", ".join(f"{count} {reason}" for reason, count in resolved.dropped.items()) or "none was read"
        raise InputError(f"no question is left to write ({reasons})")
    write_questions(folder / QUESTIONS, resolved.questions)
    manifest = _manifest(folder, source, corpus, resolved)
    with atomic_write(folder / MANIFEST) as file:
        file.write(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n")
    return manifest


@dataclass(slots=True)
class _Corpus:
    """Ids of the documents that went by."""

    ids: set[str] = field(default_factory=set)
    without_text: set[str] = field(default_factory=set)

    def take(self, documents: Iterable[FoundDocument]) -> Iterator[SourceDocument]:
        """Documents with text, as they are to be written."""
        for place, document in documents:
            doc_id = document.doc_id
            if doc_id in self.ids or doc_id in self.without_text:
                raise InputError(f"{place}: the document id {doc_id!r} stands twice in the corpus")
            if document.text.strip():
                self.ids.add(doc_id)
                yield document
            else:
                self.without_text.add(doc_id)  # an index would leave it out


@dataclass(slots=True)
class _Resolved:
    """Questions that are written, and what was left out on the way."""

    dropped: Counter[str]
    unknown_documents: int = 0
    questions: list[Question] = field(default_factory=list)
    _places: dict[str, str] = field(default_factory=dict)

    def take(self, draft: Draft, corpus: _Corpus | None, skip_unknown: bool) -> None:
        if draft.qid in self._places:
            raise InputError(f"{draft.place}: field qid: {draft.qid!r} stands already at {self._places[draft.qid]}")
        self._places[draft.qid] = draft.place
        known = list(dict.fromkeys(gold.doc_id for gold in draft.gold))
        reason = RELEVANT_WITHOUT_TEXT
        if corpus is not None:
            for gold in draft.gold:
                if gold.doc_id not in corpus.ids and gold.doc_id not in corpus.without_text:
                    if not skip_unknown:
                        raise InputError(
                            f"{gold.place}: the document {gold.doc_id!r} of the question {draft.qid!r} is not in the "
                            "corpus; --skip-unknown leaves such judgements out and counts them"
                        )
                    self.unknown_documents += 1
                    reason = RELEVANT_UNKNOWN
            known = [doc_id for doc_id in known if doc_id in corpus.ids]
        if draft.gold and not known:
            self.dropped[reason] += 1
            return
        self.questions.append(_question(draft, known))


def _question(draft: Draft, gold_doc_ids: Sequence[str]) -> Question:
    paragraph = draft.paragraph if draft.paragraph and words(draft.paragraph) else None
    answers = dict.fromkeys(answer.strip() for answer in draft.answers)
    try:
        return Question(
            qid=draft.qid,
            question=draft.question.strip(),
            answers=tuple(answer for answer in answers if answer),
            gold_doc_ids=tuple(gold_doc_ids),
            answerable=draft.answerable,
            paragraph=paragraph,
        )
    except ValidationError as error:
        raise InputError(f"{draft.place}: {first_mistake(error)}") from error


def _manifest(folder: Path, source: Source, corpus: _Corpus, resolved: _Resolved) -> dict[str, Any]:
    """What was read and written; no times and no folders of this machine, so that the same input makes the same."""
    written = resolved.questions
    manifest: dict[str, Any] = {
        "source": source.name,
        "origins": [dataclasses.asdict(origin) for origin in source.origins],
        "licence": source.licence,
        "options": dict(source.options),
        "inputs": [_file(path) for path in source.inputs],
        "questions": {
            "read": len(written) + sum(resolved.dropped.values()),
            "written": len(written),
            "dropped": dict(sorted(resolved.dropped.items())),
            "with_answers": sum(bool(question.answers) for question in written),
            "unanswerable": sum(not question.answerable for question in written),
            "with_paragraph": sum(question.paragraph is not None for question in written),
        },
        "judgements_skipped": {
            "unknown_question": len(source.unknown_queries),
            "unknown_document": resolved.unknown_documents,
        },
    }
    outputs = [folder / QUESTIONS]
    if source.documents is not None:
        dropped = {"without_text": len(corpus.without_text)} if corpus.without_text else {}
        manifest["documents"] = {"written": len(corpus.ids), "dropped": dropped}
        outputs.append(folder / CORPUS)
    return {**manifest, "outputs": [_file(path) for path in outputs]}


def _file(path: Path) -> dict[str, Any]:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": digest}


def _put_in_place(draft: Path, out: Path) -> None:
    if not out.exists():
        draft.rename(out)
        return
    old = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-old-"))
    out.rename(old)  # over the empty folder just made
    try:
        draft.rename(out)
    except OSError:
        old.rename(out)
        raise
    shutil.rmtree(old)
