"""One appeal in, one decision with its reasons out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from triage.appeal import Appeal, SourceText
from triage.areas import Place
from triage.automatic import Grounds, measured
from triage.calibration import Calibration, blend
from triage.classifier.port import Classifier, Prediction
from triage.decision import DISTRICT, URGENCY, Decision, Kind, Tier, Topic
from triage.newcomers import extended, newcomers
from triage.passages import Reading, read
from triage.reasons import Speaker
from triage.routing import Claim, Routing, averting, claims, nobody, route, without_place
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
class Facts:
    """What rules and gazetteer found in one document."""

    document: Document
    place: Place
    tiers: list[TierHit]
    matters: list[MatterHit]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was decided on one appeal, before it is put into words."""

    facts: Facts
    prediction: Prediction
    near: Mapping[str, float]
    """Probability of an emergency around each hint of one, by the rule's id."""
    readable: bool
    within: bool
    """Whether it is an appeal at all, as far as one can tell."""
    kind: Kind
    tier: Tier
    alarms: list[TierHit]
    """The tier rules that count."""
    claimed: list[Claim]
    routing: Routing

    def grounds(self) -> Grounds:
        """What the risk of a decision with a unit is estimated from."""
        units = self.prediction.units
        unit = without_place(self.routing.unit or "")
        return Grounds(
            measured(
                self.routing.probabilities,
                unit=unit,
                matter=without_place(self.claimed[0].hit.matter.lead) if self.claimed else None,
                likely=max(units, key=lambda code: units[code]),
                above=sum(
                    value
                    for tier, value in self.prediction.tiers.items()
                    if URGENCY[tier] > URGENCY[self.tier]
                ),
                in_domain=self.prediction.in_domain,
                length=len(self.facts.document.text),
            ),
            (
                f"unit {unit}",
                f"tier {self.tier}",
                f"kind {self.kind}",
                f"route {self.routing.route}",
            ),
        )


class Pipeline:
    """Rules first, classifier beside them, jurisdiction last. Raises on no text whatever."""

    def __init__(
        self, catalogue: Catalogue, classifier: Classifier, admitted_error: float = 0.0
    ) -> None:
        """`admitted_error` is the share of automatic decisions that may be wrong; 0 allows none."""
        self.catalogue = catalogue
        self.classifier = classifier
        self._newcomers = newcomers(catalogue, classifier.units)
        self._most_risk = classifier.calibration.automatic.most_risk(admitted_error)

    def decide(self, appeal: Appeal) -> Decision:
        """The decision on one appeal, all its texts taken together."""
        return self.decide_all([appeal])[0]

    def decide_all(self, appeals: Sequence[Appeal]) -> list[Decision]:
        """The same decisions as one by one, with one call of the classifier."""
        return [self.tell(judgement) for judgement in self.judge(appeals)]

    def judge(self, appeals: Sequence[Appeal]) -> list[Judgement]:
        """What rules and classifier make of each appeal."""
        facts = [_facts(self.catalogue, appeal) for appeal in appeals]
        texts, fired = [item.document.text for item in facts], [item.tiers for item in facts]
        readings = read(self.classifier, texts, fired)
        return [self._judged(item, reading) for item, reading in zip(facts, readings, strict=True)]

    def tell(self, judgement: Judgement) -> Decision:
        """The decision with its reasons."""
        facts, routing = judgement.facts, judgement.routing
        calibration = self.classifier.calibration
        speaker = Speaker(facts.document, self.catalogue)
        reasons = [
            *(speaker.tier(judgement.tier, judgement.alarms) if judgement.readable else ()),
            *speaker.unit(
                routing.unit, routing.matter, judgement.alarms, judgement.prediction.evidence
            ),
            *speaker.place(facts.place),
            *(() if judgement.within else speaker.outside(judgement.readable)),
        ]
        return Decision(
            kind=judgement.kind,
            topic=_topic(routing.matter, judgement.prediction, calibration)
            if judgement.readable
            else _NO_TOPIC,
            matter=routing.matter.matter.id if routing.matter else None,
            tier=judgement.tier,
            route=routing.route,
            unit=routing.unit,
            supporting_units=routing.supporting_units,
            candidates=routing.candidates,
            unit_set=routing.unit_set,
            district=facts.place.district,
            street=facts.place.street,
            reasons=tuple(reasons),
            automatic=self._automatic(judgement),
            model=self.classifier.version,
        )

    def _judged(self, facts: Facts, reading: Reading) -> Judgement:
        prediction, calibration = reading.prediction, self.classifier.calibration
        if self._newcomers:
            text = facts.document.text
            prediction = extended(prediction, text, self._newcomers, calibration.likeness)
        readable = _TWO_HAN.search(facts.document.text) is not None
        alarms = counting(facts.tiers, reading, calibration)
        by_rules = alarms[0].rule.tier if alarms else Tier.GENERAL
        learned = _learned_tier(prediction, calibration.emergency_from, calibration.livelihood_from)
        tier = max(by_rules, learned if readable else Tier.GENERAL, key=URGENCY.__getitem__)
        # What rules and classifier both call urgent is an appeal, and so is danger by rules alone.
        urgent = by_rules is Tier.EMERGENCY or Tier.GENERAL not in (by_rules, learned)
        within = readable and (prediction.in_domain >= calibration.in_domain_from or urgent)
        if by_rules is Tier.EMERGENCY:
            prediction = averting(prediction, alarms)
        claimed = claims(facts.matters, prediction.units) if within else []
        kind = most(prediction.kinds) if readable else _NO_KIND
        routing = nobody()
        if within:
            routing = route(prediction, claimed, kind, tier, facts.place.district, calibration)
        return Judgement(
            facts, prediction, reading.near, readable, within, kind, tier, alarms, claimed, routing
        )

    def _automatic(self, judgement: Judgement) -> bool:
        # A unit that still lacks its place is not a decision that could be dispatched.
        if self._most_risk is None or judgement.routing.unit in (None, DISTRICT):
            return False
        return self.classifier.calibration.automatic.risk(judgement.grounds()) <= self._most_risk


