from __future__ import annotations

import numpy as np
import pytest
import slovnet
from navec import Navec

from retrievers import navec_files
from retrievers.models import Tagger, load_navec, navec_path, slovnet_path

TEXT = "Владимир Путин и Ангела Меркель встретились в Сочи. Компания «Щшъыь» открыла завод."
WORDS = ["Дожди", "шли", "в", "Москве", "третий", "день", ",", "как", "щшъыьэ", "<unk>"]


@pytest.fixture(scope="module")
def theirs() -> Navec:
    return Navec.load(str(navec_path()))


def test_words_and_vectors_are_those_of_navec(theirs: Navec) -> None:
    ours = load_navec()
    assert ours.vocab.words == theirs.vocab.words
    assert ours.vocab.counts == theirs.vocab.counts
    for word in ("москва", "дождь", "<unk>"):
        np.testing.assert_array_equal(ours[word], theirs[word])
    assert ours.get("щшъыьэ") is None


@pytest.mark.parametrize("shared", [True, False], ids=["with navec's words", "with its own words"])
@pytest.mark.parametrize("tagger", ["ner", "morph", "syntax"])
def test_taggers_find_what_slovnet_finds(
    tagger: Tagger, shared: bool, theirs: Navec, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not shared:
        monkeypatch.setattr(navec_files, "_checksum_and_size", lambda _: b"other")
    path = str(slovnet_path(tagger))
    ours = navec_files.read_tagger(path, tagger, load_navec())
    assert isinstance(ours.infer.encoder.words_vocab, navec_files._Words) is shared
    expected = {"ner": slovnet.NER, "morph": slovnet.Morph, "syntax": slovnet.Syntax}[tagger].load(path).navec(theirs)
    given = TEXT if tagger == "ner" else WORDS
    assert ours(given) == expected(given)
    assert len(ours(given).spans if tagger == "ner" else ours(given).tokens) > 2
