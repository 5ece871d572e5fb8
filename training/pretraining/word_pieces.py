"""A WordPiece tokeniser learnt from text (Schuster and Nakajima, 2012; as BERT has it), for Russian."""

from __future__ import annotations

import itertools
import string
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PAD, UNKNOWN, FIRST, SEPARATOR, MASK = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"
SPECIAL = (PAD, UNKNOWN, FIRST, SEPARATOR, MASK)
_ALPHABET = 400  # letters and signs kept; rarer ones (hieroglyphs, emoji) would each take a place of the vocabulary
_LEAST_FREQUENCY = 2
# Marks set over a letter, as the stress in «за́мок», and what is invisible inside a word. Composed first: й and ё stay.
_DROPPED = "[\u0300-\u036f\u00ad\u200b-\u200f\u2060\ufeff]"


def learn_word_pieces(texts: Sequence[str], size: int, *, keep_case: bool = False, keep_yo: bool = False) -> Tokenizer:
    """A tokeniser whose pieces are frequent in ``texts``; equal texts make equal pieces.

    Args:
        texts: gone through twice.
        size: pieces at most, with the five special ones.
        keep_case: tell upper case from lower.
        keep_yo: tell ё from е, which most texts write for it.
    """
    from tokenizers import models, trainers

    tokenizer = _pipeline(models.WordPiece(unk_token=UNKNOWN), keep_case=keep_case, keep_yo=keep_yo)
    letters, continuing = _alphabet(tokenizer.normalizer.normalize_str(text) for text in texts)
    # The trainer prefers the piece of the lower number where two are as frequent, and numbers the letters inside words
    # as it meets them, in the order of a hash table: another one every time. As special pieces they are numbered first.
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        min_frequency=_LEAST_FREQUENCY,
        initial_alphabet=letters,
        limit_alphabet=len(letters),
        special_tokens=[*SPECIAL, *(f"##{letter}" for letter in continuing)],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    # Anew from the vocabulary, because to the one that was trained letters inside words are special for good.
    learnt = _pipeline(
        models.WordPiece(tokenizer.get_vocab(with_added_tokens=False), unk_token=UNKNOWN),
        keep_case=keep_case,
        keep_yo=keep_yo,
    )
    learnt.add_special_tokens(list(SPECIAL))
    return learnt


def _pipeline(model: Any, *, keep_case: bool, keep_yo: bool) -> Tokenizer:
    """What is done to a text around the pieces themselves."""
    from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(model)
    steps: list[Any] = [normalizers.NFC(), normalizers.Replace(Regex(_DROPPED), "")]
    steps += [] if keep_case else [normalizers.Lowercase()]
    steps += [] if keep_yo else [normalizers.Replace("ё", "е"), normalizers.Replace("Ё", "Е")]
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    ends = [(token, SPECIAL.index(token)) for token in (SEPARATOR, FIRST)]  # the special pieces are numbered first
    tokenizer.post_processor = processors.BertProcessing(*ends)
    return tokenizer


def _alphabet(texts: Iterable[str]) -> tuple[list[str], list[str]]:
    """The most frequent characters, and those of them that stand inside words, both sorted."""
    counts: Counter[str] = Counter()
    neighbours: set[tuple[str, str]] = set()
    for text in texts:
        counts.update(text)
        neighbours.update(itertools.pairwise(text))
    ranked = sorted((char for char in counts if not char.isspace()), key=lambda char: (-counts[char], char))
    letters = sorted(ranked[:_ALPHABET])
    inside = {after for before, after in neighbours if _in_word(before) and _in_word(after)}
    return letters, sorted(inside.intersection(letters))


def _in_word(char: str) -> bool:
    """Whether BERT's pre-tokeniser leaves a character in a word: it splits at spaces and punctuation."""
    return not (char.isspace() or char in string.punctuation or unicodedata.category(char).startswith("P"))


def for_transformers(tokenizer: Tokenizer, positions: int) -> Any:
    """The tokeniser as models of transformers are saved with it.

    Args:
        tokenizer: learnt.
        positions: tokens of a text at most.
    """
    import transformers

    kind: Any = transformers.PreTrainedTokenizerFast
    return kind(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        unk_token=UNKNOWN,
        cls_token=FIRST,
        sep_token=SEPARATOR,
        mask_token=MASK,
        model_max_length=positions,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )
