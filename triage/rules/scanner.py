"""Every occurrence of many literals in one pass over a text."""

from collections.abc import Iterable

from ahocorasick_rs import AhoCorasick, Implementation


class Scanner:
    """Finds literals by an automaton, whose cost hardly grows with their number."""

    __slots__ = ("_automaton", "_literals")

    def __init__(self, literals: Iterable[str]) -> None:
        """Raises ValueError for an empty literal."""
        self._literals = sorted(set(literals))
        self._automaton = AhoCorasick(
            self._literals, implementation=Implementation.ContiguousNFA, store_patterns=False
        )

    def scan(self, text: str) -> list[tuple[int, str]]:
        """Start and literal of every occurrence, overlapping ones too, in the order of their ends.

        `text` is normalised: half a character (a lone surrogate) would be a UnicodeEncodeError.
        """
        literals = self._literals
        return [
            (start, literals[number])
            for number, start, _ in self._automaton.find_matches_as_indexes(text, overlapping=True)
        ]
