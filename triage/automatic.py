"""Which decisions may skip the agent: as many as keep the error that is admitted.

A decision is wrong if its unit is not acceptable, or its tier is below the true one. Its risk is
estimated from what is known when it is made; how often decisions up to each risk were wrong on
held-out rows travels in the bundle's card. From that evidence and the admitted error follows how
much risk may pass, with 95 % confidence: the bound is a promise, the threshold only its outcome.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log

from pydantic import BaseModel, ConfigDict, Field

from triage.curve import Curve, read_off

_EDGE = 1e-4


class Step(BaseModel):
    """Of the held-out rows with at most this risk, how many were there, and how many wrong."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    risk: float = Field(ge=0, le=1)
    rows: int = Field(ge=0)
    wrong: int = Field(ge=0)
    upper: float = Field(ge=0, le=1, description="upper end of the 95 % interval of wrong / rows")


@dataclass(frozen=True, slots=True)
class Grounds:
    """What the risk is estimated from: what can be measured, and what was decided."""

    measured: Mapping[str, float]
    decided: Sequence[str]
    """Such as `unit gas` or `tier general`."""


class AutomaticRule(BaseModel):
    """An estimate of the risk that adds up log odds, and the evidence of what it is worth."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    curves: dict[str, Curve] = Field(description="what is measured to the log odds that it adds")
    decided: dict[str, float] = Field(description="what was decided to the log odds that it adds")
    bias: float
    steps: tuple[Step, ...] = Field(description="evidence, by rising risk")

    def risk(self, grounds: Grounds) -> float:
        """Estimated probability that the decision is wrong; a unit unknown to it adds nothing."""
        measured = sum(
            read_off(curve, grounds.measured[name]) for name, curve in self.curves.items()
        )
        decided = sum(self.decided.get(name, 0.0) for name in grounds.decided)
        return 1 / (1 + exp(-min(max(self.bias + measured + decided, -60.0), 60.0)))

    def most_risk(self, admitted: float) -> float | None:
        """The highest risk that may pass if at most that share may be wrong; None if none may.

        The steps are tried from the safest on and the first that fails ends the search, so that
        the confidence of each step holds for the outcome.
        """
        found = None
        for step in self.steps:
            if step.upper > admitted:
                break
            found = step.risk
        return found


#: Nothing is known of any risk, so that none may pass.
NEVER = AutomaticRule(curves={}, decided={}, bias=0.0, steps=())


def measured(
    probabilities: Mapping[str, float],
    unit: str,
    matter: str | None,
    likely: str,
    above: float,
    in_domain: float,
    length: int,
) -> dict[str, float]:
    """What can be measured of a decision.

    `probabilities` are those of the units, `unit` the one decided on, without place, `matter` the
    lead of the strongest claim and `likely` what the classifier alone would say; `above` is the
    probability of a tier above the decided one, `length` that of the text in characters.
    """
    ranked = sorted(probabilities.values(), reverse=True)
    chosen = probabilities.get(unit, 0.0)
    others = [value for code, value in probabilities.items() if code != unit]
    return {
        "chosen": _log_odds(chosen),
        "next": _log_odds(max(others, default=0.0)),
        "spread": entropy(ranked),
        "agreed": float(matter is not None and matter == unit == likely),
        "claimed": float(matter is not None),
        "above": _log_odds(above),
        "outside": _log_odds(1 - in_domain),
        "length": log(1 + length),
    }


def entropy(probabilities: Sequence[float]) -> float:
    """Entropy in natural units."""
    return -sum(value * log(value) for value in probabilities if value > 0)


def _log_odds(probability: float) -> float:
    kept = min(max(probability, _EDGE), 1 - _EDGE)
    return log(kept / (1 - kept))
