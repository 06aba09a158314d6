"""One appeal in, one decision with its reasons out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from triage.appeal import Appeal, SourceText
from triage.areas import Place
from triage.calibration import Calibration, blend
from triage.classifier.port import Classifier, Prediction
from triage.decision import URGENCY, Decision, Kind, Tier, Topic
from triage.reasons import Speaker
from triage.routing import Claim, claims, nobody, route
from triage.rules.matters import MatterHit
from triage.rules.tiers import TierHit
from triage.taxonomy.catalogue import Catalogue
from triage.text.document import Document

Name = TypeVar("Name", bound=StrEnum)

__all__ = ["Appeal", "Pipeline", "SourceText", "most", "tier_by_rules"]

_TWO_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff].*?[\u3400-\u4dbf\u4e00-\u9fff]", re.DOTALL)
#: Kind and topic where there is nothing to judge by; a person looks at these.
_NO_KIND, _NO_TOPIC = Kind.INQUIRY, Topic.PARTY_AFFAIRS


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the rules found in one document."""

    document: Document
    place: Place
    tiers: list[TierHit]
    matters: list[MatterHit]

    @property
    def tier(self) -> Tier:
        return self.tiers[0].rule.tier if self.tiers else Tier.GENERAL


class Pipeline:
    """Rules first, classifier beside them, jurisdiction last. Raises on no text whatever."""

    def __init__(self, catalogue: Catalogue, classifier: Classifier) -> None:
        self.catalogue = catalogue
        self.classifier = classifier

    def decide(self, appeal: Appeal) -> Decision:
        """The decision on one appeal, all its texts taken together."""
        return self.decide_all([appeal])[0]

    def decide_all(self, appeals: Sequence[Appeal]) -> list[Decision]:
        """The same decisions as one by one, with one call of the classifier."""
        facts = [_facts(self.catalogue, appeal) for appeal in appeals]
        predictions = self.classifier.predict([item.document.text for item in facts])
        return [
            self._decide(item, prediction)
            for item, prediction in zip(facts, predictions, strict=True)
        ]

    def _decide(self, facts: _Facts, prediction: Prediction) -> Decision:
        calibration = self.classifier.calibration
        readable = _TWO_HAN.search(facts.document.text) is not None
        learned = _learned_tier(prediction, calibration.emergency_from, calibration.livelihood_from)
        tier = max(facts.tier, learned if readable else Tier.GENERAL, key=URGENCY.__getitem__)
        within = readable and (
            prediction.in_domain >= calibration.in_domain_from or facts.tier is Tier.EMERGENCY
        )
        claimed = claims(facts.matters, prediction.units) if within else []
        matter = claimed[0].hit if claimed else None
        kind = most(prediction.kinds) if readable else _NO_KIND
        routing = nobody()
        if within:
            routing = route(prediction, claimed, kind, tier, facts.place.district, calibration)
        speaker = Speaker(facts.document, self.catalogue)
        reasons = [
            *(speaker.tier(tier, facts.tiers) if readable else ()),
            *speaker.unit(routing.unit, matter, prediction.evidence),
            *speaker.place(facts.place),
            *(() if within else speaker.outside(readable)),
        ]
        return Decision(
            kind=kind,
            topic=_topic(claimed, prediction, calibration) if readable else _NO_TOPIC,
            matter=matter.matter.id if matter else None,
            tier=tier,
            route=routing.route,
            unit=routing.unit,
            supporting_units=routing.supporting_units,
            candidates=routing.candidates,
            unit_set=routing.unit_set,
            district=facts.place.district,
            street=facts.place.street,
            reasons=tuple(reasons),
            automatic=False,
            model=self.classifier.version,
        )


def tier_by_rules(catalogue: Catalogue, appeal: Appeal) -> Tier:
    """The tier by rules alone, for when the classifier is broken."""
    document = Document(appeal)
    fired = catalogue.tiers.fired(document.text, document.sentences)
    return fired[0].rule.tier if fired else Tier.GENERAL


def _facts(catalogue: Catalogue, appeal: Appeal) -> _Facts:
    document = Document(appeal)
    place = catalogue.gazetteer.locate(document.text)
    return _Facts(
        document,
        place,
        catalogue.tiers.fired(document.text, document.sentences),
        catalogue.matters.found(document.text, document.sentences, place.codes),
    )


def _learned_tier(prediction: Prediction, emergency_from: float, livelihood_from: float) -> Tier:
    """Neither rules nor model can hide an emergency, so the model needs its own thresholds."""
    if prediction.tiers[Tier.EMERGENCY] >= emergency_from:
        return Tier.EMERGENCY
    urgent = prediction.tiers[Tier.EMERGENCY] + prediction.tiers[Tier.LIVELIHOOD]
    return Tier.LIVELIHOOD if urgent >= livelihood_from else Tier.GENERAL


def most(probabilities: Mapping[Name, float]) -> Name:
    """The most probable name, the first of equals."""
    return max(probabilities, key=lambda name: probabilities[name])


def _topic(claimed: Sequence[Claim], prediction: Prediction, calibration: Calibration) -> Topic:
    entries = {claimed[0].hit.matter.topic: 1.0} if claimed else {}
    return most(blend(prediction.topics, entries, calibration.topic_trust))
