"""The encoder's part of a training run: held-out scores, its share of the blend, what ships."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.bundle import EncoderFiles
from training.blend import blended
from training.config import Config
from training.corpus import JUDGED, LAWS, Example
from training.dataset import Dataset
from training.encoder.export import to_onnx
from training.encoder.finetune import Encoder, FineTuning, HeadsOnEncoder, read_encoder
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
    lesson = Lesson(encoder, dataset.examples, heads, config)
    held, blend = blended(linear, held_out_scores(lesson, dataset, config), heads)
    model = lesson.fit(range(len(dataset.examples)))
    return Tuned(held, blend, EncoderFiles(to_onnx(model), encoder.tokenizer.to_str()))


class Lesson:
    """The whole encoder is fine-tuned; its first layers then learn from it, and they ship.

    They score several times faster and lose little: with what the whole encoder makes of every
    text, labelled or not, they have more to learn from than the labels say.
    """

    def __init__(
        self,
        encoder: Encoder,
        examples: Sequence[Example],
        heads: Mapping[str, Sequence[str]],
        config: Config,
    ) -> None:
        """With no `student_layers` in the config the whole encoder ships."""
        self._examples = examples
        self._teacher = FineTuning(encoder, examples, heads, config)
        self._student: FineTuning | None = None
        settings = config.encoder
        if settings.student_layers:
            schooled = settings.model_copy(
                update={"epochs": settings.student_epochs, "rate": settings.student_rate}
            )
            self._student = FineTuning(
                encoder.first_layers(settings.student_layers),
                examples,
                heads,
                config.model_copy(update={"encoder": schooled}),
            )

    def fit(self, rows: Sequence[int]) -> HeadsOnEncoder:
        """The model that ships, taught by these rows."""
        teacher = self._teacher.fit(rows)
        if self._student is None:
            return teacher
        read = [row for row in rows if self._examples[row].origin != LAWS]
        said = np.zeros((len(self._examples), teacher.heads.out_features), dtype=np.float32)
        said[read] = self._teacher.scores(teacher, read)
        return self._student.fit(read, said)

    def scores(self, model: HeadsOnEncoder, rows: Sequence[int]) -> NDArray[np.float32]:
        """Scores of these rows, (rows, columns)."""
        return (self._student or self._teacher).scores(model, rows)


def held_out_scores(lesson: Lesson, dataset: Dataset, config: Config) -> NDArray[np.float32]:
    """Scores of the judged rows, in order, by encoders that have not seen their groups."""
    fold = folds(dataset.group, config.folds, config.seed)
    judged = np.array([example.origin in JUDGED for example in dataset.examples])
    found: dict[int, NDArray[np.float32]] = {}
    for number in range(config.folds):
        left_out = judged & (fold == number)
        model = lesson.fit(np.flatnonzero(~left_out).tolist())
        rows = np.flatnonzero(left_out).tolist()
        found |= dict(zip(rows, lesson.scores(model, rows), strict=True))
    return np.stack([found[row] for row in np.flatnonzero(judged).tolist()])
