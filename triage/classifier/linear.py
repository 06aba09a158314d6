"""Linear scores over tf-idf features, in numpy alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle, BundleError
from triage.calibration import Floats
from triage.classifier.features import PAIRS, Vocabulary

#: Words shown as the ground for a unit.
_EVIDENCE = 3


@dataclass(frozen=True, slots=True)
class Vector:
    """Numbers and tf-idf values of the known features of one text."""

    numbers: NDArray[np.intp]
    values: Floats


class LinearScorer:
    """Sparse dot products with int8 weights; under a millisecond for a usual appeal.

    Of the bundle's arrays, `weights` is int8 (features, columns), `scales`, `biases` float32
    (columns,), `idf` float32 (features,).
    """

    def __init__(self, bundle: Bundle, columns: int) -> None:
        """Raises BundleError if the arrays do not fit each other, KeyError if one is missing."""
        self._vocabulary = Vocabulary(bundle.vocabulary)
        self._weights: NDArray[np.int8] = bundle.arrays["weights"]
        self._scales: Floats = bundle.arrays["scales"]
        self._biases: Floats = bundle.arrays["biases"]
        self._idf: Floats = bundle.arrays["idf"]
        size = len(self._vocabulary)
        if not (
            self._weights.shape == (size, columns)
            and self._weights.dtype == np.int8
            and self._scales.shape == self._biases.shape == (columns,)
            and self._idf.shape == (size,)
        ):
            raise BundleError("weights, vocabulary and heads do not fit each other")

    def vector(self, text: str) -> Vector:
        """The known features of a normalised text, each block of length one."""
        counted = self._vocabulary.read(text)
        numbers = np.fromiter(counted, dtype=np.intp, count=len(counted))
        times = np.fromiter(counted.values(), dtype=np.float32, count=len(counted))
        values = (1 + np.log(times)) * self._idf[numbers]
        return Vector(numbers, scale_blocks(numbers, values, self._vocabulary.ends[PAIRS]))

    def scores(self, vector: Vector) -> Floats:
        """Raw scores of all heads, shape (columns,), before temperatures."""
        rows = self._weights[vector.numbers].astype(np.float32)
        scores: Floats = (vector.values @ rows) * self._scales + self._biases
        return scores

    def evidence(self, vector: Vector, column: int) -> tuple[str, ...]:
        """The words and pairs that spoke most for the class of that column."""
        shown = self._vocabulary.shown
        gains = vector.values * self._weights[vector.numbers, column]
        gains *= vector.numbers < len(shown)
        best = np.argsort(-gains, kind="stable")[:_EVIDENCE]
        return tuple(shown[vector.numbers[place]] for place in best if gains[place] > 0)


def scale_blocks(numbers: NDArray[np.intp], values: Floats, border: int) -> Floats:
    """Scale the values below and from `border` on to Euclidean length one each."""
    scaled = values.copy()
    low = numbers < border
    for block in (low, ~low):
        length = float(np.sqrt(np.square(values[block]).sum()))
        if length > 0:
            scaled[block] /= length
    return scaled
