"""The classifier that a bundle holds: linear scores, mixed with those of its encoder, if any."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from models.bundle import Bundle, BundleError
from triage.calibration import Calibration, Floats
from triage.classifier.encoder import EncoderScorer
from triage.classifier.heads import HEADS, UNIT, check_names, head_columns, read_scores
from triage.classifier.linear import LinearScorer
from triage.classifier.port import Prediction
from triage.decision import ModelVersion


class BlendedClassifier:
    """Built from a bundle, whose encoder may be missing.

    The card's `heads` maps each head to its class names, in column order; `encoder` has `tokens`,
    the most pieces of a text that are read, and `blend`, each head's share of encoder's scores.
    """

    def __init__(self, bundle: Bundle) -> None:
        """Raises BundleError if the parts of the bundle do not fit each other."""
        try:
            self._heads: dict[str, list[str]] = bundle.card["heads"]
            check_names(self._heads)
            self._calibration = Calibration.model_validate(bundle.card["calibration"])
            self._version = ModelVersion(name=bundle.card["name"], version=bundle.card["version"])
            columns = head_columns(self._heads)
            width = columns[HEADS[-1]].stop
            self._linear = LinearScorer(bundle, width)
            self._units = columns[UNIT]
            self._encoder: EncoderScorer | None = None
            self._shares = np.zeros(width, dtype=np.float32)
            if bundle.encoder is not None:
                self._encoder = EncoderScorer(bundle.encoder, bundle.card["encoder"]["tokens"])
                self._shares = column_shares(bundle.card["encoder"]["blend"], self._heads)
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"the bundle is no classifier: {error}") from error
        if not set(HEADS) <= set(self._calibration.temperatures):
            raise BundleError("the calibration does not fit the heads")

    @property
    def version(self) -> ModelVersion:
        """Name and version from the card."""
        return self._version

    @property
    def calibration(self) -> Calibration:
        """The thresholds from the card."""
        return self._calibration

    @property
    def units(self) -> Collection[str]:
        """The unit codes from the card, and `district`."""
        return self._heads[UNIT]

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One prediction for every normalised text."""
        vectors = [self._linear.vector(text) for text in texts]
        mixed = self._mixed(texts, [self._linear.scores(vector) for vector in vectors])
        return [
            read_scores(
                scores,
                self._heads,
                self._calibration,
                self._linear.evidence(vector, int(scores[self._units].argmax())),
            )
            for scores, vector in zip(mixed, vectors, strict=True)
        ]

    def scores(self, texts: Sequence[str]) -> list[Floats]:
        """Raw scores of all heads for every text, shape (columns,) each, before temperatures."""
        linear = [self._linear.scores(self._linear.vector(text)) for text in texts]
        return self._mixed(texts, linear)

    def _mixed(self, texts: Sequence[str], linear: list[Floats]) -> list[Floats]:
        if self._encoder is None or not texts:
            return linear
        return list(mix(np.stack(linear), self._encoder.scores(texts), self._shares))


def column_shares(blend: Mapping[str, float], heads: Mapping[str, Sequence[str]]) -> Floats:
    """The encoder's share of every score column."""
    return np.concatenate(
        [np.full(len(heads[name]), blend[name], dtype=np.float32) for name in HEADS]
    )


def mix(linear: Floats, encoder: Floats, shares: Floats) -> Floats:
    """Scores (texts, columns) of both, by the encoder's share of every column."""
    mixed: Floats = (1 - shares) * linear + shares * encoder
    return mixed
