"""Where tier rules and the classifier meet: what counts, and what neither may hide."""

from collections.abc import Mapping

import pytest

from tests.triage.conftest import CALIBRATION, HINT, CueClassifier
from triage.appeal import Appeal, SourceText
from triage.classifier.port import Prediction
from triage.decision import Tier
from triage.pipeline import Pipeline
from triage.taxonomy import Catalogue, CatalogueError, parse_catalogue


class Thinks(CueClassifier):
    """A classifier that is told how probable it finds each tier."""

    calibration = CALIBRATION.model_copy(
        update={"hint_from": 0.05, "livelihood_hint_from": 0.2, "emergency_from": 0.5}
    )

    def __init__(self, emergency: float, livelihood: float = 0.0) -> None:
        self._tiers = {
            Tier.EMERGENCY: emergency,
            Tier.LIVELIHOOD: livelihood,
            Tier.GENERAL: 1 - emergency - livelihood,
        }

    def _one(self, text: str) -> Prediction:
        found = super()._one(text)
        return Prediction(**{**{name: getattr(found, name) for name in found.__slots__},
                             "tiers": self._tiers})  # fmt: skip


def tier(catalogue: Catalogue, text: str, emergency: float, livelihood: float = 0.0) -> Tier:
    """The tier of a text, given what the classifier thinks."""
    pipeline = Pipeline(catalogue, Thinks(emergency, livelihood))
    return pipeline.decide(Appeal((SourceText("text", text),))).tier


def test_the_classifier_cannot_hide_an_alarm(hinted: Catalogue) -> None:
    """A rule that is no hint counts, however sure the classifier is that there is nothing."""
    assert tier(hinted, "厨房燃气漏气了", emergency=0.0) is Tier.EMERGENCY


def test_the_rules_cannot_hide_what_the_classifier_hears(hinted: Catalogue) -> None:
    """Danger that no rule knows is an emergency from the threshold on."""
    assert tier(hinted, "屋里有点不对劲，人都站不稳", emergency=0.6) is Tier.EMERGENCY


def test_a_hint_needs_the_classifier_not_to_exclude_it(hinted: Catalogue) -> None:
    """A hint counts unless the classifier is all but certain; then it gives no reason either."""
    assert tier(hinted, "我妈晕倒在楼道里", emergency=0.06) is Tier.EMERGENCY
    assert tier(hinted, "笑得我快晕倒了", emergency=0.01) is Tier.GENERAL
    pipeline = Pipeline(hinted, Thinks(0.01))
    decision = pipeline.decide(Appeal((SourceText("text", "笑得我快晕倒了"),)))
    assert not [reason for reason in decision.reasons if reason.kind == "tier"]


def test_a_livelihood_rule_needs_something_urgent(hinted: Catalogue) -> None:
    """Words of an outage in a text that is about something else do not raise the tier."""
    assert tier(hinted, "暖气不热，家里很冷", 0.0, livelihood=0.3) is Tier.LIVELIHOOD
    assert tier(hinted, "前言说暖气不热，其实想问补贴", 0.0, livelihood=0.05) is Tier.GENERAL


def test_danger_goes_to_the_unit_that_averts_it(files: Mapping[str, str]) -> None:
    """An alarm makes its unit likelier than the classifier alone does, and says so."""
    rules = files["tiers.yaml"].replace("reason: 燃气泄漏", "reason: 燃气泄漏\n  unit: gas")
    text = SourceText("text", "厨房燃气漏气了，邻居也吵")
    catalogue = parse_catalogue({**files, "tiers.yaml": rules})
    decision = Pipeline(catalogue, Thinks(0.0)).decide(Appeal((text,)))
    assert (decision.unit, decision.tier) == ("gas", Tier.EMERGENCY)
    assert any("险情由" in reason.text for reason in decision.reasons)
    assert Pipeline(parse_catalogue(files), Thinks(0.0)).decide(Appeal((text,))).unit == "police"


def test_a_danger_s_unit_must_exist(files: Mapping[str, str]) -> None:
    """A wrong code is refused, with its line."""
    rules = files["tiers.yaml"].replace("reason: 燃气泄漏", "reason: 燃气泄漏\n  unit: gass")
    with pytest.raises(CatalogueError, match="gass"):
        parse_catalogue({**files, "tiers.yaml": rules})


def test_a_hint_is_true_or_false(files: Mapping[str, str]) -> None:
    """Any other word is refused, with its line."""
    wrong = HINT.replace("hint: true", "hint: maybe")
    with pytest.raises(CatalogueError, match="hint"):
        parse_catalogue({**files, "tiers.yaml": files["tiers.yaml"] + wrong})
