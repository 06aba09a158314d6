"""Units that the catalogue has and the model does not know yet: candidates by their duties."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from triage.classifier.port import Prediction
from triage.decision import DISTRICT
from triage.likeness import Likeness, pairs_of
from triage.taxonomy.catalogue import Catalogue
from triage.text.normalise import normalise


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A unit with what it is known by: pairs of characters of each of its phrases."""

    code: str
    phrases: tuple[frozenset[str], ...]

    def share(self, pairs: frozenset[str]) -> float:
        """How much of the phrase that fits best stands among a text's pairs of characters."""
        return max((len(phrase & pairs) / len(phrase) for phrase in self.phrases), default=0.0)


def newcomers(catalogue: Catalogue, known: Collection[str]) -> list[Newcomer]:
    """The units of the catalogue, without districts, that are not among the known ones.

    Their phrases are their duties and the examples of the entries that they lead.
    """
    found = []
    for unit in catalogue.units.values():
        if unit.kind == DISTRICT or unit.code in known:
            continue
        examples = (
            example
            for matter in catalogue.matters.matters
            if matter.lead == unit.code
            for example in matter.examples
        )
        phrases = (pairs_of(normalise(phrase).text) for phrase in (*unit.duties, *examples))
        found.append(Newcomer(unit.code, tuple(pairs for pairs in phrases if pairs)))
    return found


def extended(
    prediction: Prediction, text: str, newcomers: Sequence[Newcomer], likeness: Likeness
) -> Prediction:
    """The prediction with the newcomers among its units, adding to 1 as before."""
    pairs = pairs_of(text)
    odds: dict[str, float] = {}
    for unit in newcomers:
        probability = likeness.probability(unit.share(pairs))
        odds[unit.code] = probability / (1 - probability)
    total = 1 + sum(odds.values())
    known: Mapping[str, float] = prediction.units
    units = {code: value / total for code, value in known.items()}
    return replace(prediction, units={**units, **{c: v / total for c, v in odds.items()}})
