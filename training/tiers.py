"""Where rules and the learned tier meet: thresholds on what both decide together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.config import CalibrationConfig
from training.estimates import precise_threshold
from triage.decision import Tier
from triage.rules.tiers import TierRule


@dataclass(frozen=True, slots=True)
class TierRow:
    """One held-out row: its true tier, the learned probabilities, the rules that fired.

    `near` is the probability of an emergency around its hints of one, the likeliest of them.
    """

    tier: Tier
    learned: Mapping[Tier, float]
    fired: Sequence[TierRule]
    near: float = 0.0

    @property
    def urgent(self) -> float:
        """Learned probability of anything urgent."""
        return 1 - self.learned[Tier.GENERAL]

    def alarmed(self) -> bool:
        """Whether a rule that is no hint says emergency."""
        return any(rule.tier is Tier.EMERGENCY and not rule.hint for rule in self.fired)

    def hinted(self) -> bool:
        """Whether a hint says emergency."""
        return any(rule.tier is Tier.EMERGENCY and rule.hint for rule in self.fired)

    def told(self) -> bool:
        """Whether a rule says livelihood."""
        return any(rule.tier is Tier.LIVELIHOOD for rule in self.fired)


def tier_thresholds(rows: Sequence[TierRow], aims: CalibrationConfig) -> dict[str, float]:
    """The four thresholds of the tiers.

    Hints first: as strict as loses no more than `hint_loss` of what they rightly found. Then the
    learned tier: as low as keeps the precision of rules and model together.
    """
    hint_from = _floor(
        [
            row.near
            for row in rows
            if row.tier is Tier.EMERGENCY and row.hinted() and not row.alarmed()
        ],
        aims.hint_loss,
    )
    emergency = [
        1.0
        if row.alarmed() or (row.hinted() and row.near >= hint_from)
        else row.learned[Tier.EMERGENCY]
        for row in rows
    ]
    emergency_from = _threshold(
        emergency,
        [row.learned[Tier.EMERGENCY] for row in rows],
        [row.tier is Tier.EMERGENCY for row in rows],
        aims.emergency_precision,
    )
    rest = [row for row, score in zip(rows, emergency, strict=True) if score < emergency_from]
    told_from = _floor(
        [row.urgent for row in rest if row.tier is not Tier.GENERAL and row.told()],
        aims.hint_loss,
    )
    livelihood_from = _threshold(
        [1.0 if row.told() and row.urgent >= told_from else row.urgent for row in rest],
        [row.urgent for row in rest],
        [row.tier is not Tier.GENERAL for row in rest],
        aims.livelihood_precision,
    )
    return {
        "hint_from": hint_from,
        "emergency_from": emergency_from,
        "livelihood_hint_from": told_from,
        "livelihood_from": livelihood_from,
    }


def _floor(right: Sequence[float], loss: float) -> float:
    """The score below which only that share of the right rows lies."""
    return round(float(np.quantile(right, loss)), 4) if right else 0.0


def _threshold(
    together: Sequence[float], learned: Sequence[float], right: Sequence[bool], precision: float
) -> float:
    """The lowest threshold on the learned score that keeps the precision of all together.

    Where what the rules find is itself below that, the learned score answers for itself alone: it
    must not fall silent for what the rules do wrong.
    """
    found = precise_threshold(together, right, precision)
    if not found.recall or found.value >= 1.0:
        found = precise_threshold(learned, right, precision)
    return min(0.9999, found.value)
