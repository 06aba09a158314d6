"""Curves of straight lines between points, as held-out data taught them."""

from bisect import bisect_right
from collections.abc import Sequence
from math import inf

Point = tuple[float, float]
#: Points by rising place; level before the first and after the last.
Curve = tuple[Point, ...]


def read_off(curve: Sequence[Point], place: float) -> float:
    """The curve's height at a place. Raises IndexError for a curve without points."""
    after = bisect_right(curve, (place, inf))
    if after in (0, len(curve)):
        return curve[min(after, len(curve) - 1)][1]
    (low, left), (high, right) = curve[after - 1], curve[after]
    return left + (right - left) * (place - low) / (high - low)
