"""A text with the places marked on which the reasons of a decision rest."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Why:
    """One reason, by its number on the page; [start, end) are code points of the masked text."""

    number: int
    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the text, and the reasons that all of it speaks for; none of a plain one."""

    text: str
    reasons: tuple[Why, ...] = ()


def marked(text: str, reasons: Iterable[Why]) -> list[Piece]:
    """Return the text in pieces that join to it again; reasons may overlap or hold one another.

    A reason that spans all of the text rests on no single place, and marks nothing.
    """
    length = len(text)
    placed = [why for why in reasons if is_placed(why, length)]
    borders = sorted({0, length, *(min(border, length) for why in placed
                                   for border in (why.start, why.end))})  # fmt: skip
    pieces: list[Piece] = []
    for start, end in itertools.pairwise(borders):
        held = tuple(why for why in placed if why.start <= start and end <= why.end)
        if pieces and pieces[-1].reasons == held:
            pieces[-1] = Piece(pieces[-1].text + text[start:end], held)
        else:
            pieces.append(Piece(text[start:end], held))
    return pieces


def by_line(pieces: Iterable[Piece]) -> list[list[Piece]]:
    """Return the pieces of each line; one that goes over the end of a line is in both."""
    lines: list[list[Piece]] = [[]]
    for piece in pieces:
        first, *others = piece.text.split("\n")
        lines[-1].append(Piece(first, piece.reasons))
        lines += [[Piece(text, piece.reasons)] for text in others]
    return lines


def is_placed(why: Why, length: int) -> bool:
    """Whether a reason rests on a place of a text that is so long."""
    return 0 <= why.start < min(why.end, length) and (why.start, why.end) != (0, length)


def reasons_by_source(reasons: Sequence[dict[str, object]]) -> dict[str, list[Why]]:
    """Return a decision's reasons by the message or medium that they point into, numbered."""
    found: dict[str, list[Why]] = {}
    for number, item in enumerate(reasons, 1):
        start, end = int(str(item["start"])), int(str(item["end"]))
        why = Why(number, str(item["kind"]), str(item["text"]), start, end)
        found.setdefault(str(item["source"]), []).append(why)
    return found
