"""Figures of merit over decisions and labels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta


def share(flags: Sequence[bool]) -> float | None:
    """Share of true flags, or None without any."""
    return round(sum(flags) / len(flags), 4) if flags else None


def recall_precision(
    found: Sequence[bool], right: Sequence[bool]
) -> tuple[float | None, float | None]:
    """Recall and precision of a yes-or-no decision; None where undefined."""
    both = sum(a and b for a, b in zip(found, right, strict=True))
    wanted, chosen = sum(right), sum(found)
    return (
        round(both / wanted, 4) if wanted else None,
        round(both / chosen, 4) if chosen else None,
    )


def macro_f1(found: Sequence[str], right: Sequence[str]) -> float | None:
    """Mean F1 over the classes that occur among the labels."""
    if not right:
        return None
    scores = []
    for name in sorted(set(right)):
        both = sum(a == b == name for a, b in zip(found, right, strict=True))
        named = sum(a == name for a in found) + sum(b == name for b in right)
        scores.append(2 * both / named)
    return round(float(np.mean(scores)), 4)


def calibration_error(judged: Sequence[tuple[float, bool]], bins: int = 15) -> float | None:
    """Expected calibration error of (confidence, right) pairs over bins of equal size."""
    if not judged:
        return None
    values = np.array([confidence for confidence, _ in judged])
    hits = np.array([right for _, right in judged], dtype=float)
    return round(_calibration_error(values, hits, bins), 4)


def calibration_interval(
    judged: Sequence[tuple[float, bool]], bins: int = 15, times: int = 200
) -> tuple[float, float] | None:
    """The 95 % bootstrap interval of the calibration error."""
    if not judged:
        return None
    values = np.array([confidence for confidence, _ in judged])
    hits = np.array([right for _, right in judged], dtype=float)
    random = np.random.default_rng(len(judged))
    found = []
    for _ in range(times):
        rows = random.integers(0, len(values), len(values))
        found.append(_calibration_error(values[rows], hits[rows], bins))
    low, high = np.quantile(found, [0.025, 0.975])
    return round(float(low), 4), round(float(high), 4)


def upper_end(wrong: int, rows: int) -> float:
    """Upper end of the two-sided 95 % interval of a share (Clopper and Pearson)."""
    return 1.0 if wrong >= rows else float(beta.ppf(0.975, wrong + 1, rows - wrong))


def _calibration_error(values: NDArray[np.float64], hits: NDArray[np.float64], bins: int) -> float:
    order = np.argsort(values, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    gaps = [abs(values[part].mean() - hits[part].mean()) * len(part) for part in parts]
    return float(sum(gaps) / len(values))
