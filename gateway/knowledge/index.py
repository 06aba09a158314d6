"""The index of all entries, in memory: words and meaning together.

An index is built once and never changed, so that a thread may search it while another builds the
next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.knowledge.entries import Entry
from gateway.knowledge.meanings import Halves, MeaningIndex
from gateway.knowledge.words import Counted, Floats, Terms, WordIndex

WORDS_SHARE: Final = 0.7
"""Of an entry's score, the share of its words; chosen on one half of the labelled questions."""
_COMPARED: Final = 200
"""So many entries, the best by words and mean meaning, are compared phrasing by phrasing."""
_MOST_READ: Final = 300
"""Characters of a question that are searched by."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """An entry with what it is found by; no vectors where there is no encoder."""

    entry: Entry
    counted: Counted
    vectors: Halves | None


@dataclass(frozen=True, slots=True)
class Found:
    """An entry, and how well it fits: about 0 to 1.7."""

    entry: Entry
    score: float


class Index:
    """Searches entries; those that do not hold on the day are never found."""

    def __init__(self, entries: Sequence[Prepared], terms: Terms) -> None:
        self._entries = [item.entry for item in entries]
        self._words = WordIndex([item.counted for item in entries], terms)
        vectors = [item.vectors for item in entries if item.vectors is not None]
        complete = bool(entries) and len(vectors) == len(entries)
        self._meanings = MeaningIndex(vectors) if complete else None
        days = [(item.entry.content.valid_from, item.entry.content.valid_to) for item in entries]
        self._first = np.array([(first or date.min).toordinal() for first, _ in days], np.int32)
        self._last = np.array([(last or date.max).toordinal() for _, last in days], np.int32)

    def __len__(self) -> int:
        return len(self._entries)

    def search(self, text: str, vector: Floats | None, day: date, most: int) -> list[Found]:
        """Return the entries that fit best, the best first; nothing that has nothing in common.

        `vector`, (size,), is what the text means, None where there is no encoder.
        """
        if not self._entries:
            return []
        scores = self._words.scores(text[:_MOST_READ])
        today = day.toordinal()
        scores[(self._first > today) | (self._last < today)] = -np.inf
        if self._meanings is not None and vector is not None:
            near = self._meanings.near(vector)
            scores = WORDS_SHARE * scores + (1 - WORDS_SHARE) * near
            places = _best(scores, max(_COMPARED, most))
            exact = self._meanings.exactly(vector, places)
            scores[places] += (1 - WORDS_SHARE) * (exact - near[places])
        return [
            Found(self._entries[place], float(scores[place]))
            for place in _best(scores, most)
            if scores[place] > 0
        ]


def _best(scores: Floats, most: int) -> NDArray[np.intp]:
    """Return the places of the highest scores, the highest first."""
    if most < len(scores):
        places = np.argpartition(scores, -most)[-most:]
    else:
        places = np.arange(len(scores))
    return places[np.argsort(-scores[places], kind="stable")]
