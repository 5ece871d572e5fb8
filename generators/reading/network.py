"""What the joint network thinks of the candidates: its scores of their spans as features of the ranker."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from generators.reading.candidates import Candidate
from retrievers.joint.model import JointReading

NETWORK_FEATURES = (
    "network_span",  # log-probability of the very span among all spans of all passages
    "network_behind",  # how far it stays behind the best candidate
    "network_overlap",  # F1 of words that the span is expected to have, by the network's likeliest spans
    "network_sentence",  # probability of all spans in its sentence
    "network_relevance",  # of its passage, logit
    "network_relevance_behind",  # how far its passage stays behind the most relevant one
)
_FLOOR = -15.0  # log-probability of spans too long for the network
_LIKELIEST = 20  # spans of a passage that the expected overlap is taken over


def network_features(readings: Sequence[JointReading], spans: Sequence[tuple[int, Candidate]]) -> NDArray[np.float32]:
    """Feature columns, shape (len(spans), len(NETWORK_FEATURES)).

    Args:
        readings: of all passages.
        spans: pairs of a passage's index and a candidate in it.
    """
    columns = np.zeros((len(spans), len(NETWORK_FEATURES)), np.float32)
    if not spans:
        return columns
    total = float(np.logaddexp.reduce([_log_sum(reading) for reading in readings]))
    most_relevant = max(reading.relevance for reading in readings)
    by_passage: dict[int, list[int]] = {}
    for row, (passage, _) in enumerate(spans):
        by_passage.setdefault(passage, []).append(row)
    for passage, rows in by_passage.items():
        reading = readings[passage]
        log_probability = reading.spans.astype(np.float64) - total  # (n_tokens, longest)
        first, last = _tokens(reading, [spans[row][1] for row in rows])
        columns[rows, 0] = _span_scores(log_probability, first, last)
        columns[rows, 2] = _expected_overlap(log_probability, first, last)
        columns[rows, 3] = _sentence_mass(reading, log_probability, first)
        columns[rows, 4] = reading.relevance
        columns[rows, 5] = most_relevant - reading.relevance
    columns[:, 1] = columns[:, 0].max() - columns[:, 0]
    return columns


def _log_sum(reading: JointReading) -> float:
    return float(np.logaddexp.reduce(reading.spans, axis=None)) if reading.spans.size else -np.inf


def _tokens(reading: JointReading, candidates: Sequence[Candidate]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First and last token of each candidate; a candidate behind the network's reach gets -1 as its last."""
    starts = np.array([candidate.start for candidate in candidates])
    stops = np.array([candidate.stop for candidate in candidates])
    first = np.searchsorted(reading.tokens.stops, starts, side="right")
    last = np.searchsorted(reading.tokens.starts, stops, side="left") - 1
    return first, np.where(first < len(reading.tokens), last, -1)


def _span_scores(
    log_probability: NDArray[np.float64], first: NDArray[np.intp], last: NDArray[np.intp]
) -> NDArray[np.float64]:
    count, longest = log_probability.shape
    length = last - first
    inside = (length >= 0) & (length < longest) & (first < count)
    scores = np.full(len(first), _FLOOR)
    scores[inside] = np.maximum(log_probability[first[inside], length[inside]], _FLOOR)
    return scores


def _expected_overlap(
    log_probability: NDArray[np.float64], first: NDArray[np.intp], last: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Sum over the likeliest spans of their probability times the F1 of their tokens with each candidate's."""
    flat = log_probability.ravel()
    if not flat.size:
        return np.zeros(len(first))
    likeliest = np.argsort(-flat, kind="stable")[:_LIKELIEST]
    start, length = np.divmod(likeliest, log_probability.shape[1])
    stop = start + length
    shared = np.minimum(last[:, None], stop) - np.maximum(first[:, None], start) + 1  # (candidates, spans)
    f1 = 2.0 * np.maximum(shared, 0) / np.maximum((last - first + 1)[:, None] + length + 1, 1)
    return np.asarray(f1 @ np.exp(flat[likeliest]))


def _sentence_mass(
    reading: JointReading, log_probability: NDArray[np.float64], first: NDArray[np.intp]
) -> NDArray[np.float64]:
    sentence = reading.tokens.sentence
    if not len(sentence):
        return np.zeros(len(first))
    mass = np.bincount(sentence, weights=np.exp(log_probability).sum(axis=1))
    return np.asarray(mass[sentence[np.minimum(first, len(sentence) - 1)]])
