"""The encoder's part of a training run: held-out scores, its share of the blend, what ships."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.bundle import EncoderFiles
from training.blend import blended
from training.config import Config
from training.corpus import JUDGED
from training.dataset import Dataset
from training.encoder.export import to_onnx
from training.encoder.finetune import FineTuning, read_encoder
from training.groups import folds
from training.heldout import HeldOut


@dataclass(frozen=True, slots=True)
class Tuned:
    """The blend on held-out rows, and the encoder that was fine-tuned on everything."""

    held: HeldOut
    blend: dict[str, float]
    files: EncoderFiles


def tune(
    folder: Path,
    dataset: Dataset,
    linear: HeldOut,
    heads: Mapping[str, Sequence[str]],
    config: Config,
) -> Tuned:
    """Fine-tune once for every fold and once on all rows."""
    encoder = read_encoder(folder)
    tuning = FineTuning(encoder, dataset.examples, heads, config)
    scores = held_out_scores(tuning, dataset, config)
    held, blend = blended(linear, scores, heads)
    model = tuning.fit(range(len(dataset.examples)))
    return Tuned(held, blend, EncoderFiles(to_onnx(model), encoder.tokenizer.to_str()))


def held_out_scores(tuning: FineTuning, dataset: Dataset, config: Config) -> NDArray[np.float32]:
    """Scores of the judged rows, in order, by encoders that have not seen their groups."""
    fold = folds(dataset.group, config.folds, config.seed)
    judged = np.array([example.origin in JUDGED for example in dataset.examples])
    found: dict[int, NDArray[np.float32]] = {}
    for number in range(config.folds):
        left_out = judged & (fold == number)
        model = tuning.fit(np.flatnonzero(~left_out).tolist())
        rows = np.flatnonzero(left_out).tolist()
        found |= dict(zip(rows, tuning.scores(model, rows), strict=True))
    return np.stack([found[row] for row in np.flatnonzero(judged).tolist()])
