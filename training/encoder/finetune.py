"""Fine-tuning: one encoder, all heads of the classifier together."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import cos, pi
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch.nn.functional import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    log_softmax,
)
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging

from training.config import Config
from training.corpus import LAWS, PASSAGE, TOPIC_ROWS, UNLABELLED, CorpusError, Example
from training.fit import head_targets
from triage.classifier.encoder import pieces_of
from triage.classifier.heads import HEADS, head_columns
from triage.text.normalise import normalise

_WARM_UP = 0.1
_CLIP = 1.0
#: The share of rows that every epoch reads without a teacher, where not all: topic rows tell one
#: thing alone, laws were pre-trained on, and the unlabelled say nothing.
_READ = {TOPIC_ROWS: 0.5, LAWS: 0.0, UNLABELLED: 0.0, PASSAGE: 0.0}
#: The heads on top learn so many times faster than the encoder below.
_HEADS_RATE = 4.0
#: Temperature at which a teacher's probabilities are learned: what it holds for less likely counts.
_SOFTENED = 2.0


@dataclass(frozen=True, slots=True)
class Encoder:
    """A pretrained encoder and its tokenizer, as read from a folder of transformers' form."""

    model: torch.nn.Module
    tokenizer: Tokenizer
    hidden: int

    def first_layers(self, count: int) -> "Encoder":
        """The embeddings and the first layers alone; raises CorpusError where there are fewer."""
        model = copy.deepcopy(self.model)
        stack = getattr(getattr(model, "encoder", None), "layer", None)
        if not isinstance(stack, torch.nn.ModuleList) or len(stack) < count:
            raise CorpusError(f"the encoder has no {count} layers in a row; set student_layers = 0")
        del stack[count:]
        return Encoder(model, self.tokenizer, self.hidden)


class HeadsOnEncoder(torch.nn.Module):
    """All heads on the mean and the maximum of the encoder's last layer."""

    def __init__(self, encoder: Encoder, width: int, dropout: float) -> None:
        super().__init__()
        self.encoder = copy.deepcopy(encoder.model)
        self.dropout = torch.nn.Dropout(dropout)
        self.heads = torch.nn.Linear(2 * encoder.hidden, width)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Scores of all heads, (texts, columns), for pieces (texts, length).

        Without a mask every piece counts, as of one text alone.
        """
        if mask is None:
            states = self.encoder(input_ids=ids).last_hidden_state
            return self._read(states.mean(1), states.amax(1))
        states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        seen = mask.unsqueeze(-1).to(states.dtype)
        mean = (states * seen).sum(1) / seen.sum(1)
        return self._read(mean, (states + (seen - 1) * 1e4).amax(1))

    def _read(self, mean: torch.Tensor, top: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.heads(self.dropout(torch.cat([mean, top], dim=1)))
        return scores


def read_encoder(folder: Path) -> Encoder:
    """Any encoder that transformers can read from a folder, ours or an operator's."""
    # It would report the missing pooler of every encoder, which nothing here uses.
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    model = AutoModel.from_pretrained(folder, attn_implementation="sdpa")
    tokenizer: Tokenizer = AutoTokenizer.from_pretrained(folder).backend_tokenizer
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return Encoder(model, tokenizer, model.config.hidden_size)


