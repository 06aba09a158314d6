"""Sentences of a normalised text."""

import re
from bisect import bisect_right

_STOPS = re.compile(r"[。!?;\n]")


class Sentences:
    """Numbers the sentences of a text; a stop belongs to the sentence that it ends."""

    __slots__ = ("_firsts",)

    def __init__(self, text: str) -> None:
        self._firsts = [stop.end() for stop in _STOPS.finditer(text)]

    def at(self, place: int) -> int:
        """Number of the sentence that holds the character at `place`."""
        return bisect_right(self._firsts, place)

    def touched(self, start: int, end: int) -> range:
        """Numbers of all sentences that [start, end) touches."""
        return range(self.at(start), self.at(max(start, end - 1)) + 1)
