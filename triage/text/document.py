"""All texts of one appeal as one normalised text, and the way back to each source."""

from bisect import bisect_right
from functools import cached_property

from triage.appeal import Appeal
from triage.text.normalise import normalise
from triage.text.sentences import Sentences


class Document:
    """The joined text: one line a source, so that sources are sentences of their own."""

    def __init__(self, appeal: Appeal) -> None:
        self.sources = appeal.texts
        self._parts = [normalise(item.text) for item in appeal.texts]
        self._firsts: list[int] = []
        place = 0
        for part in self._parts:
            self._firsts.append(place)
            place += len(part.text) + 1
        self.text = "\n".join(part.text for part in self._parts)

    @cached_property
    def sentences(self) -> Sentences:
        """The sentences of the joined text."""
        return Sentences(self.text)

    def original_spans(self, start: int, end: int) -> list[tuple[str, int, int]]:
        """Source, start and end for every source that the joined text's [start, end) touches."""
        spans = []
        number = max(0, bisect_right(self._firsts, start) - 1)
        while number < len(self._parts) and self._firsts[number] < end:
            part, first = self._parts[number], self._firsts[number]
            inside = (max(0, start - first), min(len(part.text), end - first))
            if inside[0] < inside[1]:
                spans.append((self.sources[number].source, *part.original_span(*inside)))
            number += 1
        return spans

    def whole(self) -> tuple[str, int, int]:
        """The span for what rests on no single place: all of the first source."""
        if not self.sources:
            return "", 0, 0
        return self.sources[0].source, 0, len(self.sources[0].text)
