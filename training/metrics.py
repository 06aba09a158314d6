"""Figures of merit over decisions and labels."""

from collections.abc import Sequence

import numpy as np


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


def calibration_error(judged: Sequence[tuple[float, bool]], bins: int = 10) -> float | None:
    """Expected calibration error of (confidence, right) pairs over equally wide bins."""
    if not judged:
        return None
    values = np.array([confidence for confidence, _ in judged])
    hits = np.array([right for _, right in judged], dtype=float)
    bin_of = np.minimum((values * bins).astype(int), bins - 1)
    gaps = [
        abs(values[bin_of == number].mean() - hits[bin_of == number].mean())
        * (bin_of == number).mean()
        for number in range(bins)
        if (bin_of == number).any()
    ]
    return round(float(sum(gaps)), 4)
