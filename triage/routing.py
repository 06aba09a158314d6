"""From what rules and classifier found to a unit and a route; jurisdiction comes last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import exp, log

from triage.calibration import Calibration, conformal_set, honest
from triage.classifier.port import Prediction
from triage.decision import DISTRICT, Candidate, Kind, Route, Tier
from triage.rules.matters import Matter, MatterHit
from triage.rules.tiers import TierHit

_MOST_CANDIDATES = 5
#: A candidate below this would be shown with probability 0.
_CANDIDATE_FROM = 0.00005
#: Further units named beside a learned lead.
_MOST_SUPPORTING = 2
#: A further unit is named only if at least this probable.
_SUPPORTING_FROM = 0.1
#: What one matched character counts, in natural logarithms, against the classifier's view.
_PER_CHARACTER = 0.4
#: What a rule of danger counts for the unit that averts it, in natural logarithms.
_AVERTS = 2.0
#: Least probability of a lead that the classifier thinks nothing of.
_LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class Routing:
    """The part of the decision that says whose business it is."""

    route: Route
    unit: str | None
    supporting_units: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    unit_set: tuple[str, ...] = ()
    matter: MatterHit | None = None
    """The catalogue entry that names the unit, if one does."""
    probabilities: Mapping[str, float] = field(default_factory=dict)
    """Of all units and `district`, adding to 1, as classifier and catalogue hold them: finer than
    the calibrated ones, among which many firsts are alike."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A matched catalogue entry and its share among all that matched."""

    hit: MatterHit
    share: float


def nobody() -> Routing:
    """What a person must look at: no unit at all."""
    return Routing(Route.PERSON, None)


def claims(hits: Sequence[MatterHit], units: Mapping[str, float]) -> list[Claim]:
    """The matched entries, the one that decides first, their shares adding to 1.

    An entry for a place goes before one for everywhere. Among equals the entries share by their
    matched characters and by what the classifier thinks of their leads.
    """
    local = [hit for hit in hits if hit.matter.area is not None]
    hits = local or hits
    if not hits:
        return []
    scores = [
        _PER_CHARACTER * (hit.weight + hit.expressions / 8)
        + log(max(units.get(without_place(hit.matter.lead), 0.0), _LEAST))
        for hit in hits
    ]
    powers = [exp(score - max(scores)) for score in scores]
    found = [Claim(hit, power / sum(powers)) for hit, power in zip(hits, powers, strict=True)]
    return sorted(found, key=lambda claim: -claim.share)


def without_place(unit: str) -> str:
    """The unit as it stands among candidates: any district's government is `district`."""
    return DISTRICT if unit.startswith(DISTRICT) else unit


def averting(prediction: Prediction, alarms: Sequence[TierHit]) -> Prediction:
    """The prediction with the units likelier that avert what the alarms of danger tell of.

    Of a second matter that is an emergency, the unit is the one that averts it (the labelling
    guide of the training data); several alarms share what one of them would count. Where another
    unit comes first by that, the words that spoke for the former first are no evidence.
    """
    named = [hit.rule.unit for hit in alarms if hit.rule.unit is not None]
    if not named:
        return prediction
    units = prediction.units
    shares = {code: named.count(code) / len(named) for code in named}
    raised = _likelier(units, shares, _AVERTS)
    same = max(raised, key=raised.__getitem__) == max(units, key=units.__getitem__, default=None)
    return replace(
        prediction,
        units=raised,
        evidence=prediction.evidence if same else (),
    )


def unit_probabilities(
    units: Mapping[str, float], claimed: Sequence[Claim], weight: float
) -> dict[str, float]:
    """Learned probabilities, raised for what the catalogue claims, adding to 1 again.

    A sole claim multiplies the odds of its lead by exp(weight), which is found on held-out rows.
    """
    shares: dict[str, float] = {}
    for claim in claimed:
        lead = without_place(claim.hit.matter.lead)
        shares[lead] = shares.get(lead, 0.0) + claim.share
    return _likelier(units, shares, weight)


def _likelier(
    units: Mapping[str, float], shares: Mapping[str, float], weight: float
) -> dict[str, float]:
    """Probabilities whose odds are multiplied by exp(weight) for each share, adding to 1 again."""
    raised = {code: max(units.get(code, 0.0), _LEAST) for code in {**units, **shares}}
    for code, share in shares.items():
        raised[code] *= exp(weight * share)
    total = sum(raised.values())
    return {code: value / total for code, value in raised.items()}


def route(
    learned: Prediction,
    claimed: Sequence[Claim],
    kind: Kind,
    tier: Tier,
    district: str | None,
    calibration: Calibration,
) -> Routing:
    """The first route of design.md that fits an appeal within the domain.

    `district` is the place's code if it is plain.
    """
    raised = unit_probabilities(learned.units, claimed, calibration.matter_weight)
    probabilities = honest(raised, calibration.first_unit)
    if not probabilities:
        return nobody()
    ranked = sorted(probabilities, key=lambda code: (-probabilities[code], code))
    matter = _deciding(claimed, ranked[0], calibration)
    unit = matter.matter.lead if matter else ranked[0]
    first = without_place(unit)
    ranked.sort(key=lambda code: code != first)
    if unit == DISTRICT and district is not None:
        unit = district
    supporting = _supporting(
        matter.matter if matter else None, unit, ranked, probabilities, learned.several, calibration
    )
    return Routing(
        route=route_to(kind, tier, unit, supporting),
        unit=unit,
        supporting_units=supporting,
        candidates=tuple(
            Candidate(code=code, probability=round(min(1.0, probabilities[code]), 4))
            for place, code in enumerate(ranked[:_MOST_CANDIDATES])
            if place == 0 or probabilities[code] >= _CANDIDATE_FROM
        ),
        unit_set=conformal_set(ranked, probabilities, calibration.set_from),
        matter=matter,
        probabilities=raised,
    )


def _deciding(claimed: Sequence[Claim], likely: str, calibration: Calibration) -> MatterHit | None:
    """The entry that decides: the strongest that training did not know, else the likely unit's.

    How far to trust the others was measured; one that a clerk wrote since then simply holds, and
    so does the strongest of all if its entry says so.
    """
    for claim in claimed:
        if claim.hit.matter.digest not in calibration.matters:
            return claim.hit
    if claimed and claimed[0].hit.matter.decides:
        return claimed[0].hit
    for claim in claimed:
        if without_place(claim.hit.matter.lead) == likely:
            return claim.hit
    return None


def route_to(kind: Kind | None, tier: Tier | None, unit: str, supporting: tuple[str, ...]) -> Route:
    """Return the first route that fits what has a unit (the standard's routes)."""
    if kind is Kind.INQUIRY and tier is Tier.GENERAL:
        return Route.ANSWER
    if unit.startswith(DISTRICT):
        return Route.DISTRICT
    return Route.LEAD if supporting else Route.DIRECT


def _supporting(
    matter: Matter | None,
    unit: str,
    ranked: list[str],
    probabilities: Mapping[str, float],
    several: float,
    calibration: Calibration,
) -> tuple[str, ...]:
    """The catalogue's supporting units, else likely further ones if several must act."""
    if matter is not None and matter.supporting:
        return tuple(code for code in matter.supporting if code != unit)
    if several < calibration.several_from:
        return ()
    others = [
        code
        for code in ranked
        if code not in (unit, DISTRICT) and probabilities[code] >= _SUPPORTING_FROM
    ]
    return tuple(others[:_MOST_SUPPORTING])
