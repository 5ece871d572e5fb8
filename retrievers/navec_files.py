"""Reading navec and slovnet files as their libraries do, but what they have in common only once.

The three taggers carry a copy each of navec's 250 000 words, and the libraries make a dictionary of every copy; navec
also prepares for comparing its rows with each other. Nothing here needs either: without them all four files and the
word vectors take .25 s of processor time instead of .82, and 86 MiB of memory instead of 253.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from navec import Navec
from navec.meta import Meta
from navec.navec import META, PQ_, VOCAB
from navec.pq import PQ
from navec.tar import Tar
from navec.vocab import PAD, UNK, Vocab

if TYPE_CHECKING:
    from retrievers.models import Tagger

_BATCH = 8  # texts that a tagger computes together, as slovnet has it


class _Codes(PQ):  # type: ignore[misc]
    def precompute(self) -> None:
        """Only what decoding needs; the rest serves ``Navec.sim``, which nothing here asks for."""
        self.qdims = np.arange(self.qdim)


class _Words:
    """Navec's vocabulary with the face of slovnet's."""

    def __init__(self, vocabulary: Vocab) -> None:
        self._ids: dict[str, int] = vocabulary.word_ids
        self.unk_id: int = vocabulary.word_ids[UNK]
        self.pad_id: int = vocabulary.word_ids[PAD]

    def encode(self, item: str) -> int:
        """Number of a lower-case word."""
        return self._ids.get(item, self.unk_id)


def read_navec(path: str) -> Navec:
    """Words, their frequencies and their vectors; :meth:`Navec.sim` does not work on them."""
    with Tar(path) as tar:
        meta = Meta.from_file(tar.load(META))
        return Navec(meta, Vocab.from_file(tar.load(VOCAB)), _Codes.from_file(tar.load(PQ_)))


def read_tagger(path: str, tagger: Tagger, navec: Navec) -> Any:
    """A slovnet tagger on ``navec``, with its vocabulary where the tagger's own is the same."""
    from slovnet import api
    from slovnet.const import REL, SHAPE, TAG, WORD
    from slovnet.exec.pack import Pack, vocab_name

    with Pack(path) as pack:
        pack.load_meta().check_protocol()
        model = pack.load_model({"ner": api.NERModel, "morph": api.MorphModel, "syntax": api.SyntaxModel}[tagger])
        model = model.inject_arrays(dict(pack.load_arrays(model.weights))).inject_navec(navec)
        same = _checksum_and_size(pack.read(vocab_name(WORD))) == _of(navec.vocab)
        words = _Words(navec.vocab) if same else pack.load_vocab(WORD)
        shapes, labels = pack.load_vocab(SHAPE), pack.load_vocab(REL if tagger == "syntax" else TAG)
    match tagger:
        case "ner":
            infer = api.NERInfer(model, api.TagEncoder(words, shapes, _BATCH), api.TagDecoder(labels))
            return api.NER(infer, _BATCH)
        case "morph":
            infer = api.MorphInfer(model, api.TagEncoder(words, shapes, _BATCH), api.TagDecoder(labels))
            return api.Morph(infer, _BATCH)
        case "syntax":
            infer = api.SyntaxInfer(model, api.SyntaxEncoder(words, shapes, _BATCH), api.SyntaxDecoder(labels))
            return api.Syntax(infer, _BATCH)


def _checksum_and_size(compressed: bytes) -> bytes:
    """What gzip writes at the end about the content: CRC-32 and length (RFC 1952, section 2.3.1)."""
    return compressed[-8:]


def _of(vocabulary: Vocab) -> bytes:
    """The same of a vocabulary as slovnet stores it, a word a line."""
    text = "\n".join(vocabulary.words).encode()
    return zlib.crc32(text).to_bytes(4, "little") + len(text).to_bytes(4, "little")
