"""All of a bundle's calibration, from held-out scores."""

from collections.abc import Mapping, Sequence
from math import log

import numpy as np
from scipy.optimize import minimize_scalar

from training.automatic import automatic_rule
from training.config import Config
from training.corpus import LABELLED, TOPIC_ROWS, WRITTEN
from training.estimates import (
    first_knots,
    lower_quantile,
    precise_threshold,
    set_threshold,
    temperature,
)
from training.heldout import HeldOut, class_of, judge
from training.likeness import likeness
from training.tiers import TierRow, tier_thresholds
from triage.automatic import NEVER
from triage.calibration import Calibration, blend, honest
from triage.classifier.heads import HEADS, head_columns
from triage.classifier.port import Prediction
from triage.pipeline import Judgement, most
from triage.routing import Claim, unit_probabilities
from triage.taxonomy import Catalogue

#: Weight of the catalogue's claims before it is measured, or with too few to measure it.
_FIRST_WEIGHT, _FEWEST_MATCHES, _MOST_WEIGHT = 3.0, 20, 8.0


def calibrate(
    held: HeldOut, heads: Mapping[str, Sequence[str]], catalogue: Catalogue, config: Config
) -> Calibration:
    """All of the bundle's calibration, from held-out scores."""
    first = Calibration(
        temperatures={head: _temperature(held, heads, head) for head in HEADS},
        emergency_from=1.0,
        livelihood_from=1.0,
        hint_from=0.0,
        livelihood_hint_from=0.0,
        in_domain_from=0.0,
        several_from=1.0,
        first_unit=(),
        matter_weight=_FIRST_WEIGHT,
        matters=tuple(sorted(matter.digest for matter in catalogue.matters.matters)),
        topic_trust=0.0,
        set_from=0.0,
        coverage=config.calibration.coverage,
        automatic=NEVER,
        likeness=likeness(held.examples, catalogue),
    )
    thresholds = _thresholds(held, judge(held, heads, first, catalogue), config)
    # Once more with those, so that what follows sees the rules that count.
    seen = judge(held, heads, first.model_copy(update=thresholds), catalogue)
    predictions = [judgement.prediction for judgement in seen]
    claimed = [judgement.claimed for judgement in seen]
    weight = _matter_weight(held, predictions, claimed)
    judged = [
        (unit_probabilities(prediction.units, entries, weight), example.unit)
        for example, prediction, entries in zip(held.examples, predictions, claimed, strict=True)
        if example.unit is not None
    ]
    knots = first_knots(
        [max(units.values()) for units, _ in judged],
        [max(units, key=lambda code: units[code]) == unit for units, unit in judged],
    )
    truths = [honest(units, knots)[unit] for units, unit in judged]
    found = first.model_copy(
        update={
            **thresholds,
            "matter_weight": weight,
            "first_unit": knots,
            "topic_trust": _topic_trust(held, predictions, claimed),
            "set_from": set_threshold(truths, config.calibration.coverage),
        }
    )
    judgements = judge(held, heads, found, catalogue)
    return found.model_copy(
        update={"automatic": automatic_rule(held.examples, judgements, held.fold, config)}
    )


def _thresholds(held: HeldOut, judgements: Sequence[Judgement], config: Config) -> dict[str, float]:
    aims = config.calibration
    judged = [
        (row, judgement.prediction)
        for row, judgement in zip(held.examples, judgements, strict=True)
    ]
    tiered = [
        TierRow(
            row.tier,
            judgement.prediction.tiers,
            [hit.rule for hit in judgement.facts.tiers],
            max(judgement.near.values(), default=0.0),
        )
        for row, judgement in zip(held.examples, judgements, strict=True)
        if row.tier is not None
    ]
    several = [(row, item) for row, item in judged if row.several is not None]
    at_home = [item.in_domain for row, item in judged if row.origin in (LABELLED, WRITTEN)]
    return {
        **tier_thresholds(tiered, aims),
        "several_from": precise_threshold(
            [item.several for _, item in several],
            [bool(row.several) for row, _ in several],
            aims.several_precision,
        ).value,
        "in_domain_from": min(0.9, lower_quantile(at_home, aims.domain_loss)),
    }


def _matter_weight(
    held: HeldOut, predictions: Sequence[Prediction], claimed: Sequence[Sequence[Claim]]
) -> float:
    """The weight of claims under which the right units are most probable."""
    rows = [
        (example.unit, prediction.units, entries)
        for example, prediction, entries in zip(held.examples, predictions, claimed, strict=True)
        if entries and example.unit is not None
    ]
    if len(rows) < _FEWEST_MATCHES:
        return _FIRST_WEIGHT

    def loss(weight: float) -> float:
        return -sum(
            log(unit_probabilities(units, entries, weight)[unit]) for unit, units, entries in rows
        )

    return round(float(minimize_scalar(loss, bounds=(0, _MOST_WEIGHT), method="bounded").x), 4)


def _topic_trust(
    held: HeldOut, predictions: Sequence[Prediction], claimed: Sequence[Sequence[Claim]]
) -> float:
    """The weight of the entry's topic that serves outside and written rows best on average."""
    rows = [
        (example, prediction.topics, {entries[0].hit.matter.topic: 1.0})
        for example, prediction, entries in zip(held.examples, predictions, claimed, strict=True)
        if entries and example.topic is not None
    ]
    parts = [[row for row in rows if row[0].origin == origin] for origin in (TOPIC_ROWS, WRITTEN)]

    def served(trust: float) -> float:
        return sum(
            sum(most(blend(topics, entry, trust)) == row.topic for row, topics, entry in part)
            / len(part)
            for part in parts
            if part
        )

    return max((number / 20 for number in range(20)), key=lambda trust: (served(trust), -trust))


def _temperature(held: HeldOut, heads: Mapping[str, Sequence[str]], head: str) -> float:
    rows, classes = [], []
    for row, example in enumerate(held.examples):
        number = class_of(example, heads, head)
        if number is not None:
            rows.append(row)
            classes.append(number)
    logits = held.scores[rows][:, head_columns(heads)[head]]
    return temperature(logits, np.array(classes, dtype=np.intp))
