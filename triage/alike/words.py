"""Whether two texts are the same, but for punctuation, width and small slips."""

import re
from collections import Counter
from typing import Final

from triage.text.normalise import normalise

SAME_WORDS: Final = 0.9
"""The share of their pairs of characters that two texts of the same words have in common."""
_EXACT: Final = re.compile("[0-9零一二三四五六七八九十百千万两东西南北]")


def same_words(one: str, other: str) -> bool:
    """Whether two masked texts say the same in the same words.

    Numbers and points of the compass must be the very same: another house is another matter.
    """
    first, second = _bare(one), _bare(other)
    if first == second:
        return bool(first)
    if _EXACT.findall(first) != _EXACT.findall(second):
        return False
    mine, theirs = Counter(_neighbours(first)), Counter(_neighbours(second))
    together = (mine | theirs).total()
    return together > 0 and (mine & theirs).total() >= SAME_WORDS * together


def _bare(text: str) -> str:
    """Only what is said: no punctuation, no blanks, half-width, simplified."""
    return "".join(char for char in normalise(text).text if char.isalnum())


def _neighbours(text: str) -> list[str]:
    return [text[at : at + 2] for at in range(len(text) - 1)]
