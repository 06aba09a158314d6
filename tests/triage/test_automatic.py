"""The rule of automatic decisions: risk, evidence, and the error that is admitted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.triage.conftest import CALIBRATION, CueClassifier
from triage.appeal import Appeal, SourceText
from triage.automatic import NEVER, AutomaticRule, Grounds, Step, entropy
from triage.pipeline import Pipeline
from triage.taxonomy import Catalogue

RULE = AutomaticRule(
    curves={"chosen": ((-10.0, 10.0), (0.0, 0.0), (10.0, -10.0))},
    decided={"unit heating": -0.5},
    bias=0.0,
    steps=(
        Step(risk=0.1, rows=200, wrong=1, upper=0.02),
        Step(risk=0.4, rows=400, wrong=10, upper=0.045),
        Step(risk=0.9, rows=600, wrong=12, upper=0.035),
    ),
)


class SureClassifier(CueClassifier):
    """The cue classifier with evidence for automatic decisions."""

    calibration = CALIBRATION.model_copy(update={"automatic": RULE})


@pytest.mark.parametrize(
    ("admitted", "most"), [(0.0, None), (0.02, 0.1), (0.04, 0.1), (0.05, 0.9), (0.5, 0.9)]
)
def test_evidence_is_read_up_to_the_first_step_that_fails(
    admitted: float, most: float | None
) -> None:
    """A later step that would pass by luck does not count once one has failed."""
    assert RULE.most_risk(admitted) == most


@given(st.floats(0, 1), st.floats(0, 1))
def test_admitting_more_never_lets_less_through(one: float, other: float) -> None:
    """The risk that may pass grows with the error that is admitted."""
    low, high = sorted((one, other))
    assert (RULE.most_risk(low) or 0.0) <= (RULE.most_risk(high) or 0.0)


def test_nothing_is_automatic_without_evidence_or_leave(catalogue: Catalogue) -> None:
    """A bundle without evidence, or an admitted error of 0, sends everything to an agent."""
    appeal = Appeal((SourceText("text", "暖气不热，家里很冷"),))
    assert not Pipeline(catalogue, CueClassifier(), 0.5).decide(appeal).automatic
    assert not Pipeline(catalogue, SureClassifier()).decide(appeal).automatic
    assert Pipeline(catalogue, SureClassifier(), 0.05).decide(appeal).automatic
    assert NEVER.most_risk(1.0) is None


def test_a_unit_that_lacks_its_place_is_not_automatic(catalogue: Catalogue) -> None:
    """Local government's business without a district goes to an agent, however sure it is."""
    pipeline = Pipeline(catalogue, SureClassifier(), 0.5)
    decision = pipeline.decide(Appeal((SourceText("text", "城区里的事说不清楚"),)))
    assert (decision.unit, decision.automatic) == ("district", False)


def test_risk_follows_the_curves() -> None:
    """A surer unit is less of a risk under a falling curve, which is level beyond its ends."""
    sure, unsure = Grounds({"chosen": 3.0}, ()), Grounds({"chosen": -3.0}, ())
    assert RULE.risk(sure) < 0.5 < RULE.risk(unsure)
    assert RULE.risk(Grounds({"chosen": 99.0}, ())) == RULE.risk(Grounds({"chosen": 10.0}, ()))


def test_risk_knows_the_units_that_go_well() -> None:
    """What was decided adds its own log odds; a unit that the evidence lacks adds nothing."""
    risks = [RULE.risk(Grounds({"chosen": 0.0}, (f"unit {unit}",))) for unit in ("heating", "new")]
    assert risks == [pytest.approx(0.3775, abs=1e-4), 0.5]


def test_a_narrow_choice_has_less_entropy() -> None:
    """Entropy is nothing for one certain unit."""
    assert entropy([0.5, 0.5]) > entropy([0.9, 0.1]) > entropy([1.0]) == 0
