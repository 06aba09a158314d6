"""Finding entries by meaning: the cosine between a question and every way of asking.

A vector lies far off the origin, in the direction that all sentences share: their mean is taken
off first. An entry is first compared by the mean of its phrasings, and of the nearest each
phrasing by itself.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Halves = NDArray[np.float16]
_AT_ONCE: Final = 8192


class MeaningIndex:
    """Vectors of all phrasings, (phrasings, size) of each entry; at least one entry."""

    def __init__(self, entries: Sequence[Halves]) -> None:
        self._ends = np.cumsum([len(vectors) for vectors in entries])
        vectors = np.concatenate(entries)
        self._shared = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
        self._vectors = np.empty_like(vectors)
        starts = np.concatenate([[0], self._ends[:-1]])
        for first in range(0, len(vectors), _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            self._vectors[part] = _to_length_one(vectors[part].astype(np.float32) - self._shared)
        means = np.empty((len(entries), vectors.shape[1]), np.float32)
        for first in range(0, len(entries), _AT_ONCE // 8):
            last = min(first + _AT_ONCE // 8, len(entries))
            begin = starts[first]
            rows = self._vectors[begin : self._ends[last - 1]].astype(np.float32)
            means[first:last] = np.add.reduceat(rows, starts[first:last] - begin, axis=0)
        self._means = _to_length_one(means)

    def near(self, vector: Floats) -> Floats:
        """About how near each entry is, by the mean of its phrasings: cosines, (entries,)."""
        found: Floats = self._means @ self._direction(vector)
        return found

    def exactly(self, vector: Floats, places: NDArray[np.intp]) -> Floats:
        """How near the nearest phrasing of each of these entries is: cosines, (places,)."""
        direction = self._direction(vector)
        ends = self._ends[places]
        starts = np.where(places > 0, self._ends[places - 1], 0)
        return np.array(
            [
                (self._vectors[start:end].astype(np.float32) @ direction).max()
                for start, end in zip(starts, ends, strict=True)
            ],
            np.float32,
        )

    def _direction(self, vector: Floats) -> Floats:
        found: Floats = _to_length_one((vector - self._shared)[np.newaxis])[0]
        return found


def _to_length_one(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: Floats = (vectors / np.maximum(lengths, 1e-6)).astype(np.float32)
    return found
