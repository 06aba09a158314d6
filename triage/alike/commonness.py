"""How common a pair of characters is in appeals: what is rare says what an appeal is about.

The table `commonness.txt` was counted by `python -m training.commonness`. It holds the pairs that
stand in 10 unrelated appeals or more, with how many nats they tell, and no more than that.
"""

from collections.abc import Iterable, Mapping
from typing import Final

TABLE: Final = "commonness.txt"
RARE: Final = 6.8
"""Nats of a pair that is in fewer than 10 of 9,263 appeals: names of places and things."""

Commonness = Mapping[str, float]
"""What each common pair tells, in nats; every other one tells `RARE`."""


def parse_commonness(text: str) -> Commonness:
    """Return the table of a file: a line has tenths of nats, a tab, and all pairs that tell so."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        told, _, pairs = line.partition("\t")
        found |= dict.fromkeys(
            (pairs[at : at + 2] for at in range(0, len(pairs), 2)), int(told) / 10
        )
    return found


def write_commonness(told: Iterable[tuple[str, float]]) -> str:
    """Return the file of pairs and their nats, the commonest first."""
    by_tenths: dict[int, list[str]] = {}
    for pair, nats in told:
        by_tenths.setdefault(round(nats * 10), []).append(pair)
    return "".join(
        f"{tenths}\t{''.join(sorted(pairs))}\n" for tenths, pairs in sorted(by_tenths.items())
    )
