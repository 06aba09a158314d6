"""Features of a normalised text: words, pairs of words, character 2- to 4-grams.

Training and service share this module, so that both see the same features. Nothing with a digit
is a feature.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from ahocorasick_rs import AhoCorasick, Implementation

from triage.text.segment import words

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]{2,}")
_SIZES = (2, 3, 4)

WORDS, PAIRS, GRAMS = "words", "pairs", "grams"
#: The kinds of features, in the order in which a vocabulary numbers them.
FIELDS = (WORDS, PAIRS, GRAMS)


def word_features(cut: Iterable[str]) -> tuple[list[str], list[str]]:
    """Words and pairs of neighbouring words; a pair never reaches over what is no word."""
    single: list[str] = []
    pairs: list[str] = []
    before = ""
    for word in cut:
        if not word.isalpha() or (len(word) == 1 and word.isascii()):
            before = ""
            continue
        single.append(word)
        if before:
            pairs.append(before + word)
        before = word
    return single, pairs


def gram_features(text: str) -> list[str]:
    """Character 2- to 4-grams of every run of Chinese characters."""
    return [
        run[start : start + size]
        for run in _HAN.findall(text)
        for size in _SIZES
        for start in range(len(run) - size + 1)
    ]


def features(text: str) -> dict[str, list[str]]:
    """All features of a normalised text, by field, repeated as often as they occur."""
    single, pairs = word_features(words(text))
    return {WORDS: single, PAIRS: pairs, GRAMS: gram_features(text)}


class Vocabulary:
    """Numbers known features: first all words, then all pairs, then all grams."""

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        self._numbers: dict[str, dict[str, int]] = {}
        first = 0
        self.ends: dict[str, int] = {}
        for name in FIELDS:
            known = fields[name]
            self._numbers[name] = {item: first + place for place, item in enumerate(known)}
            first += len(known)
            self.ends[name] = first
        #: Words and pairs by number, to show them as evidence.
        self.shown = [*fields[WORDS], *fields[PAIRS]]
        # Every known gram lies inside a run of Chinese characters, so that the automaton finds
        # what `gram_features` would spell out, a few hundred pieces a text, to look them up.
        self._grams = AhoCorasick(
            list(fields[GRAMS]), implementation=Implementation.ContiguousNFA, store_patterns=False
        )

    def __len__(self) -> int:
        return self.ends[GRAMS]

    def counts(self, found: Mapping[str, Sequence[str]]) -> dict[int, int]:
        """How often each known feature occurs, by number."""
        return _counted(map(self._numbers[name].get, found[name]) for name in FIELDS)

    def read(self, text: str) -> dict[int, int]:
        """The same as `counts(features(text))`, sooner."""
        single, pairs = word_features(words(text))
        first = self.ends[PAIRS]
        grams = self._grams.find_matches_as_indexes(text, overlapping=True)
        return _counted(
            (
                map(self._numbers[WORDS].get, single),
                map(self._numbers[PAIRS].get, pairs),
                [first + number for number, _, _ in grams],
            )
        )


def _counted(numbers: Iterable[Iterable[int | None]]) -> dict[int, int]:
    counted = Counter(chain.from_iterable(numbers))
    counted.pop(None, None)
    return counted  # type: ignore[return-value]
