"""A linear classifier over tf-idf features, in numpy alone, built from a bundle."""

from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle, BundleError
from triage.calibration import Calibration, Floats, sigmoid, softmax
from triage.classifier.features import PAIRS, Vocabulary
from triage.classifier.port import Prediction
from triage.decision import Kind, ModelVersion, Tier, Topic

#: Heads in the order of the weight columns; the last two have one column each.
UNIT, TIER, KIND, TOPIC, DOMAIN, SEVERAL = "unit", "tier", "kind", "topic", "domain", "several"
HEADS = (UNIT, TIER, KIND, TOPIC, DOMAIN, SEVERAL)

#: Words shown as the ground for a unit.
_EVIDENCE = 3


class LinearClassifier:
    """Sparse dot products with int8 weights; under a millisecond for a usual appeal.

    `weights` is int8 (features, columns), `scales`, `biases` float32 (columns,), `idf` float32
    (features,). The card's `heads` maps each head to its class names, in column order.
    """

    def __init__(self, bundle: Bundle) -> None:
        """Raises BundleError if the parts of the bundle do not fit each other."""
        try:
            self._heads: dict[str, list[str]] = {
                name: list(bundle.card["heads"][name]) for name in HEADS
            }
            self._calibration = Calibration.model_validate(bundle.card["calibration"])
            self._version = ModelVersion(name=bundle.card["name"], version=bundle.card["version"])
            self._vocabulary = Vocabulary(bundle.vocabulary)
            self._weights: NDArray[np.int8] = bundle.arrays["weights"]
            self._scales: Floats = bundle.arrays["scales"]
            self._biases: Floats = bundle.arrays["biases"]
            self._idf: Floats = bundle.arrays["idf"]
            _check_names(self._heads)
        except (KeyError, ValueError) as error:
            raise BundleError(f"the bundle is no linear classifier: {error}") from error
        self._columns = self._check()

    @property
    def version(self) -> ModelVersion:
        """Name and version from the card."""
        return self._version

    @property
    def calibration(self) -> Calibration:
        """The thresholds from the card."""
        return self._calibration

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One prediction for every normalised text."""
        return [self._predict(text) for text in texts]

    def logits(self, text: str) -> Floats:
        """Raw scores of all heads, shape (columns,), before temperatures."""
        return self._score(*self._vector(text))

    def _check(self) -> dict[str, slice]:
        columns = head_columns(self._heads)
        size, width = len(self._vocabulary), columns[HEADS[-1]].stop
        fits = (
            self._weights.shape == (size, width)
            and self._weights.dtype == np.int8
            and self._scales.shape == self._biases.shape == (width,)
            and self._idf.shape == (size,)
            and set(HEADS) <= set(self._calibration.temperatures)
        )
        if not fits:
            raise BundleError("weights, vocabulary, heads and calibration do not fit each other")
        return columns

    def _predict(self, text: str) -> Prediction:
        numbers, values = self._vector(text)
        scores = self._score(numbers, values)
        column = int(scores[self._columns[UNIT]].argmax())
        evidence = self._evidence(numbers, values, column)
        return read_scores(scores, self._heads, self._calibration, evidence)

    def _vector(self, text: str) -> tuple[NDArray[np.intp], Floats]:
        """Numbers and tf-idf values of the known features, each block of length one."""
        counted = self._vocabulary.read(text)
        numbers = np.fromiter(counted, dtype=np.intp, count=len(counted))
        times = np.fromiter(counted.values(), dtype=np.float32, count=len(counted))
        values = (1 + np.log(times)) * self._idf[numbers]
        return numbers, scale_blocks(numbers, values, self._vocabulary.ends[PAIRS])

    def _score(self, numbers: NDArray[np.intp], values: Floats) -> Floats:
        rows = self._weights[numbers].astype(np.float32)
        scores: Floats = (values @ rows) * self._scales + self._biases
        return scores

    def _evidence(self, numbers: NDArray[np.intp], values: Floats, column: int) -> tuple[str, ...]:
        """The words and pairs that spoke most for the unit in `column`."""
        shown = self._vocabulary.shown
        gains = values * self._weights[numbers, column] * (numbers < len(shown))
        best = np.argsort(-gains, kind="stable")[:_EVIDENCE]
        return tuple(shown[numbers[place]] for place in best if gains[place] > 0)


def head_columns(heads: Mapping[str, Sequence[str]]) -> dict[str, slice]:
    """The score columns of every head."""
    edges = accumulate((len(heads[name]) for name in HEADS), initial=0)
    return {name: slice(*edge) for name, edge in zip(HEADS, pairwise(edges), strict=True)}


def read_scores(
    scores: Floats,
    heads: Mapping[str, Sequence[str]],
    calibration: Calibration,
    evidence: tuple[str, ...] = (),
) -> Prediction:
    """Calibrated probabilities out of one text's raw scores, shape (columns,)."""
    columns = head_columns(heads)
    warmth = calibration.temperatures
    values: list[float] = scores.tolist()

    def shares(head: str) -> dict[str, float]:
        return dict(zip(heads[head], softmax(values[columns[head]], warmth[head]), strict=True))

    def share(head: str) -> float:
        return sigmoid(values[columns[head]][0], warmth[head])

    return Prediction(
        units=shares(UNIT),
        tiers={Tier(name): value for name, value in shares(TIER).items()},
        kinds={Kind(name): value for name, value in shares(KIND).items()},
        topics={Topic(name): value for name, value in shares(TOPIC).items()},
        in_domain=share(DOMAIN),
        several=share(SEVERAL),
        evidence=evidence,
    )


def _check_names(heads: Mapping[str, Sequence[str]]) -> None:
    """Raises ValueError for a class name that decisions do not know."""
    for head, names in ((TIER, Tier), (KIND, Kind), (TOPIC, Topic)):
        for name in heads[head]:
            names(name)
    if set(heads[TIER]) != set(Tier):
        raise ValueError("a tier is missing")


def scale_blocks(numbers: NDArray[np.intp], values: Floats, border: int) -> Floats:
    """Scale the values below and from `border` on to Euclidean length one each."""
    scaled = values.copy()
    low = numbers < border
    for block in (low, ~low):
        length = float(np.sqrt(np.square(values[block]).sum()))
        if length > 0:
            scaled[block] /= length
    return scaled
