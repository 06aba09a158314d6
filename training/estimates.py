"""Temperatures, thresholds and the conformal set, all from held-out scores."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from sklearn.isotonic import IsotonicRegression

_TEMPERATURES = (0.05, 5.0)
#: With fewer rows a curve of how often the first unit is right would be noise.
_FEWEST_FIRST = 400


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold with what it does on the rows that it was chosen on."""

    value: float
    precision: float
    recall: float


def temperature(logits: NDArray[np.float32], classes: NDArray[np.intp]) -> float:
    """The temperature that makes held-out labels most probable; one column means yes or no."""
    if not len(classes):
        return 1.0
    found = minimize_scalar(
        lambda value: log_loss(logits / value, classes), bounds=_TEMPERATURES, method="bounded"
    )
    return round(float(found.x), 4)


def log_loss(logits: NDArray[np.float32], classes: NDArray[np.intp]) -> float:
    """Mean negative log probability of the classes; one column means yes or no."""
    if logits.shape[1] == 1:
        logits = np.hstack([np.zeros_like(logits), logits])
    shares = softmax(logits, axis=1)[np.arange(len(classes)), classes]
    return float(-np.log(np.maximum(shares, 1e-12)).mean())


def precise_threshold(
    scores: Sequence[float], right: Sequence[bool], least_precision: float
) -> Threshold:
    """The lowest threshold at which at least that share is right.

    Without any such threshold, one that nothing reaches.
    """
    order = np.argsort(-np.asarray(scores), kind="stable")
    values = np.asarray(scores)[order]
    hits = np.asarray(right)[order].cumsum()
    precision = hits / np.arange(1, len(order) + 1)
    # Only where the next score is lower does a threshold cut.
    cuts = np.append(values[1:] < values[:-1], True) if len(values) else np.array([], dtype=bool)
    fitting = np.flatnonzero((precision >= least_precision) & cuts)
    if not len(fitting):
        return Threshold(1.0, 0.0, 0.0)
    last = int(fitting[-1])
    recall = float(hits[last] / max(1, hits[-1]))
    return Threshold(float(values[last]), float(precision[last]), recall)


def set_threshold(right: Sequence[float], coverage: float) -> float:
    """Split conformal: the probability that the right unit reaches in that share of rows."""
    if not right:
        return 0.0
    ordered = np.sort(np.asarray(right))
    rank = int(np.floor((len(ordered) + 1) * (1 - coverage))) - 1
    return 0.0 if rank < 0 else float(ordered[rank])


def first_knots(
    said: Sequence[float], right: Sequence[bool], most: int = 16
) -> tuple[tuple[float, float], ...]:
    """How often the first unit was right at probabilities said of it: isotonic, at equal masses.

    Without enough rows to tell, no knots.
    """
    if len(said) < _FEWEST_FIRST:
        return ()
    given = np.asarray(said)
    curve = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(given, right)
    parts = np.array_split(np.sort(given), most)
    places = dict.fromkeys(round(float(part.mean()), 4) for part in parts)
    return tuple((place, round(float(curve.predict([place])[0]), 4)) for place in places)


def lower_quantile(scores: Sequence[float], share: float) -> float:
    """The score that only `share` of the rows stay below."""
    return round(float(np.quantile(np.asarray(scores), share)), 4) if scores else 0.0
