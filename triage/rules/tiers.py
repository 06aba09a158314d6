"""Tier rules: words that tell of danger or of an outage, unless the sentence says otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass

from triage.decision import URGENCY, Tier
from triage.rules.expressions import Expression, ExpressionSet
from triage.text.sentences import Sentences

#: Characters that the words of one expression may stretch over when the rule does not say.
DEFAULT_WINDOW = 24


@dataclass(frozen=True, slots=True)
class TierRule:
    """One rule of tiers.yaml; `source` is the clause of the standard, in words."""

    id: str
    tier: Tier
    reason: str
    source: str
    words: tuple[Expression, ...]
    unless: tuple[Expression, ...]
    within: int
    matches: tuple[str, ...]
    misses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TierHit:
    """A rule that fired, and where in the normalised text."""

    rule: TierRule
    start: int
    end: int


class TierRules:
    """All tier rules, compiled once."""

    def __init__(self, rules: Sequence[TierRule]) -> None:
        self.rules = tuple(rules)
        expressions: list[tuple[Expression, int]] = []
        self._words: list[range] = []
        self._unless: list[range] = []
        for rule in self.rules:
            first = len(expressions)
            expressions += [(item, rule.within) for item in rule.words]
            middle = len(expressions)
            expressions += [(item, rule.within) for item in rule.unless]
            self._words.append(range(first, middle))
            self._unless.append(range(middle, len(expressions)))
        self._owner = [
            number for number, rule in enumerate(self.rules) for _ in rule.words + rule.unless
        ]
        self._expressions = ExpressionSet(expressions)

    def fired(self, text: str, sentences: Sentences) -> list[TierHit]:
        """The rules that hold on a normalised text, most urgent first, then in reading order."""
        hits = self._expressions.hits(text)
        touched = dict.fromkeys(self._owner[index] for index in hits)
        found = [
            hit for number in touched if (hit := self._first(number, hits, sentences)) is not None
        ]
        return sorted(found, key=lambda hit: (-URGENCY[hit.rule.tier], hit.start, hit.rule.id))

    def _first(
        self, number: int, hits: dict[int, list[tuple[int, int, int]]], sentences: Sentences
    ) -> TierHit | None:
        """Where the rule first holds outside the sentences that excuse it."""
        excused: frozenset[int] | None = None
        places: list[tuple[int, int]] = []
        for index in self._words[number]:
            if index not in hits:
                continue
            for match in self._expressions.matches(index, hits[index], sentences):
                if excused is None:
                    excused = self._excused(number, hits, sentences)
                if excused.isdisjoint(sentences.touched(match.start, match.end)):
                    places.append((match.start, match.end))
                    break
        return TierHit(self.rules[number], *min(places)) if places else None

    def _excused(
        self, number: int, hits: dict[int, list[tuple[int, int, int]]], sentences: Sentences
    ) -> frozenset[int]:
        return frozenset().union(
            *(
                self._expressions.sentences_that_hold(index, hits[index], sentences)
                for index in self._unless[number]
                if index in hits
            )
        )
