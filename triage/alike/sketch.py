"""How alike two appeals are, and why. Nothing is stored here; texts are masked ones.

A text becomes a sketch: its 48 weightiest pairs of characters. A pair weighs more the rarer it is
in appeals, the more often the text says it, and if the text begins with it, for people name the
place and the matter first; it weighs less where it lies across the end of a word. Two sketches are
as alike as the cosine between them. Pairs of names of places are marked: texts that name places,
and none in common, are not of one matter, however alike their words.
"""

import math
import re
import zlib
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Self

from triage.alike.commonness import RARE, Commonness
from triage.text.normalise import normalise
from triage.text.segment import words

SIZE: Final = 48
KEYS: Final = 16
"""So many of a sketch's pairs are looked up: the weightiest."""
SAME_MATTER: Final = 0.41
"""From here on two appeals are of one matter; chosen on one half of the labelled clusters."""
SAME_MATTER_SHORT: Final = 0.38
"""The same where both are short: of few words fewer can be in common."""
SURELY: Final = 1.1
"""So many times that, an appeal that is like two clusters makes one of them."""
_SHORT, _LONG = 60, 120
"""Different pairs of a text that is short, and of one that is not."""
SAME_PLACE: Final = 0.1
"""The share of the places' weight that one text must have in common with the other."""
_MOST_TEXT: Final = 20_000
_HEAD, _SHORTEST_HEAD = 40, 8
_HEAD_WEIGHT: Final = 1.2
_BESIDE_WORD, _BETWEEN_WORDS = 0.5, 0.3
"""What a pair counts that lies across the end of a word, of one character or of more: it is rare by
chance, not by what it says."""
_SIGN_NATS: Final = 4.0
"""Letters and digits: numbers of lines and blocks tell something, a district's code little."""
_PLACE_NATS: Final = 5.0
_LEVELS: Final = 127
_MOST_SIZE: Final = 255
_PLACE_BIT: Final = 128
_TOKEN: Final = re.compile(r"\[(?:电话|身份证号|银行卡号|诉求人)\]")
_RUN: Final = re.compile(r"[\u4e00-\u9fff]+|[a-z0-9]+")
_PLACE: Final = re.compile(
    "小区|社区|街道|大道|公园|广场|大厦|花园|新城|家园|学校|小学|中学|医院|公司|集团|酒店|幼儿园|派出所|市场"
    "|商城|公寓|大桥|立交|水库|[路街巷村镇乡苑城湾园庄府]"
)
_BEFORE_SUFFIX: Final = 3


