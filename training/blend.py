"""How much of each head's scores is the encoder's, and how much the linear model's."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from training.estimates import log_loss, temperature
from training.heldout import HeldOut, class_of
from triage.classifier.blended import column_shares, mix
from triage.classifier.heads import HEADS, head_columns

_SHARES = tuple(number / 20 for number in range(21))


def blended(
    linear: HeldOut, encoder: HeldOut, heads: Mapping[str, Sequence[str]]
) -> tuple[HeldOut, dict[str, float]]:
    """The same held-out rows with both models' scores mixed, and the encoder's share by head."""
    blend = {head: _share(linear, encoder.scores, heads, head) for head in HEADS}
    shares = column_shares(blend, heads)
    scores = mix(linear.scores, encoder.scores, shares)
    passages = {
        text: mix(of_text, encoder.passages[text], shares)
        for text, of_text in linear.passages.items()
    }
    return HeldOut(linear.examples, scores, linear.fold, passages), blend


def _share(
    linear: HeldOut,
    encoder: NDArray[np.float32],
    heads: Mapping[str, Sequence[str]],
    head: str,
) -> float:
    """The share under which held-out labels are most probable, each with its best temperature."""
    classes = [class_of(example, heads, head) for example in linear.examples]
    rows = [row for row, number in enumerate(classes) if number is not None]
    labels = np.array([classes[row] for row in rows], dtype=np.intp)
    columns = head_columns(heads)[head]

    def loss(share: float) -> float:
        part = np.full(columns.stop - columns.start, share, dtype=np.float32)
        mixed = mix(linear.scores[rows][:, columns], encoder[rows][:, columns], part)
        return log_loss(mixed / temperature(mixed, labels), labels)

    return min(_SHARES, key=loss) if rows else 0.0
