"""Tier rules: words that tell of danger or of an outage, unless the sentence says otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from triage.decision import URGENCY, Tier
from triage.rules.expressions import Expression, ExpressionSet
from triage.text.sentences import Sentences

#: Characters that the words of one expression may stretch over when the rule does not say.
DEFAULT_WINDOW = 24


@dataclass(frozen=True, slots=True)
class TierRule:
    """One rule of tiers.yaml; `source` is the clause of the standard, in words.

    A `hint` is no alarm by itself: it counts unless the classifier is all but certain that there
    is no danger. `unit` is who averts the danger; where the rule counts, that unit is likelier.
    """

    id: str
    tier: Tier
    reason: str
    source: str
    words: tuple[Expression, ...]
    unless: tuple[Expression, ...]
    within: int
    matches: tuple[str, ...]
    misses: tuple[str, ...]
    hint: bool = False
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class TierHit:
    """A rule that fired, and where in the normalised text."""

    rule: TierRule
    start: int
    end: int


_NOWHERE: frozenset[int] = frozenset()


class TierRules:
    """All tier rules, compiled once."""

    def __init__(self, rules: Sequence[TierRule]) -> None:
        self.rules = tuple(rules)
        words = [(number, item) for number, rule in enumerate(self.rules) for item in rule.words]
        unless = [(number, item) for number, rule in enumerate(self.rules) for item in rule.unless]
        self._word_owner = [number for number, _ in words]
        self._unless_owner = [number for number, _ in unless]
        self._words = ExpressionSet([(item, self.rules[number].within) for number, item in words])
        self._unless = ExpressionSet([(item, self.rules[number].within) for number, item in unless])
        self._unless_of = [0] * len(self.rules)
        for index, number in enumerate(self._unless_owner):
            self._unless_of[number] |= 1 << index

    def fired(self, text: str, sentences: Sentences) -> list[TierHit]:
        """The rules that hold on a normalised text, most urgent first, then in reading order."""
        matched: dict[int, list[tuple[int, int]]] = {}
        for index, found in self._words.hits(text).items():
            places = matched.setdefault(self._word_owner[index], [])
            places += [
                (match.start, match.end) for match in self._words.matches(index, found, sentences)
            ]
        excused = self._excused([number for number, at in matched.items() if at], text, sentences)
        fired = [
            TierHit(self.rules[number], *min(holding))
            for number, places in matched.items()
            if (holding := _outside(places, excused.get(number, _NOWHERE), sentences))
        ]
        return sorted(fired, key=lambda hit: (-URGENCY[hit.rule.tier], hit.start, hit.rule.id))

    def _excused(
        self, numbers: Sequence[int], text: str, sentences: Sentences
    ) -> dict[int, set[int]]:
        """For each of these rules, the numbers of the sentences in which it does not count."""
        excused: dict[int, set[int]] = {}
        among = reduce(or_, (self._unless_of[number] for number in numbers), 0)
        # Few texts match at all, so that excuses are looked for in few.
        if among:
            for index, found in self._unless.hits(text, among).items():
                held = self._unless.sentences_that_hold(index, found, sentences)
                excused.setdefault(self._unless_owner[index], set()).update(held)
        return excused


def _outside(
    places: Sequence[tuple[int, int]], excused: frozenset[int] | set[int], sentences: Sentences
) -> list[tuple[int, int]]:
    return [place for place in places if excused.isdisjoint(sentences.touched(*place))]
