"""Every occurrence of many literals in one pass over a text."""

from collections.abc import Iterable


class Scanner:
    """Finds literals by their first two characters, then by the few lengths that start so.

    For Chinese, where two characters tell most literals apart, this beats both an automaton in
    Python and a regular expression of alternatives, and its cost hardly grows with the list.
    """

    __slots__ = ("_lengths", "_literals", "_single")

    def __init__(self, literals: Iterable[str]) -> None:
        self._literals = frozenset(literals)
        self._single = frozenset(item for item in self._literals if len(item) == 1)
        lengths: dict[str, set[int]] = {}
        for literal in self._literals - self._single:
            lengths.setdefault(literal[:2], set()).add(len(literal))
        self._lengths = {pair: tuple(sorted(sizes)) for pair, sizes in lengths.items()}

    def scan(self, text: str) -> list[tuple[int, str]]:
        """Start and literal of every occurrence, overlapping ones too, by start, then length."""
        found = []
        literals, single, lengths_of = self._literals, self._single, self._lengths.get
        size = len(text)
        for start, char in enumerate(text):
            if char in single:
                found.append((start, char))
            for length in lengths_of(text[start : start + 2], ()):
                if start + length > size:
                    break
                piece = text[start : start + length]
                if piece in literals:
                    found.append((start, piece))
        return found
