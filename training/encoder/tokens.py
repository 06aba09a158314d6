"""The pieces that an encoder reads: frequent ones, no digits, no names of persons."""

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from training.vocabulary import allowed

PAD, UNKNOWN, FIRST, LAST, MASK = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"
SPECIAL = (PAD, UNKNOWN, FIRST, LAST, MASK)
#: What every number is read as: that there is one tells something, which one it is nobody's.
NUMBER = "#"
_LONGEST = 4


def train_tokens(
    appeals: Sequence[str],
    group: NDArray[np.intp],
    names: frozenset[str],
    pieces: int,
    least_appeals: int,
) -> Tokenizer:
    """A unigram tokenizer of at most that many pieces of up to four characters.

    `appeals` are normalised. It keeps the pieces that stand in appeals of at least
    `least_appeals` different groups and that `vocabulary.allowed` lets pass.
    """
    tokenizer = _bare(models.Unigram())
    trainer = trainers.UnigramTrainer(
        vocab_size=pieces,
        special_tokens=list(SPECIAL),
        unk_token=UNKNOWN,
        max_piece_length=_LONGEST,
        show_progress=False,
    )
    tokenizer.train_from_iterator(appeals, trainer)
    scores = dict(_entries(tokenizer))
    spread = _spread(tokenizer, appeals, group)
    kept = [
        (piece, score)
        for piece, score in scores.items()
        if piece in SPECIAL or (spread.get(piece, 0) >= least_appeals and allowed(piece, names))
    ]
    final = _bare(models.Unigram([*kept], unk_id=[piece for piece, _ in kept].index(UNKNOWN)))
    final.add_special_tokens(list(SPECIAL))
    final.post_processor = processors.TemplateProcessing(
        single=f"{FIRST} $A {LAST}",
        special_tokens=[(name, final.token_to_id(name)) for name in (FIRST, LAST)],
    )
    return final


def _bare(model: models.Unigram) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Replace(Regex("[0-9]+"), NUMBER)
    # A piece never reaches over what is no Chinese character.
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[^\u3400-\u9fff]"), "isolated")
    return tokenizer


def _entries(tokenizer: Tokenizer) -> list[tuple[str, float]]:
    return [(piece, score) for piece, score in json.loads(tokenizer.to_str())["model"]["vocab"]]


def _spread(
    tokenizer: Tokenizer, appeals: Sequence[str], group: NDArray[np.intp]
) -> dict[str, int]:
    """In how many groups of appeals each piece, or each character, occurs."""
    together: dict[int, set[str]] = {}
    for encoding, text, number in zip(
        tokenizer.encode_batch(list(appeals)), appeals, group.tolist(), strict=True
    ):
        together.setdefault(number, set()).update(encoding.tokens, text, (NUMBER,))
    counted: dict[str, int] = {}
    for found in together.values():
        for piece in found:
            counted[piece] = counted.get(piece, 0) + 1
    return counted
