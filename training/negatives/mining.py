"""Negatives of an index: find candidates, protect what answers, score, keep the hardest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.retrievers import BaseRetriever

from retrievers.documents import RERANKER, chunk_id_of, score_of
from training.examples import Example, search_text
from training.negatives.denoising import NO_LIMITS, Limits
from training.negatives.protection import Protection, Reason, windowed

_POSITIVE = "positive"  # id of the positive among the documents scored; no chunk has it, theirs end in a number


@dataclass(frozen=True, slots=True)
class MiningOptions:
    """How negatives are chosen.

    Args:
        count: how many an example gets.
        depth: candidates asked of the retriever.
        window: first and last rank, from 1, of the candidates looked at; None looks at all.
        limits: on a scorer's scores.
        keep_scores: whether the scorer's scores of the positive and the negatives are kept with the example.
    """

    count: int = 4
    depth: int = 50
    window: tuple[int, int] | None = None
    limits: Limits = NO_LIMITS
    keep_scores: bool = False


@dataclass(slots=True)
class Tally:
    """What came of the mining.

    Args:
        candidates: looked at.
        kept: candidates that became negatives.
        dropped: candidates by the reason against them.
        spare: candidates that were fit and not needed.
        short: examples with fewer negatives than asked for, and of these, without any.
    """

    candidates: int = 0
    kept: int = 0
    dropped: Counter[Reason] = field(default_factory=Counter)
    spare: int = 0
    short: int = 0
    without: int = 0


class Miner:
    """Adds hard negatives to examples.

    Args:
        retriever: over the index; takes ``k`` in a call.
        protection: against false negatives.
        options: how many, of which ranks, below which scores.
        scorer: compressor whose scores the limits are on; None where nothing is scored.
    """

    def __init__(
        self,
        retriever: BaseRetriever,
        protection: Protection,
        options: MiningOptions,
        scorer: BaseDocumentCompressor | None = None,
    ) -> None:
        self._retriever = retriever
        self._protection = protection
        self._options = options
        self._scorer = scorer
        self.tally = Tally()

    def mine(self, examples: Iterable[Example]) -> Iterator[Example]:
        """The examples with their negatives, hardest first, behind those they had.

        Pairs labelled 0 come back as they are: their passage is a negative itself.
        """
        for example in examples:
            yield example if example.label == 0 else self._mined(example)

    def _mined(self, example: Example) -> Example:
        options, tally = self._options, self.tally
        found = self._retriever.invoke(example.question, k=options.depth)
        tally.candidates += len(found)
        inside, outside = windowed(found, options.window)
        tally.dropped[Reason.WINDOW] += outside
        fit = self._protected(example, inside)
        scores: dict[str, float] = {}
        if self._scorer is not None:
            scores = self._scores(example, fit)
            fit = self._below_limits(fit, scores)
            fit.sort(key=lambda document: -scores[chunk_id_of(document)])  # stable: of equals the retriever's order
        chosen = fit[: options.count]
        tally.kept += len(chosen)
        tally.spare += len(fit) - len(chosen)
        tally.short += len(chosen) < options.count
        tally.without += not chosen
        update: dict[str, object] = {"negatives": (*example.negatives, *map(_text, chosen)), "scores": ()}
        if options.keep_scores:
            ids = [_POSITIVE, *(_known_id(at) for at in range(len(example.negatives))), *map(chunk_id_of, chosen)]
            update["scores"] = tuple(scores[one] for one in ids)
        return Example.model_validate(example.model_dump() | update)

    def _protected(self, example: Example, candidates: Sequence[Document]) -> list[Document]:
        known = set(example.negatives)
        fit: list[Document] = []
        for candidate in candidates:
            text = _text(candidate)
            reason = Reason.KNOWN if text in known else self._protection.reason_against(example, candidate)
            if reason is None:
                known.add(text)
                fit.append(candidate)
            else:
                self.tally.dropped[reason] += 1
        return fit

    def _scores(self, example: Example, candidates: Sequence[Document]) -> dict[str, float]:
        """Scores by id, of positive, known negatives and candidates in one go: some scorers compare what they see."""
        documents = [Document(example.passage, id=_POSITIVE, metadata={"title": example.title})]
        documents += [Document(text, id=_known_id(at)) for at, text in enumerate(example.negatives)]
        # As a model in training sees them: under the title, without the headings an index adds.
        documents += [
            Document(one.page_content, id=chunk_id_of(one), metadata={"title": one.metadata.get("title", "")})
            for one in candidates
        ]
        assert self._scorer is not None
        scored = self._scorer.compress_documents(documents, example.question)
        return {str(document.id): score_of(document, RERANKER) for document in scored}

    def _below_limits(self, candidates: Sequence[Document], scores: dict[str, float]) -> list[Document]:
        fit: list[Document] = []
        for candidate in candidates:
            reason = self._options.limits.reason_against(scores[chunk_id_of(candidate)], scores[_POSITIVE])
            if reason is None:
                fit.append(candidate)
            else:
                self.tally.dropped[reason] += 1
        return fit


def _text(chunk: Document) -> str:
    return search_text(str(chunk.metadata.get("title") or ""), chunk.page_content)


def _known_id(at: int) -> str:
    return f"negative {at}"
