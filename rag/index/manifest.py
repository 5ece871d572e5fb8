"""What is kept about a generation of an index and about its segments, as JSON."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from rag.index.options import IndexOptions

FORMAT = 2
REMEDY = "run: python -m rag.index repair"  # what an error about damage ends with
NAME = r"\d{6,}-[0-9a-f]{8}"  # of generations, segments and encoders: a number and something random


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EncoderRecord(_Record):
    """The encoder an index was built with.

    Args:
        name: model name, or class of a caller's own embeddings.
        fingerprint: digest of what makes its vectors, where it can tell, else its name and dimension.
        dimension: of its vectors.
        probe: first numbers of the unit vector of a fixed sentence; a changed model moves them.
        own: whether the caller passed the embeddings, and must do so again.
    """

    name: str
    fingerprint: str
    dimension: int
    probe: tuple[float, ...]
    own: bool = False


class StoreRecord(_Record):
    """Where vectors are.

    Args:
        location: ``"chroma"`` (inside each segment) or the URL of a store.
        index_id: of the index, which keeps several indexes in one store apart.
        dimension: of the vectors.
    """

    location: str
    index_id: str
    dimension: int


class FileRecord(_Record):
    """A file that never changes after its generation was published."""

    size: int
    sha256: str


class SegmentRecord(_Record):
    """What a segment is.

    Args:
        name: of its directory.
        documents: how many, deleted ones included.
        chunks: how many, those of deleted documents included.
        chunk_ids_sha256: digest of all chunk ids in the order of its rows.
        files: size and digest of its files, by path relative to it.
    """

    name: str = Field(pattern=f"^{NAME}$")
    documents: int
    chunks: int
    chunk_ids_sha256: str
    files: dict[str, FileRecord]


class Manifest(_Record):
    """What a generation is.

    Args:
        format: version of this layout.
        index_id: identity that all generations of an index share.
        generation: name of its directory.
        created: ISO time, UTC.
        created_by: version of this project.
        profile: name of the profile it was built for.
        options: how it was built.
        encoder: what made its vectors; None without dense retrieval.
        encoder_state: directory of the static encoder's state; None for others.
        store: where the vectors are.
        segments: what it consists of.
        documents: how many, without deleted ones.
        chunks: how many, without those of deleted documents.
        files: size and digest of the generation's own files, by path relative to it.
        encoder_files: of the encoder's state, relative to its directory.
    """

    format: int = FORMAT
    index_id: str
    generation: str
    created: str
    created_by: str
    profile: str
    options: IndexOptions
    encoder: EncoderRecord | None
    encoder_state: str | None = Field(pattern=f"^{NAME}$")
    store: StoreRecord | None
    segments: tuple[SegmentRecord, ...]
    documents: int
    chunks: int
    files: dict[str, FileRecord]
    encoder_files: dict[str, FileRecord]