class FineTuning:
    """The corpus cut into pieces once, for as many runs as there are folds."""

    def __init__(
        self,
        encoder: Encoder,
        examples: Sequence[Example],
        heads: Mapping[str, Sequence[str]],
        config: Config,
    ) -> None:
        self._encoder = encoder
        self._examples = examples
        self._heads = heads
        self._config = config
        texts = [normalise(example.text).text for example in examples]
        self._pieces = pieces_of(encoder.tokenizer, texts, config.encoder.tokens)

    def fit(
        self, rows: Sequence[int], teacher: NDArray[np.float32] | None = None
    ) -> HeadsOnEncoder:
        """Train on these rows, the seed being the config's.

        `teacher`, (examples, columns), holds another encoder's scores of all examples, labelled or
        not: then the rows teach by them too.
        """
        settings, seed = self._config.encoder, self._config.seed
        torch.manual_seed(seed)
        random = np.random.default_rng(seed)
        columns = head_columns(self._heads)
        model = HeadsOnEncoder(self._encoder, columns[HEADS[-1]].stop, settings.dropout)
        model.train()
        optimiser = torch.optim.AdamW(
            [
                {"params": model.encoder.parameters(), "lr": settings.rate},
                {"params": model.heads.parameters(), "lr": settings.rate * _HEADS_RATE},
            ],
            weight_decay=0.01,
            fused=True,
        )
        targets = {
            head: torch.from_numpy(head_targets(head, self._examples, self._heads, self._config))
            for head in HEADS
        }
        read = _READ if teacher is None else {}
        epochs = [self._batches(rows, read, random) for _ in range(settings.epochs)]
        steps = sum(map(len, epochs))
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, steps))
        for batch in (batch for batches in epochs for batch in batches):
            with torch.autocast("cpu", torch.bfloat16):
                scores = model(*padded([self._pieces[row] for row in batch]))
            wanted = {name: of[batch] for name, of in targets.items()}
            loss = _loss(scores.float(), wanted, columns)
            if teacher is not None:
                said = torch.from_numpy(teacher[batch])
                loss = loss + settings.teacher_weight * _as_taught(scores.float(), said, columns)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), _CLIP)
            optimiser.step()
            schedule.step()
            optimiser.zero_grad()
        return model.eval()

    def scores(self, model: HeadsOnEncoder, rows: Sequence[int]) -> NDArray[np.float32]:
        """Scores of these rows, (rows, columns)."""
        order = sorted(range(len(rows)), key=lambda place: len(self._pieces[rows[place]]))
        found = np.zeros((len(rows), model.heads.out_features), dtype=np.float32)
        with torch.no_grad():
            for first in range(0, len(order), 64):
                places = order[first : first + 64]
                batch = padded([self._pieces[rows[place]] for place in places])
                found[places] = model(*batch).numpy()
        return found

    def _batches(
        self, rows: Sequence[int], shares: Mapping[str, float], random: np.random.Generator
    ) -> list[list[int]]:
        """The rows of one epoch in batches of texts of about equal length, shuffled."""
        origins = [self._examples[row].origin for row in rows]
        read = [
            row
            for row, origin in zip(rows, origins, strict=True)
            if random.random() < shares.get(origin, 1.0)
        ]
        noise = random.random(len(read)) * 16
        read = [read[at] for at in np.argsort([len(self._pieces[row]) for row in read] + noise)]
        size = self._config.encoder.batch
        batches = [read[first : first + size] for first in range(0, len(read), size)]
        return [batches[place] for place in random.permutation(len(batches))]


def padded(pieces: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Pieces and mask as matrices, (texts, longest)."""
    longest = max(map(len, pieces))
    ids = torch.tensor([[*row, *[0] * (longest - len(row))] for row in pieces])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in pieces])
    return ids, mask


def _loss(
    scores: torch.Tensor, targets: Mapping[str, torch.Tensor], columns: Mapping[str, slice]
) -> torch.Tensor:
    """The sum of all heads' losses, each the mean over what the batch says to it."""
    total = scores.new_zeros(())
    for head, wanted in targets.items():
        given = scores[:, columns[head]]
        if given.shape[1] == 1:
            losses = binary_cross_entropy_with_logits(
                given.expand(-1, 2),
                torch.tensor([0.0, 1.0]).expand(len(given), -1),
                reduction="none",
            )
        else:
            losses = -log_softmax(given, dim=1)
        total = total + (losses * wanted).sum() / wanted.sum().clamp(min=1.0)
    return total


def _as_taught(
    scores: torch.Tensor, teacher: torch.Tensor, columns: Mapping[str, slice]
) -> torch.Tensor:
    """How far all heads' probabilities are from the teacher's, both softened."""
    total = scores.new_zeros(())
    for of_head in columns.values():
        given, wanted = scores[:, of_head] / _SOFTENED, teacher[:, of_head] / _SOFTENED
        if given.shape[1] == 1:
            total = total + binary_cross_entropy_with_logits(given, wanted.sigmoid())
        else:
            total = total + cross_entropy(given, wanted.softmax(dim=1))
    return total * _SOFTENED**2


def _rate(step: int, steps: int) -> float:
    rise = max(1, int(steps * _WARM_UP))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + cos(pi * (step - rise) / max(1, steps - rise)))
