"""How alike two appeals are, and why. Nothing is stored here; texts are masked ones.

A text becomes a sketch: its 48 weightiest pairs of characters. A pair weighs more the rarer it is
in appeals, the more often the text says it, and if the text begins with it: people name the place
and the matter first. Two sketches are as alike as the cosine between them. Pairs of names of places
are marked: texts that name places, and none in common, are not of one matter, however alike their
words.
"""

import math
import re
import zlib
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Self

from triage.alike.commonness import RARE, Commonness
from triage.text.normalise import normalise

SIZE: Final = 48
KEYS: Final = 16
"""So many of a sketch's pairs are looked up: the weightiest."""
SAME_MATTER: Final = 0.31
"""From here on two appeals are of one matter; chosen on one half of the labelled clusters."""
SAME_MATTER_SURELY: Final = 0.34
"""From here on an appeal that is like two clusters makes one of them."""
SAME_PLACE: Final = 0.1
"""The share of the places' weight that one text must have in common with the other."""
_MOST_TEXT: Final = 20_000
_HEAD, _SHORTEST_HEAD = 40, 8
_HEAD_WEIGHT: Final = 2.0
_SIGN_NATS: Final = 4.0
"""Letters and digits: numbers of lines and blocks tell something, a district's code little."""
_PLACE_NATS: Final = 5.0
_LEVELS: Final = 127
_PLACE_BIT: Final = 128
_TOKEN: Final = re.compile(r"\[(?:电话|身份证号|银行卡号|诉求人)\]")
_RUN: Final = re.compile(r"[\u4e00-\u9fff]+|[a-z0-9]+")
_PLACE: Final = re.compile(
    "小区|社区|街道|大道|公园|广场|大厦|花园|新城|家园|学校|小学|中学|医院|公司|集团|酒店|幼儿园|派出所|市场"
    "|商城|公寓|大桥|立交|水库|工地|[路街巷村镇乡苑城湾园里庄府站桥厂店]"
)
_BEFORE_SUFFIX: Final = 3