def tier_by_rules(catalogue: Catalogue, appeal: Appeal) -> Tier:
    """The tier by rules alone, for when the classifier is broken."""
    document = Document(appeal)
    fired = catalogue.tiers.fired(document.text, document.sentences)
    return fired[0].rule.tier if fired else Tier.GENERAL


def _facts(catalogue: Catalogue, appeal: Appeal) -> Facts:
    document = Document(appeal)
    place = catalogue.gazetteer.locate(document.text)
    return Facts(
        document,
        place,
        catalogue.tiers.fired(document.text, document.sentences),
        catalogue.matters.found(document.text, document.sentences, place.codes),
    )


def counting(fired: Sequence[TierHit], reading: Reading, calibration: Calibration) -> list[TierHit]:
    """The fired rules that count, in the same order.

    A rule that is no hint always does. A hint of an emergency needs the classifier to think of one
    at least remotely around it, a rule of livelihood to think of anything urgent.
    """
    tiers = reading.prediction.tiers
    urgent = tiers[Tier.EMERGENCY] + tiers[Tier.LIVELIHOOD]
    return [
        hit
        for hit in fired
        if (
            (not hit.rule.hint or reading.near[hit.rule.id] >= calibration.hint_from)
            if hit.rule.tier is Tier.EMERGENCY
            else urgent >= calibration.livelihood_hint_from
        )
    ]


def _learned_tier(prediction: Prediction, emergency_from: float, livelihood_from: float) -> Tier:
    """Neither rules nor model can hide an emergency, so the model needs its own thresholds."""
    if prediction.tiers[Tier.EMERGENCY] >= emergency_from:
        return Tier.EMERGENCY
    urgent = prediction.tiers[Tier.EMERGENCY] + prediction.tiers[Tier.LIVELIHOOD]
    return Tier.LIVELIHOOD if urgent >= livelihood_from else Tier.GENERAL


def most(probabilities: Mapping[Name, float]) -> Name:
    """The most probable name, the first of equals."""
    return max(probabilities, key=lambda name: probabilities[name])


def _topic(matter: MatterHit | None, prediction: Prediction, calibration: Calibration) -> Topic:
    entries = {matter.matter.topic: 1.0} if matter else {}
    return most(blend(prediction.topics, entries, calibration.topic_trust))
