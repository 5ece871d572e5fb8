"""What an index is made with: how documents are cut, analysed and encoded."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rag.documents.chunking import ChunkingOptions
from retrievers.analysis import Analyzer, TermForm
from retrievers.bm25 import BM25Options


class EncoderKind(StrEnum):
    """Families of encoders."""

    STATIC = "static"
    HUGGINGFACE = "huggingface"
    ONNX = "onnx"
    NONE = "none"


class _Options(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AnalysisOptions(_Options):
    """How text becomes index terms.

    Args:
        form: lemma, Snowball stem, the folded word, or lemma and stem as two terms.
        stop: leave out stop words.
    """

    form: TermForm = TermForm.LEMMA
    stop: bool = True

    def analyzer(self) -> Analyzer:
        """The analyser these options describe, for documents and questions alike."""
        return Analyzer(form=self.form, stop=self.stop)


class EncoderOptions(_Options):
    """What turns chunks and questions into vectors.

    Args:
        kind: the offline static encoder, a Hugging Face model, an exported (ONNX) model, or none: no dense retrieval.
        model: hub name or path of the model; the static encoder and ``none`` have no model.
        revision: commit, tag or branch of a hub model.
        device: ``"cpu"``, ``"cuda"``, … or None for the best one at hand; it may change after the index is built.
        batch_size: texts encoded at once by a neural encoder; it may change after the index is built.
    """

    kind: EncoderKind = EncoderKind.STATIC
    model: str | None = None
    revision: str | None = None
    device: str | None = None
    batch_size: int = Field(default=32, ge=1)

    @model_validator(mode="after")
    def _check_model(self) -> Self:
        named = self.kind in {EncoderKind.HUGGINGFACE, EncoderKind.ONNX}
        if named and not self.model:
            raise ValueError(f'the {self.kind} encoder needs a model: encoder = {{kind = "{self.kind}", model = "…"}}')
        if not named and self.model:
            raise ValueError(f"the encoder kind {self.kind} takes no model, got {self.model!r}")
        return self

    def same_vectors(self, other: EncoderOptions) -> bool:
        """Whether both describe the same encoder: kind, model and revision."""
        return (self.kind, self.model, self.revision) == (other.kind, other.model, other.revision)


class IndexOptions(_Options):
    """Everything an index is made with; kept in its manifest, so later additions are made the same way.

    Args:
        chunking: how documents are cut.
        analysis: how texts become terms.
        bm25: scoring of the stored BM25 index.
        encoder: what makes the vectors.
        entities: find names of people, places and organisations in each chunk and keep them as the metadata
            ``entities`` (about 150 000 characters a second and core).
        tfidf: store the TF-IDF baseline too.
        segment_chunks: chunks of one segment at most, where no single document has more; a big index is cut into
            segments by ranges of documents. Building one takes about 2 KB of memory a chunk.
    """

    chunking: ChunkingOptions = ChunkingOptions()
    analysis: AnalysisOptions = AnalysisOptions()
    bm25: BM25Options = BM25Options()
    encoder: EncoderOptions = EncoderOptions()
    entities: bool = False
    tfidf: bool = False
    segment_chunks: int = Field(default=200_000, ge=1)
