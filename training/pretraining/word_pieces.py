"""A WordPiece tokeniser learnt from text (Schuster and Nakajima, 2012; as BERT has it), for Russian."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PAD, UNKNOWN, FIRST, SEPARATOR, MASK = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"
SPECIAL = (PAD, UNKNOWN, FIRST, SEPARATOR, MASK)
_ALPHABET = 400  # letters and signs kept; rarer ones (hieroglyphs, emoji) would each take a place of the vocabulary
_LEAST_FREQUENCY = 2
# Marks set over a letter, as the stress in «за́мок», and what is invisible inside a word. Composed first: й and ё stay.
_DROPPED = "[\u0300-\u036f\u00ad\u200b-\u200f\u2060\ufeff]"


def learn_word_pieces(texts: Iterable[str], size: int, *, keep_case: bool = False, keep_yo: bool = False) -> Tokenizer:
    """A tokeniser whose pieces are frequent in ``texts``.

    Args:
        texts: read once.
        size: pieces at most, with the five special ones.
        keep_case: tell upper case from lower.
        keep_yo: tell ё from е, which most texts write for it.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token=UNKNOWN))
    steps: list[Any] = [normalizers.NFC(), normalizers.Replace(Regex(_DROPPED), "")]
    steps += [] if keep_case else [normalizers.Lowercase()]
    steps += [] if keep_yo else [normalizers.Replace("ё", "е"), normalizers.Replace("Ё", "Е")]
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        min_frequency=_LEAST_FREQUENCY,
        limit_alphabet=_ALPHABET,
        special_tokens=list(SPECIAL),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    # The trainer numbers the special pieces first, in their order.
    ends = [(token, SPECIAL.index(token)) for token in (SEPARATOR, FIRST)]
    tokenizer.post_processor = processors.BertProcessing(*ends)
    return tokenizer


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
