"""Thresholds of the tiers, found on what rules and model decide together."""

from training.config import read_config
from training.tiers import TierRow, tier_thresholds
from triage.decision import Tier
from triage.rules.tiers import TierRule

AIMS = read_config().calibration.model_copy(
    update={"emergency_precision": 0.7, "livelihood_precision": 0.7, "hint_loss": 0.0}
)


def rule(tier: Tier, hint: bool = False) -> TierRule:
    """A rule of which only tier and hint matter."""
    return TierRule("r", tier, "", "", (), (), 9, (), (), hint)


def row(
    tier: Tier, emergency: float, livelihood: float = 0.0, fired: tuple[TierRule, ...] = ()
) -> TierRow:
    """A held-out row."""
    general = 1 - emergency - livelihood
    learned = {Tier.EMERGENCY: emergency, Tier.LIVELIHOOD: livelihood, Tier.GENERAL: general}
    return TierRow(tier, learned, fired, near=emergency)


ALARM, HINT = rule(Tier.EMERGENCY), rule(Tier.EMERGENCY, hint=True)
OUTAGE = rule(Tier.LIVELIHOOD)


def test_hints_lose_nothing_that_they_rightly_found() -> None:
    """The floor lies at the least probable emergency that only a hint found."""
    rows = [
        row(Tier.EMERGENCY, 0.1, fired=(HINT,)),
        row(Tier.EMERGENCY, 0.01, fired=(HINT, ALARM)),
        row(Tier.GENERAL, 0.02, fired=(HINT,)),
    ]
    assert tier_thresholds(rows, AIMS)["hint_from"] == 0.1


def test_false_alarms_of_rules_count_against_the_precision() -> None:
    """Where rules are often wrong, the model has less room for its own mistakes."""
    mine = [row(Tier.EMERGENCY, 0.9)] * 8 + [row(Tier.EMERGENCY, 0.5), row(Tier.GENERAL, 0.5)]
    alone = tier_thresholds(mine, AIMS)["emergency_from"]
    beside = tier_thresholds([*mine, *[row(Tier.GENERAL, 0.0, fired=(ALARM,))] * 3], AIMS)
    assert alone <= 0.5 < beside["emergency_from"]


def test_the_model_does_not_fall_silent_for_what_rules_do_wrong() -> None:
    """Where rules alone miss the precision, the learned tier keeps it by itself."""
    rules = [row(Tier.GENERAL, 0.0, fired=(ALARM,))] * 9
    mine = [row(Tier.EMERGENCY, 0.6)] * 8 + [row(Tier.GENERAL, 0.2)] * 5
    assert tier_thresholds([*rules, *mine], AIMS)["emergency_from"] == 0.6


def test_livelihood_is_found_by_rule_or_model() -> None:
    """A rule counts from the least urgent row that it rightly found."""
    rows = [
        row(Tier.LIVELIHOOD, 0.0, 0.3, (OUTAGE,)),
        row(Tier.GENERAL, 0.0, 0.1, (OUTAGE,)),
        row(Tier.LIVELIHOOD, 0.0, 0.8),
        row(Tier.GENERAL, 0.0, 0.2),
    ]
    found = tier_thresholds(rows, AIMS)
    assert found["livelihood_hint_from"] == 0.3
    assert 0.2 < found["livelihood_from"] <= 0.8