@dataclass(frozen=True, slots=True)
class Sketch:
    """The pairs that matter most in a text, the weightiest first; weights have the length 1."""

    weights: Mapping[int, float]
    places: frozenset[int]

    @property
    def keys(self) -> list[int]:
        """What the sketch is found by."""
        return list(self.weights)[:KEYS]

    def to_bytes(self) -> bytes:
        """Return the sketch as it is stored: four bytes a pair, then one for each weight."""
        levels = bytes(
            max(1, round(weight * _LEVELS)) | (_PLACE_BIT if pair in self.places else 0)
            for pair, weight in self.weights.items()
        )
        return array("I", self.weights).tobytes() + levels

    @classmethod
    def from_bytes(cls, stored: bytes) -> Self:
        """Return a stored sketch."""
        size = len(stored) // 5
        pairs = array("I", stored[: 4 * size])
        levels = stored[4 * size :]
        places = frozenset(
            pair for pair, level in zip(pairs, levels, strict=True) if level & _PLACE_BIT
        )
        weights = {
            pair: (level & _LEVELS) / _LEVELS for pair, level in zip(pairs, levels, strict=True)
        }
        return cls(_to_length_one(weights.items()), places)


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two sketches are, from 0 to 1, and by which pairs."""

    score: float
    shared: frozenset[int]
    same_place: bool
    """Whether they name a place in common, or one of them names none."""

    @property
    def is_same_matter(self) -> bool:
        """Whether two appeals this alike are of one matter."""
        return self.same_place and self.score >= SAME_MATTER


def sketch(text: str, table: Commonness) -> Sketch:
    """Return the sketch of a masked text; one without words has no pairs."""
    plain = normalise(_TOKEN.sub(" ", text[:_MOST_TEXT])).text
    first = plain.split("\n", 1)[0]
    head = (first if len(first) >= _SHORTEST_HEAD else plain)[:_HEAD]
    opening = set(pairs_of(head))
    named = _names(head)
    weighed: list[tuple[float, int, str]] = []
    for pair, times in Counter(pairs_of(plain)).items():
        told = _SIGN_NATS if pair < "\u4e00" else table.get(pair, RARE)
        if times > 1 or pair in opening:
            told *= 1 + math.log(times) + (_HEAD_WEIGHT if pair in opening else 0)
        weighed.append((-told, _number(pair), pair))
    # By number where weights are equal: in no order that the text has.
    weighed.sort()
    kept = weighed[:SIZE]
    return Sketch(
        _to_length_one((number, -weight) for weight, number, _ in kept),
        frozenset(
            number
            for _, number, pair in kept
            if pair in named and table.get(pair, RARE) >= _PLACE_NATS
        ),
    )


def likeness(one: Sketch, other: Sketch) -> Likeness:
    """Return how alike two sketches are; the order of the two does not matter."""
    shared = one.weights.keys() & other.weights.keys()
    # Sorted, so that the sum is the same in either order to the last bit.
    score = sum(one.weights[pair] * other.weights[pair] for pair in sorted(shared))
    same_place = not (one.places and other.places) or (
        max(_share(one, other), _share(other, one)) >= SAME_PLACE
    )
    return Likeness(min(1.0, score), frozenset(shared), same_place)


def reason(found: Likeness, text: str) -> dict[str, Any]:
    """Return why: the words of this masked text that the other has too, places apart."""
    shared: list[str] = []
    plain = normalise(_TOKEN.sub(" ", text[:_MOST_TEXT])).text
    named = _names(plain[:_HEAD])
    for run in _RUN.findall(plain):
        shared += _stretches(run, found.shared)
    words = list(dict.fromkeys(shared))
    places = [word for word in words if any(pair in named for pair in pairs_of(word))]
    return {
        "kind": "same_matter",
        "places": places[:5],
        "words": [word for word in words if word not in places][:10],
    }


def _stretches(run: str, shared: frozenset[int]) -> list[str]:
    """The longest stretches of a run of characters all of whose pairs are shared."""
    if run[0] < "\u4e00":
        return [run] if _number(run) in shared else []
    stretches, start = [], None
    for at in range(len(run)):
        if at + 1 < len(run) and _number(run[at : at + 2]) in shared:
            start = at if start is None else start
        elif start is not None:
            stretches.append(run[start : at + 1])
            start = None
    return stretches


def pairs_of(plain: str) -> list[str]:
    """All pairs of neighbouring characters; letters and digits stay together."""
    found: list[str] = []
    for run in _RUN.findall(plain):
        if run[0] < "\u4e00":
            found.append(run)
        else:
            found += map("".join, pairwise(run))
    return found


def _names(plain: str) -> set[str]:
    """The pairs that lie in names of places, as far as these end like one."""
    found: set[str] = set()
    for run in _RUN.findall(plain):
        for suffix in _PLACE.finditer(run):
            found.update(pairs_of(run[max(0, suffix.start() - _BEFORE_SUFFIX) : suffix.end()]))
    return found


def _number(pair: str) -> int:
    """The pair as 32 bits: two characters as they are, letters and digits by a checksum."""
    if pair[0] < "\u4e00":
        return zlib.crc32(pair.encode()) & 0x3FFFFFFF
    return ord(pair[0]) << 16 | ord(pair[1])


def _share(one: Sketch, other: Sketch) -> float:
    """The share of the weight of one's places that the other has, wherever it has it."""
    whole = sum(one.weights[pair] ** 2 for pair in one.places)
    return sum(one.weights[pair] ** 2 for pair in one.places if pair in other.weights) / whole


def _to_length_one(weights: Iterable[tuple[int, float]]) -> dict[int, float]:
    listed = list(weights)
    length = math.sqrt(sum(weight * weight for _, weight in listed)) or 1.0
    return {pair: weight / length for pair, weight in listed}
