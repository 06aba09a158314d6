"""Which of the appeals that share rare words with a new one are of its matter."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from triage.alike.sketch import Likeness, Sketch, likeness

MOST_COMPARED: Final = 24
FEWEST_KEYS: Final = 2
NEWEST: Final = 32
"""So many appeals are remembered under each key, the newest: a common one costs no more."""


def candidates(lists: Iterable[Sequence[int]]) -> list[int]:
    """Return the appeals to compare with, those first that stand in most of the keys' lists."""
    counted = Counter(number for numbers in lists for number in numbers)
    ranked = sorted(counted.items(), key=lambda item: (-item[1], -item[0]))
    return [number for number, times in ranked[:MOST_COMPARED] if times >= FEWEST_KEYS]


@dataclass(frozen=True, slots=True)
class Match:
    """An earlier appeal of the same matter."""

    number: int
    likeness: Likeness


def matches(
    new: Sketch, earlier: Iterable[tuple[int, Sketch]], clusters: Mapping[int, str]
) -> list[Match]:
    """Return one match for each cluster, or appeal without one, that the new appeal belongs to.

    The best comes first. Further ones come only where the likeness is sure: they make one cluster
    of several.
    """
    best: dict[str | int, Match] = {}
    for number, sketch in earlier:
        found = likeness(new, sketch)
        if not found.is_same_matter:
            continue
        group = clusters.get(number, number)
        if group not in best or found.score > best[group].likeness.score:
            best[group] = Match(number, found)
    ranked = sorted(best.values(), key=lambda match: (-match.likeness.score, match.number))
    return [match for place, match in enumerate(ranked) if place == 0 or match.likeness.is_sure]
