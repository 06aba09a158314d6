"""How like a unit's own phrases a text is, and what that says of whose business it is."""

import re
from math import exp

from pydantic import BaseModel, ConfigDict, Field

_HAN = re.compile(r"[\u3400-\u9fff]{2,}")


class Likeness(BaseModel):
    """How likely a unit is the right one, by how much of its best phrase a text holds.

    Measured on the units that the model knows, as if it did not.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bias: float
    weight: float = Field(ge=0)

    def probability(self, share: float) -> float:
        """The probability at that share of a phrase, 0 without any."""
        return 1 / (1 + exp(-(self.bias + self.weight * share))) if share > 0 else 0.0


def pairs_of(text: str) -> frozenset[str]:
    """Pairs of neighbouring Chinese characters of a normalised text."""
    return frozenset(
        run[place : place + 2] for run in _HAN.findall(text) for place in range(len(run) - 1)
    )
