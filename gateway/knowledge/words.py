"""Finding entries by words: BM25 over an inverted index of words and pairs of characters.

Words are what jieba cuts, as in triage; pairs of neighbouring characters find what it cuts
otherwise in the question than in the entry. All in numpy: a term's entries lie beside one another.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.knowledge.entries import Content
from triage.text.normalise import normalise
from triage.text.segment import words

Floats = NDArray[np.float32]
Numbers = NDArray[np.int32]
_RUN: Final = re.compile(r"[\u3400-\u9fff]{2,}")
_PAIR: Final = "_"
"""Stands before a pair, to tell it from a word of the same two characters."""
_SATURATION, _LENGTH_SHARE = 1.2, 0.4
"""BM25's k1 and b: how soon a term's repeats count no more, how much a long entry is held back."""
_ANSWER_WEIGHT: Final = 0.3
"""What a term of the answer counts beside one of the questions."""
_MOST_OF_ANSWER: Final = 2


def terms_of(text: str) -> list[str]:
    """Return the words and the pairs of characters of any text, as often as they occur."""
    normal = normalise(text).text
    found = [word for word in words(normal) if any(char.isalnum() for char in word)]
    for run in _RUN.findall(normal):
        found += [_PAIR + run[at : at + 2] for at in range(len(run) - 1)]
    return found


class Terms:
    """Numbers terms as they are met."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def number(self, term: str) -> int:
        """Return the term's number, a new one if it has none yet."""
        return self._numbers.setdefault(term, len(self._numbers))

    def known(self, terms: Iterable[str]) -> list[int | None]:
        """Return the numbers of those that have one."""
        return [self._numbers.get(term) for term in terms]


@dataclass(frozen=True, slots=True)
class Counted:
    """The different terms of one entry by number, and how much each occurs."""

    numbers: Numbers
    counts: Floats


def count_terms(content: Content, terms: Terms) -> Counted:
    """Return the terms of an entry's questions and, at less weight, of its answer."""
    counted: Counter[str] = Counter()
    for phrasing in content.phrasings:
        counted.update(terms_of(phrasing))
    found: dict[str, float] = dict(counted)
    for term, times in Counter(terms_of(content.answer)).items():
        found[term] = found.get(term, 0) + _ANSWER_WEIGHT * min(times, _MOST_OF_ANSWER)
    return Counted(
        np.fromiter(map(terms.number, found), np.int32, len(found)),
        np.fromiter(found.values(), np.float32, len(found)),
    )


class WordIndex:
    """The inverted index of some entries, by their places in the sequence it was built from."""

    def __init__(self, entries: Sequence[Counted], terms: Terms) -> None:
        self._terms = terms
        self._size = len(entries)
        if not entries:
            return
        numbers = np.concatenate([entry.numbers for entry in entries])
        counts = np.concatenate([entry.counts for entry in entries])
        sizes = [len(entry.numbers) for entry in entries]
        places = np.repeat(np.arange(self._size, dtype=np.int32), sizes)
        holders = np.bincount(numbers, minlength=len(terms))
        self._ends = np.cumsum(holders)
        self._idf = _idf(self._size, holders)
        self._rarest = float(_idf(self._size, np.zeros(1))[0])
        lengths = np.bincount(places, weights=counts, minlength=self._size)
        shares = 1 - _LENGTH_SHARE + _LENGTH_SHARE * lengths / lengths.mean()
        weights = self._idf[numbers] * counts * (_SATURATION + 1)
        weights /= counts + _SATURATION * shares[places]
        order = np.argsort(numbers, kind="stable")
        self._places = places[order]
        self._weights = weights[order].astype(np.float32)

    def scores(self, text: str) -> Floats:
        """How well each entry holds the text's terms: about 0 to 2, (entries,).

        A share of what the rarest terms could give: the text's terms that no entry has count too,
        so that a text which says much else scores low.
        """
        asked = set(terms_of(text))
        known = [n for n in self._terms.known(asked) if n is not None and n < len(self._ends)]
        most = float(self._idf[known].sum()) + (len(asked) - len(known)) * self._rarest
        if not known or most <= 0:
            return np.zeros(self._size, np.float32)
        slices = [slice(self._ends[n - 1] if n else 0, self._ends[n]) for n in known]
        summed = np.bincount(
            np.concatenate([self._places[part] for part in slices]),
            weights=np.concatenate([self._weights[part] for part in slices]),
            minlength=self._size,
        )
        return (summed / most).astype(np.float32)


def _idf(size: int, holders: NDArray[np.generic]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.log(1 + (size - holders + 0.5) / (holders + 0.5))  # type: ignore[operator]
    return found
