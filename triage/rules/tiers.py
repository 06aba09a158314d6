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

    def fired(self, text: str, sentences: Sentences) -> list[TierHit]:
        """The rules that hold on a normalised text, most urgent first, then in reading order."""
        # Few texts match at all, so that excuses are looked for in few.
        excused: dict[int, set[int]] | None = None
        best: dict[int, tuple[int, int]] = {}
        for index, found in self._words.hits(text).items():
            number = self._word_owner[index]
            for match in self._words.matches(index, found, sentences):
                if excused is None:
                    excused = self._excused(text, sentences)
                if excused.get(number, _NOWHERE).isdisjoint(
                    sentences.touched(match.start, match.end)
                ):
                    place = (match.start, match.end)
                    best[number] = min(best.get(number, place), place)
                    break
        fired = [TierHit(self.rules[number], *place) for number, place in best.items()]
        return sorted(fired, key=lambda hit: (-URGENCY[hit.rule.tier], hit.start, hit.rule.id))

    def _excused(self, text: str, sentences: Sentences) -> dict[int, set[int]]:
        """For every rule, the numbers of the sentences in which it does not count."""
        excused: dict[int, set[int]] = {}
        for index, found in self._unless.hits(text).items():
            held = self._unless.sentences_that_hold(index, found, sentences)
            excused.setdefault(self._unless_owner[index], set()).update(held)
        return excused
