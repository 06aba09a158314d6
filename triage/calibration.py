"""Calibrated probabilities: temperature, blending with the catalogue, conformal sets.

All values are found on held-out data by `training` and travel in the bundle's card.
"""

from collections.abc import Mapping, Sequence
from heapq import nlargest
from math import exp
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from triage.automatic import AutomaticRule
from triage.curve import Curve, Point, read_off
from triage.likeness import Likeness

T = TypeVar("T", bound=str)
Floats = NDArray[np.float32]


class Calibration(BaseModel):
    """What held-out data taught about the scores of one bundle."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperatures: dict[str, float] = Field(description="head to temperature, above 0")
    emergency_from: float = Field(ge=0, le=1, description="learned emergency counts from here")
    livelihood_from: float = Field(ge=0, le=1, description="learned livelihood counts from here")
    hint_from: float = Field(
        ge=0, le=1, description="a hint counts if an emergency is at least this probable"
    )
    livelihood_hint_from: float = Field(
        ge=0, le=1, description="a livelihood rule counts if anything urgent is this probable"
    )
    in_domain_from: float = Field(ge=0, le=1, description="below, the text is no appeal")
    several_from: float = Field(ge=0, le=1, description="from here more than one unit must act")
    first_unit: Curve = Field(
        description="said probability of the first unit to how often it was right, both rising"
    )
    matter_weight: float = Field(ge=0, description="log odds that a sole claim adds to its lead")
    matters: tuple[str, ...] = Field(description="digests of the entries that training knew")
    topic_trust: float = Field(ge=0, lt=1, description="share of the matched matter's topic")
    set_from: float = Field(ge=0, le=1, description="conformal set: units at least this probable")
    coverage: float = Field(gt=0, lt=1, description="share of right units that the set must hold")
    automatic: AutomaticRule
    likeness: Likeness


def softmax(logits: Sequence[float], temperature: float = 1.0) -> list[float]:
    """Probabilities of the classes of one head."""
    top = max(logits)
    powers = [exp((value - top) / temperature) for value in logits]
    total = sum(powers)
    return [power / total for power in powers]


def sigmoid(logit: float, temperature: float = 1.0) -> float:
    """Probability of a two-class head's logit."""
    return 1 / (1 + exp(-min(max(logit / temperature, -60.0), 60.0)))


def blend(learned: Mapping[T, float], claims: Mapping[T, float], trust: float) -> dict[T, float]:
    """Learned probabilities mixed with the catalogue's, which have `trust` as their share.

    Without claims, those learned; else both add to 1, and so does what comes out.
    """
    if not claims:
        return dict(learned)
    mixed = {name: (1 - trust) * value for name, value in learned.items()}
    for name, value in claims.items():
        mixed[name] = mixed.get(name, 0.0) + trust * value
    return mixed


def honest(probabilities: dict[str, float], knots: Sequence[Point]) -> dict[str, float]:
    """Probabilities of which the first says how often such a one was right on held-out rows.

    `knots` are read in straight lines between them. The others share the rest as before, and the
    order stays: where it would not, so do the probabilities.
    """
    if not knots or len(probabilities) < 2:
        return probabilities
    said, second = nlargest(2, probabilities.values())
    right = read_off(knots, said)
    share = (1 - right) / (1 - said) if said < 1 else 0.0
    if right <= second * share:
        return probabilities
    first = max(probabilities, key=probabilities.__getitem__)
    return {
        code: right if code == first else value * share for code, value in probabilities.items()
    }


def conformal_set(
    ranked: Sequence[str], probabilities: Mapping[str, float], set_from: float
) -> tuple[str, ...]:
    """Units that cannot be ruled out, in the given order; the first one always."""
    return tuple(
        code for place, code in enumerate(ranked) if place == 0 or probabilities[code] >= set_from
    )
