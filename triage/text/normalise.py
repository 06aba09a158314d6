"""Normalisation that keeps the way back: every normalised character knows its original place."""

import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from triage.text.slips import mended
from triage.text.traditional import SIMPLIFIED

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_ONE_TO_ONE = {**SIMPLIFIED, **_FULL_WIDTH, 0x2028: 0x0A, 0x2029: 0x0A, 0x85: 0x0A}

#: White space, control characters, halves of characters, and characters that nobody sees.
_IDLE = re.compile(
    r"[\s\x00-\x1f\x7f-\x9f\u00ad\u034f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\ufe00-\ufe0f\ufeff\ud800-\udfff\U000e0000-\U000e0fff]+"
)


@dataclass(frozen=True, slots=True)
class Normalised:
    """A normalised text; `starts[i]` is the place of its i-th character in the original."""

    text: str
    starts: Sequence[int]

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """The original's code points that the normalised characters [start, end) came from.

        Raises IndexError if the span is empty or leaves the text.
        """
        if not 0 <= start < end:
            raise IndexError(f"no characters between {start} and {end}")
        return self.starts[start], self.starts[end - 1] + 1


def normalise(text: str) -> Normalised:
    """Half-width, lower case, simplified where one character does it; no idle white space.

    A line end stays as one line feed, a blank only between two ASCII characters; what nobody
    sees goes, and so does all of it at both ends of the text. Known homophone slips are mended.
    """
    mapped = mended(_lower(text.translate(_ONE_TO_ONE)))
    pieces: list[str] = []
    starts = array("L")
    done = 0
    for idle in _IDLE.finditer(mapped):
        start, end = idle.span()
        pieces.append(mapped[done:start])
        starts.extend(range(done, start))
        if starts and end < len(mapped) and (blank := _blank(mapped, start, end)):
            pieces.append(blank)
            starts.append(start)
        done = end
    if done == 0:
        return Normalised(mapped, range(len(mapped)))
    pieces.append(mapped[done:])
    starts.extend(range(done, len(mapped)))
    return Normalised("".join(pieces), starts)


def _lower(text: str) -> str:
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)


def _blank(text: str, start: int, end: int) -> str:
    """What stands for the idle characters [start, end) between two others."""
    idle = text[start:end]
    if "\n" in idle or "\r" in idle:
        return "\n"
    seen = any(char.isspace() for char in idle)
    return " " if seen and text[start - 1].isascii() and text[end].isascii() else ""
