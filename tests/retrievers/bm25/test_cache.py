from __future__ import annotations

import threading

import numpy as np

from retrievers.bm25.cache import TermCache, TermPart, TermWeights


def weights(size: int) -> TermWeights:
    return TermWeights(0.0, (TermPart(0, np.zeros(size, np.int32), np.zeros(size, np.float32)),))


ONE = weights(100)


def test_the_terms_asked_for_last_stay() -> None:
    cache = TermCache(3 * ONE.size)
    for term in ("река", "озеро", "море"):
        cache.put(term, ONE)
    assert cache.get("река") is ONE
    cache.put("лес", ONE)
    assert cache.get("озеро") is None
    assert all(cache.get(term) is ONE for term in ("река", "море", "лес"))
    assert cache.size == 3 * ONE.size


def test_a_term_larger_than_all_that_may_be_kept_is_not_kept() -> None:
    cache = TermCache(2 * ONE.size)
    cache.put("река", ONE)
    cache.put("год", weights(10_000))
    assert cache.get("год") is None
    assert cache.get("река") is ONE


def test_a_term_put_twice_counts_once() -> None:
    cache = TermCache(10 * ONE.size)
    cache.put("река", ONE)
    cache.put("река", weights(100))
    assert cache.size == ONE.size


def test_its_size_holds_under_many_threads() -> None:
    cache = TermCache(5 * ONE.size)
    start = threading.Barrier(4)

    def ask(seed: int) -> None:
        draw = np.random.default_rng(seed)
        start.wait()
        for number in draw.integers(0, 20, 500):
            if cache.get(str(number)) is None:
                cache.put(str(number), weights(int(number) * 10))

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = [found for number in range(20) if (found := cache.get(str(number))) is not None]
    assert kept
    assert cache.size == sum(found.size for found in kept) <= cache.limit
