"""Passages of a long text, which the classifier reads once more by themselves.

In a letter the one sentence that tells of danger is lost among the others: probabilities for the
whole of it are low, whatever it says. A passage is as long as what people say on the phone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from triage.classifier.port import Classifier, Prediction
from triage.decision import Tier
from triage.rules.tiers import TierHit

#: Code points from which on a text is long, of its close, and on both sides of a hint.
LONG, _CLOSE, _AROUND = 320, 120, 60


@dataclass(frozen=True, slots=True)
class Reading:
    """What the classifier makes of a text.

    The emergency in `prediction` is the likelier one of the whole text's and its close's. `near`
    is the emergency's probability around each hint of one, by the rule's id.
    """

    prediction: Prediction
    near: dict[str, float]


def passages(text: str, hints: Sequence[TierHit]) -> list[str]:
    """The close of a long text, then what stands around each hint; nothing for a short one."""
    if len(text) < LONG:
        return []
    return [
        text[-_CLOSE:],
        *(text[max(0, hit.start - _AROUND) : hit.end + _AROUND] for hit in hints),
    ]


def hints_of(fired: Sequence[TierHit]) -> list[TierHit]:
    """The hits of rules that only hint at an emergency."""
    return [hit for hit in fired if hit.rule.hint and hit.rule.tier is Tier.EMERGENCY]


def read(
    classifier: Classifier, texts: Sequence[str], fired: Sequence[Sequence[TierHit]]
) -> list[Reading]:
    """Read normalised texts, each with the tier rules that fired on it, in one call."""
    hints = [hints_of(hits) for hits in fired]
    parts = [passages(text, hits) for text, hits in zip(texts, hints, strict=True)]
    predictions = classifier.predict([*texts, *(part for some in parts for part in some)])
    rest = iter(predictions[len(texts) :])
    return [
        _reading(prediction, hits, [next(rest).tiers[Tier.EMERGENCY] for _ in some])
        for prediction, hits, some in zip(predictions[: len(texts)], hints, parts, strict=True)
    ]


def _reading(
    prediction: Prediction, hints: Sequence[TierHit], emergencies: Sequence[float]
) -> Reading:
    """`emergencies` are the probabilities of the text's passages, in their order."""
    whole = prediction.tiers[Tier.EMERGENCY]
    if not emergencies:
        return Reading(prediction, {hit.rule.id: whole for hit in hints})
    close, *around = emergencies
    near = {hit.rule.id: max(whole, close, there) for hit, there in zip(hints, around, strict=True)}
    return Reading(_raised(prediction, close), near)


def _raised(prediction: Prediction, emergency: float) -> Prediction:
    """The prediction with an emergency at least so probable, and less of the other tiers."""
    whole = prediction.tiers[Tier.EMERGENCY]
    if emergency <= whole:
        return prediction
    left = (1 - emergency) / (1 - whole)
    tiers = {tier: value * left for tier, value in prediction.tiers.items()}
    return replace(prediction, tiers={**tiers, Tier.EMERGENCY: emergency})
