"""The encoder's part of a training run: held-out scores, its share of the blend, what ships."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.bundle import EncoderFiles
from training.blend import blended
from training.config import Config
from training.corpus import LAWS, PASSAGE, Example
from training.dataset import Dataset
from training.encoder.export import to_onnx
from training.encoder.finetune import Encoder, FineTuning, HeadsOnEncoder, read_encoder
from training.heldout import HeldOut, hold_out


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
    own = hold_out(dataset, config, lesson.score)
    held, blend = blended(linear, own, heads)
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
        read = [row for row in rows if self._examples[row].origin not in (LAWS, PASSAGE)]
        said = np.zeros((len(self._examples), teacher.heads.out_features), dtype=np.float32)
        said[read] = self._teacher.scores(teacher, read)
        return self._student.fit(read, said)

    def score(self, taught: Sequence[int], rows: Sequence[int]) -> NDArray[np.float32]:
        """Scores of the second rows, (rows, columns), by a model that the first have taught."""
        return (self._student or self._teacher).scores(self.fit(taught), rows)
