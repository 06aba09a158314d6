"""The heads of a classifier: what it scores, and how scores become probabilities."""

from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise

from triage.calibration import Calibration, Floats, sigmoid, softmax
from triage.classifier.port import Prediction
from triage.decision import Kind, Tier, Topic

#: Heads in the order of the score columns; the last two have one column each.
UNIT, TIER, KIND, TOPIC, DOMAIN, SEVERAL = "unit", "tier", "kind", "topic", "domain", "several"
HEADS = (UNIT, TIER, KIND, TOPIC, DOMAIN, SEVERAL)


def head_columns(heads: Mapping[str, Sequence[str]]) -> dict[str, slice]:
    """The score columns of every head."""
    edges = accumulate((len(heads[name]) for name in HEADS), initial=0)
    return {name: slice(*edge) for name, edge in zip(HEADS, pairwise(edges), strict=True)}


def read_scores(
    scores: Floats,
    heads: Mapping[str, Sequence[str]],
    calibration: Calibration,
    evidence: tuple[str, ...] = (),
) -> Prediction:
    """Calibrated probabilities out of one text's raw scores, shape (columns,)."""
    columns = head_columns(heads)
    warmth = calibration.temperatures
    values: list[float] = scores.tolist()

    def shares(head: str) -> dict[str, float]:
        return dict(zip(heads[head], softmax(values[columns[head]], warmth[head]), strict=True))

    def share(head: str) -> float:
        return sigmoid(values[columns[head]][0], warmth[head])

    return Prediction(
        units=shares(UNIT),
        tiers={Tier(name): value for name, value in shares(TIER).items()},
        kinds={Kind(name): value for name, value in shares(KIND).items()},
        topics={Topic(name): value for name, value in shares(TOPIC).items()},
        in_domain=share(DOMAIN),
        several=share(SEVERAL),
        evidence=evidence,
    )


def check_names(heads: Mapping[str, Sequence[str]]) -> None:
    """Raises KeyError for a missing head, ValueError for a name that decisions do not know."""
    for head in HEADS:
        _ = heads[head]
    for head, names in ((TIER, Tier), (KIND, Kind), (TOPIC, Topic)):
        for name in heads[head]:
            names(name)
    if set(heads[TIER]) != set(Tier):
        raise ValueError("a tier is missing")
