"""What the pipeline asks of any classifier."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from triage.calibration import Calibration
from triage.decision import Kind, ModelVersion, Tier, Topic


@dataclass(frozen=True, slots=True)
class Prediction:
    """Calibrated probabilities for one text; those of `units`, `tiers`, `kinds`, `topics` add to 1.

    `units` is over unit codes and `district`. `in_domain` is the probability that the text is an
    appeal at all, `several` that more than one unit must act. `evidence` holds words of the
    normalised text that spoke most for the most probable unit.
    """

    units: Mapping[str, float]
    tiers: Mapping[Tier, float]
    kinds: Mapping[Kind, float]
    topics: Mapping[Topic, float]
    in_domain: float
    several: float
    evidence: tuple[str, ...]


class Classifier(Protocol):
    """Reads normalised texts in batches; knows its version and what calibrated it."""

    @property
    def version(self) -> ModelVersion:
        """Name and version for the decision."""
        ...

    @property
    def calibration(self) -> Calibration:
        """The thresholds found on held-out data."""
        ...

    @property
    def units(self) -> Collection[str]:
        """The codes among `Prediction.units`, `district` included."""
        ...

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One prediction a text, in order; any text, the empty one included."""
        ...
