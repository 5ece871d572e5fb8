"""Inputs that hypothesis draws: pieces of the format, of any text and of any bytes, one after another."""

from __future__ import annotations

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from benchmarks.fuzzing.watch import Watch


def fuzz(watch: Watch, runs: int, seed: int) -> None:
    """Run inputs; findings are kept by the watch, so hypothesis sees none and never stops to shrink."""
    target = watch.target
    text = st.text(max_size=40).map(lambda drawn: drawn.encode("utf-8", "surrogatepass"))
    surrogates = st.text(st.characters(categories=("Cs", "Mn", "Cf", "Nd", "Zs")), max_size=6).map(
        lambda drawn: drawn.encode("utf-8", "surrogatepass")
    )
    piece = st.one_of(st.sampled_from(target.tokens or (b" ",)), text, surrogates, st.binary(max_size=8))
    opening = st.one_of(st.just(b""), st.sampled_from(target.seeds))
    inputs = st.tuples(opening, st.lists(piece, max_size=40)).map(lambda drawn: drawn[0] + b"".join(drawn[1]))

    @hypothesis.seed(seed)
    @settings(
        max_examples=runs,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs)
    def one(data: bytes) -> None:
        watch.run(data)

    one()
