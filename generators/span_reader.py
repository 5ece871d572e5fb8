"""Extractive reader over a trained transformer: the most probable span of the passages, with a calibrated confidence.

One forward pass per passage gives the spans' scores and the passage's relevance; where the chain's compressor runs the
same model, that pass has been made by then.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.documents import Document
from langchain_core.runnables import Runnable, RunnableConfig

from generators.base import Evidence, Generation, ReadingTask
from generators.options import Wording
from generators.reader import PASSAGE_WEIGHT
from generators.reading.spans import Reading, ScoredSpan, rank_spans
from generators.reading.wording import nominative, surface
from retrievers.analysis import fold, lemmas
from retrievers.documents import RERANKER, chunk_id_of, score_of
from retrievers.span_reader.model import PassageLogits, Runtime, SpanReaderModel, load_span_reader
from retrievers.span_reader.settings import ReaderSettings
from retrievers.span_reader.windows import Passage

_SAME = 1e-3  # relevance logits that differ by less were computed by the same model
_EPSILON = 1e-6  # probabilities are kept this far from 0 and 1 before their logit is taken


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer of a reading: its best place first, then the best place in each other passage; never empty.

    Args:
        places: spans of the same answer, in any grammatical form.
        share: probability of all spans of that answer together, in [0, 1].
    """

    places: tuple[ScoredSpan, ...]
    share: float


class SpanReader(Runnable[ReadingTask, Generation]):
    """Reads the answer out of the documents of a task with a model of ``python -m training.reader``.

    The spans of all documents are compared under one distribution, in which documents weigh by the model's relevance,
    and by the scores of a reranker where another model gave them. Spans that are the same answer in another form or
    place count together. The answer is always a span: the confidence says whether it is one to give. It is the
    probability that the answer shares at least half of its words (F1 of lemmas) with the right one, as calibrated on
    the rows that the model was evaluated on.

    Args:
        model: hub name of a downloaded model, a folder, or a :class:`SpanReaderModel`.
        revision: commit, tag or branch of a hub model.
        runtime: what runs it.
        device: of torch: ``"cpu"``, ``"cuda"``, … or None for the best one at hand.
        dtype: of torch: ``fp32``, ``bf16`` or ``fp16``.
        wording: how the answer is worded; evidence always points to the passage's own words.
        passages: how many of the task's documents are read, from the first; None reads all of them.
    """

    def __init__(
        self,
        model: str | SpanReaderModel,
        *,
        revision: str | None = None,
        runtime: Runtime = Runtime.AUTO,
        device: str | None = None,
        dtype: str = "fp32",
        wording: Wording = Wording.NOMINATIVE,
        passages: int | None = None,
    ) -> None:
        if passages is not None and passages < 1:
            raise ValueError(f"expected passages ≥ 1, got {passages}")
        self.wording = wording
        self.passages = passages
        self._source = model
        self._options: dict[str, Any] = {"revision": revision, "runtime": runtime, "device": device, "dtype": dtype}

    def load(self) -> None:
        """Bring the model into memory now instead of at the first question.

        Raises:
            MissingExtraError: it needs torch, and the extra ``hf`` is not installed.
            ModelUnavailableError: it is not on this machine, damaged, or no span reader.
        """
        _ = self._model

    def invoke(self, input: ReadingTask, config: RunnableConfig | None = None, **kwargs: Any) -> Generation:
        """Read one task; raises as :meth:`load` does."""
        return self._call_with_config(self._read, input, config, run_type="llm", **kwargs)

    @functools.cached_property
    def _model(self) -> SpanReaderModel:
        return load_span_reader(self._source, **self._options) if isinstance(self._source, str) else self._source

    def _read(self, task: ReadingTask) -> Generation:
        documents = task.documents[: self.passages]
        if not task.question.strip() or not documents:
            return Generation("", 0.0)
        passages = [Passage.of(document) for document in documents]
        logits = self._model.read(task.question, passages)
        priors = passage_priors(documents, logits, self._model.settings.passage_weight)
        reading = rank_spans(logits, priors, max_answer=self._model.settings.max_answer)
        if not reading.spans:
            return Generation("", 0.0)
        finding = find_answer(reading, passages)
        best = finding.places[0]
        put = nominative if self.wording is Wording.NOMINATIVE else surface
        body = passages[best.passage].body
        return Generation(
            put(documents[best.passage].page_content, best.start - body, best.stop - body),
            confidence_of(finding.share, self._model.settings),
            tuple(_evidence(place, passages, documents) for place in finding.places),
        )


def passage_priors(documents: Sequence[Document], logits: Sequence[PassageLogits], weight: float) -> list[float]:
    """What each passage adds to the scores of its spans, in logits: 0 for the best, less for the others.

    The model's own relevance counts with the weight that its training found. The scores of another reranker, which the
    model has not seen, come on top with the weight they have for the offline reader.

    Args:
        documents: read.
        logits: of each.
        weight: of the own relevance.
    """
    own = [one.relevance for one in logits]
    priors = own_priors(own, weight)
    scores = [score_of(document, RERANKER, math.nan) for document in documents]
    if any(map(math.isnan, scores)) or all(abs(a - b) < _SAME for a, b in zip(scores, own, strict=True)):
        return priors
    return [a + b for a, b in zip(priors, own_priors(scores, PASSAGE_WEIGHT), strict=True)]


def own_priors(scores: Sequence[float], weight: float) -> list[float]:
    """Scores relative to the best one, times ``weight``."""
    return [weight * (score - max(scores)) for score in scores]


def find_answer(reading: Reading, passages: Sequence[Passage]) -> Finding:
    """The answer whose spans together are most probable; ``reading`` holds at least one span."""
    groups: dict[str, list[ScoredSpan]] = {}
    for span in reading.spans:
        words = passages[span.passage].text[span.start : span.stop]
        groups.setdefault(" ".join(lemmas(words)) or fold(words), []).append(span)
    best = max(groups.values(), key=lambda spans: math.fsum(span.probability for span in spans))
    places: dict[int, ScoredSpan] = {}
    for span in best:  # most probable first
        places.setdefault(span.passage, span)
    return Finding(tuple(places.values()), min(1.0, math.fsum(span.probability for span in best)))


def confidence_of(share: float, settings: ReaderSettings) -> float:
    """Calibrated probability in (0, 1) that an answer is right, from the probability of its spans."""
    clipped = min(1.0 - _EPSILON, max(_EPSILON, share))
    logit = settings.confidence_scale * math.log(clipped / (1.0 - clipped)) + settings.confidence_bias
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))


def _evidence(place: ScoredSpan, passages: Sequence[Passage], documents: Sequence[Document]) -> Evidence:
    body = passages[place.passage].body
    return Evidence(chunk_id_of(documents[place.passage]), place.start - body, place.stop - body)
