"""Judging decisions by labels, for each source and overall."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from training.corpus import Example
from training.metrics import (
    calibration_error,
    calibration_interval,
    macro_f1,
    recall_precision,
    share,
    upper_end,
)
from triage.decision import URGENCY, Decision, Route, Tier
from triage.routing import without_place

Figures: TypeAlias = dict[str, float | int | None]
Pairs: TypeAlias = Sequence[tuple[Example, Decision]]

#: Origins and sources are reported under these names, everything together under OVERALL.
OVERALL = "overall"


def figures_by_source(pairs: Pairs) -> dict[str, Figures]:
    """Figures for every origin, every source within it, and overall."""
    parts: dict[str, list[tuple[Example, Decision]]] = {}
    for pair in pairs:
        example = pair[0]
        parts.setdefault(example.origin, []).append(pair)
        if example.source != example.origin:
            parts.setdefault(f"{example.origin}/{example.source}", []).append(pair)
    named: Mapping[str, Pairs] = {OVERALL: pairs, **dict(sorted(parts.items()))}
    return {name: figures(part) for name, part in named.items()}


def figures(pairs: Pairs) -> Figures:
    """All figures that the labels of these rows allow; what they do not allow is left out."""
    found: Figures = {"rows": len(pairs)}
    found |= _units([pair for pair in pairs if pair[0].unit is not None])
    found |= _tiers([pair for pair in pairs if pair[0].tier is not None])
    found |= _topics([pair for pair in pairs if pair[0].topic is not None])
    found |= _automatic([pair for pair in pairs if pair[0].unit is not None])
    placed = [pair for pair in pairs if pair[0].route is not None]
    found |= _places(placed) if placed else {}
    found |= _rest(pairs)
    return {name: value for name, value in found.items() if value is not None}


def _units(pairs: Pairs) -> Figures:
    if not pairs:
        return {}
    exact = [_plain(decision) == example.unit for example, decision in pairs]
    within = [
        example.unit in [candidate.code for candidate in decision.candidates[:3]]
        for example, decision in pairs
    ]
    matched = [
        _plain(decision) == example.unit
        for example, decision in pairs
        if decision.matter is not None
    ]
    judged = [
        (decision.candidates[0].probability, decision.candidates[0].code == example.unit)
        for example, decision in pairs
        if decision.candidates
    ]
    return {
        "unit_rows": len(pairs),
        "unit_exact": share(exact),
        "unit_accepted": share(
            [_plain(decision) in (example.unit, *example.also) for example, decision in pairs]
        ),
        "unit_within_three": share(within),
        "unit_calibration_error": calibration_error(judged),
        **_interval("unit_calibration_error", calibration_interval(judged)),
        "unit_set_coverage": share([example.unit in item.unit_set for example, item in pairs]),
        "unit_set_size": round(sum(len(item.unit_set) for _, item in pairs) / len(pairs), 2),
        "matter_share": round(len(matched) / len(pairs), 4),
        "matter_exact": share(matched),
    }


def _interval(name: str, ends: tuple[float, float] | None) -> Figures:
    return {f"{name}_low": ends[0], f"{name}_high": ends[1]} if ends else {}


def _automatic(pairs: Pairs) -> Figures:
    """What is let through, of rows with unit and tier, and how much of it is wrong."""
    if not pairs:
        return {}
    passed = [
        _plain(decision) not in (example.unit, *example.also)
        or (example.tier is not None and URGENCY[decision.tier] < URGENCY[example.tier])
        for example, decision in pairs
        if decision.automatic
    ]
    return {
        "automatic_share": round(len(passed) / len(pairs), 4),
        "automatic_wrong": share(passed),
        "automatic_wrong_upper": round(upper_end(sum(passed), len(passed)), 4) if passed else None,
    }


def _places(pairs: Pairs) -> Figures:
    """Districts, right where the text makes one plain; invented where it makes none plain."""
    plain = [(example, item) for example, item in pairs if example.district is not None]
    rest = [item for example, item in pairs if example.district is None]
    return {
        "district_rows": len(plain),
        "district_right": share([item.district == example.district for example, item in plain]),
        "district_other": share(
            [item.district not in (None, example.district) for example, item in plain]
        ),
        "district_invented": share([item.district is not None for item in rest]),
        "street_accuracy": share([item.street == example.street for example, item in pairs]),
        "route_accuracy": share([item.route == example.route for example, item in pairs]),
    }


def _tiers(pairs: Pairs) -> Figures:
    if not pairs:
        return {}
    result: Figures = {}
    for tier in (Tier.EMERGENCY, Tier.LIVELIHOOD):
        right = [example.tier is tier for example, _ in pairs]
        recall, precision = recall_precision([item.tier is tier for _, item in pairs], right)
        result |= {
            f"{tier}_rows": sum(right),
            f"{tier}_recall": recall,
            f"{tier}_precision": precision,
        }
    return result


def _topics(pairs: Pairs) -> Figures:
    found = [decision.topic.value for _, decision in pairs]
    right = [example.topic.value for example, _ in pairs if example.topic is not None]
    return {
        "topic_rows": len(pairs) or None,
        "topic_accuracy": share([a == b for a, b in zip(found, right, strict=True)]),
        "topic_macro_f1": macro_f1(found, right),
    }


def _rest(pairs: Pairs) -> Figures:
    return {
        "kind_accuracy": share(
            [item.kind is example.kind for example, item in pairs if example.kind is not None]
        ),
        "outside_to_person": share(
            [item.route is Route.PERSON for example, item in pairs if not example.in_domain]
        ),
        "appeals_to_person": share(
            [item.route is Route.PERSON for example, item in pairs if example.in_domain]
        ),
    }


def _plain(decision: Decision) -> str | None:
    return without_place(decision.unit) if decision.unit is not None else None
