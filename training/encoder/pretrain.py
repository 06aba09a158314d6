"""Pre-training by masked pieces: what an encoder learns from text that nobody has labelled."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch.nn.functional import cross_entropy
from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

from training.config import EncoderConfig
from training.encoder.tokens import FIRST, LAST, MASK, PAD, SPECIAL, UNKNOWN

_WARM_UP = 0.06
_CLIP = 1.0
#: Of the pieces to guess: masked, replaced by another, else left as they are.
_MASKED, _REPLACED = 0.8, 0.9


def pretrain(
    texts: Sequence[str],
    tokenizer: Tokenizer,
    config: EncoderConfig,
    seed: int,
    told: Callable[[str], None] = print,
    start: Path | None = None,
) -> BertForMaskedLM:
    """Train an encoder to guess masked pieces; `told` hears of the loss now and then.

    It is a new one, or that of the folder `start`, which goes on learning.
    """
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    windows = _windows(texts, tokenizer, config.pretrain_window)
    model = _new(tokenizer, config) if start is None else BertForMaskedLM.from_pretrained(start)
    model.train()
    optimiser = torch.optim.AdamW(
        model.parameters(), config.pretrain_rate, betas=(0.9, 0.98), fused=True
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, _rise_and_fall(config.pretrain_steps))
    mean = 0.0
    for step in range(config.pretrain_steps):
        rows = random.integers(0, len(windows), config.pretrain_batch)
        loss = _guess(model, torch.from_numpy(windows[rows]), tokenizer, config)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), _CLIP)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
        mean = 0.98 * mean + 0.02 * loss.item() if step else loss.item()
        if (step + 1) % 100 == 0:
            told(f"step {step + 1} of {config.pretrain_steps}: loss {mean:.3f}")
    return model


def _new(tokenizer: Tokenizer, config: EncoderConfig) -> BertForMaskedLM:
    return BertForMaskedLM(
        BertConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=config.hidden,
            num_hidden_layers=config.layers,
            num_attention_heads=config.attention_heads,
            intermediate_size=4 * config.hidden,
            max_position_embeddings=config.pretrain_window,
            pad_token_id=tokenizer.token_to_id(PAD),
            # A few passes over the text cannot be learned by heart, and without dropout a step on
            # a CPU takes half the time.
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
    )


def save_encoder(model: BertForMaskedLM, tokenizer: Tokenizer, folder: Path) -> None:
    """Write the encoder as transformers read one from a folder."""
    model.bert.save_pretrained(folder)
    PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token=PAD,
        unk_token=UNKNOWN,
        cls_token=FIRST,
        sep_token=LAST,
        mask_token=MASK,
    ).save_pretrained(folder)


def _windows(texts: Sequence[str], tokenizer: Tokenizer, size: int) -> NDArray[np.int64]:
    """All texts one after another, cut into windows of `size` pieces, each begun by FIRST."""
    stream: list[int] = []
    for encoding in tokenizer.encode_batch(list(texts)):
        stream += encoding.ids[1:]
    first = tokenizer.token_to_id(FIRST)
    inner = size - 1
    rows = np.array(stream[: len(stream) // inner * inner], dtype=np.int64).reshape(-1, inner)
    return np.hstack([np.full((len(rows), 1), first, dtype=np.int64), rows])


def _guess(
    model: BertForMaskedLM, pieces: torch.Tensor, tokenizer: Tokenizer, config: EncoderConfig
) -> torch.Tensor:
    """The loss of guessing some of the pieces."""
    chosen = (torch.rand(pieces.shape) < config.pretrain_masked) & (pieces >= len(SPECIAL))
    fate = torch.rand(pieces.shape)
    shown = torch.where(
        chosen & (fate < _MASKED), torch.tensor(tokenizer.token_to_id(MASK)), pieces
    )
    others = torch.randint(len(SPECIAL), tokenizer.get_vocab_size(), pieces.shape)
    shown = torch.where(chosen & (fate >= _MASKED) & (fate < _REPLACED), others, shown)
    with torch.autocast("cpu", torch.bfloat16):
        inner = model.bert(input_ids=shown).last_hidden_state[chosen]
        logits = model.cls(inner)
    return cross_entropy(logits.float(), pieces[chosen])


def _rise_and_fall(steps: int) -> Callable[[int], float]:
    rise = max(1, int(steps * _WARM_UP))

    def factor(step: int) -> float:
        if step < rise:
            return (step + 1) / rise
        return max(0.0, (steps - step) / max(1, steps - rise))

    return factor
