"""Phrase expressions: terms that must stand close together, some that must not.

Terms are separated by blanks and all must occur, in any order, within a window of characters; a
term is alternatives separated by `/`; a term that starts with `-` must not occur in the same
window and sentence. Everything is literal and matched on normalised text.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from triage.rules.scanner import Scanner
from triage.text.normalise import normalise
from triage.text.sentences import Sentences

Hit = tuple[int, int, int]  # start, end, slot


@dataclass(frozen=True, slots=True)
class Expression:
    """Alternatives of every wanted term, and of every unwanted one."""

    wanted: tuple[tuple[str, ...], ...]
    unwanted: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """Expression number `index` holds on [start, end); `weight` counts matched characters."""

    index: int
    start: int
    end: int
    weight: int


def parse_expression(source: str) -> Expression:
    """Read one expression; ValueError says in a sentence what is wrong with it."""
    wanted: list[tuple[str, ...]] = []
    unwanted: list[tuple[str, ...]] = []
    for term in source.split():
        negative = term.startswith("-")
        pieces = term[1:].split("/") if negative else term.split("/")
        literals = tuple(normalise(piece).text for piece in pieces)
        if not all(literals):
            raise ValueError(f"the term {term!r} has an empty alternative; write word/word")
        (unwanted if negative else wanted).append(literals)
    if not wanted:
        raise ValueError(f"the expression {source!r} asks for no word; give at least one")
    return Expression(tuple(wanted), tuple(unwanted))


class ExpressionSet:
    """Many expressions, each with its window in characters, matched in one pass."""

    def __init__(self, expressions: Sequence[tuple[Expression, int]]) -> None:
        self._wanted = [len(expression.wanted) for expression, _ in expressions]
        self._windows = [window for _, window in expressions]
        self._slots = [_slots_by_literal(expression) for expression, _ in expressions]
        self._most_wanted = max(self._wanted, default=0)
        self._masks = self._masks_by_literal(expressions)
        self._asks_no_more = [
            sum(1 << index for index, wanted in enumerate(self._wanted) if wanted <= slot)
            for slot in range(self._most_wanted)
        ]
        self._scanner = Scanner({literal for slots in self._slots for literal in slots})

    def _masks_by_literal(
        self, expressions: Sequence[tuple[Expression, int]]
    ) -> dict[str, tuple[tuple[int, int], ...]]:
        """For each wanted literal, by slot, a number whose bits are the expressions it serves.

        A common word stands in hundreds of expressions: one `or` of two numbers notes it for all.
        """
        masks: dict[str, dict[int, int]] = {}
        for index, (expression, _) in enumerate(expressions):
            for slot, literals in enumerate(expression.wanted):
                for literal in literals:
                    of_literal = masks.setdefault(literal, {})
                    of_literal[slot] = of_literal.get(slot, 0) | 1 << index
        return {literal: tuple(by_slot.items()) for literal, by_slot in masks.items()}

    def hits(self, text: str, among: int | None = None) -> dict[int, list[Hit]]:
        """For every expression whose wanted words all occur, all its hits, ordered by start.

        `among` is a number whose bits are the expressions that are asked for; None asks for all.
        """
        places: dict[str, list[int]] = {}
        for start, literal in self._scanner.scan(text):
            places.setdefault(literal, []).append(start)
        return {
            index: self._hits_of(self._slots[index], places)
            for index in self._complete(places, among)
        }

    @staticmethod
    def _hits_of(
        slots_of: Mapping[str, tuple[int, ...]], places: Mapping[str, list[int]]
    ) -> list[Hit]:
        return sorted(
            (start, start + len(literal), slot)
            for literal in places.keys() & slots_of.keys()
            for slot in slots_of[literal]
            for start in places[literal]
        )

    def _complete(self, places: Iterable[str], among: int | None) -> list[int]:
        """Numbers of the expressions of which every wanted term is among these literals."""
        seen = [0] * self._most_wanted
        for literal in places:
            for slot, mask in self._masks.get(literal, ()):
                seen[slot] |= mask
        complete = (1 << len(self._wanted)) - 1 if among is None else among
        for noted, asks_no_more in zip(seen, self._asks_no_more, strict=True):
            complete &= noted | asks_no_more
        found = []
        while complete:
            lowest = complete & -complete
            found.append(lowest.bit_length() - 1)
            complete ^= lowest
        return found

    def matches(self, index: int, hits: list[Hit], sentences: Sentences) -> Iterator[Match]:
        """Every shortest window on which expression `index` holds, ordered by its last word."""
        wanted, window = self._wanted[index], self._windows[index]
        unwanted = [hit for hit in hits if hit[2] >= wanted]
        latest: dict[int, Hit] = {}
        for hit in hits:
            if hit[2] >= wanted:
                continue
            latest[hit[2]] = hit
            if len(latest) < wanted:
                continue
            start = min(item[0] for item in latest.values())
            end = max(item[1] for item in latest.values())
            if end - start > window:
                continue
            if unwanted and _spoiled(unwanted, start, end, window, sentences):
                continue
            yield Match(index, start, end, sum(item[1] - item[0] for item in latest.values()))

    def sentences_that_hold(
        self, index: int, hits: list[Hit], sentences: Sentences
    ) -> frozenset[int]:
        """Numbers of the sentences that hold all wanted words of the expression, none unwanted."""
        wanted = self._wanted[index]
        slots: dict[int, set[int]] = {}
        for start, _, slot in hits:
            slots.setdefault(sentences.at(start), set()).add(slot)
        full = set(range(wanted))
        return frozenset(number for number, seen in slots.items() if seen == full)


def _slots_by_literal(expression: Expression) -> dict[str, tuple[int, ...]]:
    slots: dict[str, tuple[int, ...]] = {}
    for slot, literals in enumerate(expression.wanted + expression.unwanted):
        for literal in dict.fromkeys(literals):
            slots[literal] = (*slots.get(literal, ()), slot)
    return slots


def _spoiled(unwanted: list[Hit], start: int, end: int, window: int, sentences: Sentences) -> bool:
    touched = sentences.touched(start, end)
    near = bisect_left(unwanted, (end - window, 0, 0))
    for place in range(near, len(unwanted)):
        first, last, _ = unwanted[place]
        if first >= start + window:
            return False
        if max(end, last) - min(start, first) <= window and sentences.at(first) in touched:
            return True
    return False