@dataclass(frozen=True, slots=True)
class Sketch:
    """The pairs that matter most in a text, the weightiest first; weights have the length 1."""

    weights: Mapping[int, float]
    places: frozenset[int]
    size: int
    """How many different pairs the whole text has, 255 at most."""

    @property
    def keys(self) -> list[int]:
        """What the sketch is found by."""
        return list(self.weights)[:KEYS]

    def to_bytes(self) -> bytes:
        """Return the sketch as it is stored: its size, four bytes a pair, one for each weight."""
        levels = bytes(
            max(1, round(weight * _LEVELS)) | (_PLACE_BIT if pair in self.places else 0)
            for pair, weight in self.weights.items()
        )
        return bytes([self.size]) + array("I", self.weights).tobytes() + levels

    @classmethod
    def from_bytes(cls, stored: bytes) -> Self:
        """Return a stored sketch."""
        weights_at = 1 + (len(stored) - 1) // 5 * 4
        pairs = array("I", stored[1:weights_at])
        levels = stored[weights_at:]
        places = frozenset(
            pair for pair, level in zip(pairs, levels, strict=True) if level & _PLACE_BIT
        )
        weights = {
            pair: (level & _LEVELS) / _LEVELS for pair, level in zip(pairs, levels, strict=True)
        }
        return cls(_to_length_one(weights.items()), places, stored[0])


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two sketches are, from 0 to 1, and by which pairs."""

    score: float
    shared: frozenset[int]
    same_place: bool
    """Whether they name a place in common, or one of them names none."""
    enough: float
    """The score from which on two texts of their lengths are of one matter."""

    @property
    def is_same_matter(self) -> bool:
        """Whether two appeals this alike are of one matter."""
        return self.same_place and self.score >= self.enough

    @property
    def is_sure(self) -> bool:
        """Whether they are so alike that clusters become one by it."""
        return self.same_place and self.score >= SURELY * self.enough


def sketch(text: str, table: Commonness) -> Sketch:
    """Return the sketch of a masked text; one without words has no pairs."""
    plain = normalise(_TOKEN.sub(" ", text[:_MOST_TEXT])).text
    first = plain.split("\n", 1)[0]
    head = (first if len(first) >= _SHORTEST_HEAD else plain)[:_HEAD]
    opening = set(pairs_of(head))
    named = _names(head)
    weighed: list[tuple[float, str]] = []
    counted = _counted(plain)
    for pair, times in counted.items():
        told = _SIGN_NATS if pair < "\u4e00" else table.get(pair, RARE)
        often = 1 + math.log(times) if times > 1 else times
        if pair in opening:
            often += _HEAD_WEIGHT * min(1.0, times)
        weighed.append((-told * often, pair))
    # By character where weights are equal: in no order that the text has.
    weighed.sort()
    kept = [(_number(pair), -weight, pair) for weight, pair in weighed[:SIZE]]
    return Sketch(
        _to_length_one((number, weight) for number, weight, _ in kept),
        frozenset(
            number
            for number, _, pair in kept
            if pair in named and table.get(pair, RARE) >= _PLACE_NATS
        ),
        min(len(counted), _MOST_SIZE),
    )


def likeness(one: Sketch, other: Sketch) -> Likeness:
    """Return how alike two sketches are; the order of the two does not matter."""
    mine, theirs = one.weights, other.weights
    shared = mine.keys() & theirs.keys()
    # `fsum` is exact: the sum is the same in either order to the last bit.
    score = min(1.0, math.fsum([mine[pair] * theirs[pair] for pair in shared]))
    return Likeness(score, frozenset(shared), _is_same_place(one, other), _enough(one, other))


def reason(found: Likeness, text: str) -> dict[str, Any]:
    """Return why: the words of this masked text that the other has too, places apart."""
    shared: list[str] = []
    plain = normalise(_TOKEN.sub(" ", text[:_MOST_TEXT])).text
    named = _names(plain[:_HEAD])
    for run in _RUN.findall(plain):
        shared += _stretches(run, found.shared)
    told = list(dict.fromkeys(shared))
    places = [word for word in told if any(pair in named for pair in pairs_of(word))]
    return {
        "kind": "same_matter",
        "places": places[:5],
        "words": [word for word in told if word not in places][:10],
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


def _counted(plain: str) -> dict[str, float]:
    """How often each pair stands in a text; across the ends of words it counts for less."""
    counted: dict[str, float] = {}
    before = ""
    for word in words(plain):
        if not "\u4e00" <= word[0] <= "\u9fff":
            before = ""
            if word.isalnum():
                counted[word] = counted.get(word, 0) + 1
            continue
        if before:
            across = before[-1] + word[0]
            both = len(before) > 1 and len(word) > 1
            one = len(before) > 1 or len(word) > 1
            part = _BETWEEN_WORDS if both else _BESIDE_WORD if one else 1.0
            counted[across] = counted.get(across, 0) + part
        for pair in map("".join, pairwise(word)):
            counted[pair] = counted.get(pair, 0) + 1
        before = word
    return counted


def _enough(one: Sketch, other: Sketch) -> float:
    longer = max(one.size, other.size)
    share = min(1.0, max(0.0, (longer - _SHORT) / (_LONG - _SHORT)))
    return SAME_MATTER_SHORT + (SAME_MATTER - SAME_MATTER_SHORT) * share


def _names(plain: str) -> set[str]:
    """The pairs that lie in names of places, as far as these end like one."""
    found: set[str] = set()
    for run in _RUN.findall(plain):
        for suffix in _PLACE.finditer(run):
            found.update(pairs_of(run[max(0, suffix.start() - _BEFORE_SUFFIX) : suffix.end()]))
    return found


def _number(pair: str) -> int:
    """The pair as 32 bits: two usual characters as they are, anything else by a checksum."""
    if len(pair) == 2 and min(pair) >= "\u4e00" and max(pair) <= "\u9fff":
        return ord(pair[0]) << 16 | ord(pair[1])
    return zlib.crc32(pair.encode("utf-8", "surrogatepass")) & 0x3FFFFFFF


def _is_same_place(one: Sketch, other: Sketch) -> bool:
    if not (one.places and other.places):
        return True
    return max(_share(one, other), _share(other, one)) >= SAME_PLACE


def _share(one: Sketch, other: Sketch) -> float:
    """The share of the weight of one's places that the other has, wherever it has it."""
    weights = one.weights
    whole = math.fsum([weights[pair] ** 2 for pair in one.places])
    return math.fsum([weights[pair] ** 2 for pair in one.places & other.weights.keys()]) / whole


def _to_length_one(weights: Iterable[tuple[int, float]]) -> dict[int, float]:
    listed = list(weights)
    length = math.sqrt(sum(weight * weight for _, weight in listed)) or 1.0
    return {pair: weight / length for pair, weight in listed}
