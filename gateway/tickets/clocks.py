"""Every due time of DB11/T 2021—2022 as data: 派单, 签收 and 反馈 by tier.

Spans are calendar time. Times are UTC; Beijing has no daylight saving.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from triage.decision import Tier

AcknowledgeFrom = Literal["dispatch", "acceptance"]
ReportFrom = Literal["acknowledgement", "dispatch", "acceptance"]

WARN_AT: Final = 0.5
"""Share of the dispatch clock after which a waiting ticket is warned of."""

UNTRIAGED_SHARE: Final = 0.75
"""Share of an emergency's dispatch clock after which a ticket goes out even without triage."""


@dataclass(frozen=True, slots=True)
class Spans:
    """How long each step may take."""

    dispatch: timedelta
    acknowledge: timedelta
    report: timedelta


_DAY: Final = timedelta(days=1)
EMERGENCY: Final = Spans(timedelta(hours=1), timedelta(minutes=15), timedelta(hours=2))
LIVELIHOOD: Final = Spans(timedelta(hours=2), timedelta(minutes=30), timedelta(hours=24))
GENERAL: Final = Spans(timedelta(hours=24), _DAY, 7 * _DAY)
GENERAL_SURGE: Final = Spans(timedelta(hours=48), _DAY, 7 * _DAY)
COMPLEX: Final = Spans(timedelta(hours=24), _DAY, 15 * _DAY)
COMPLEX_SURGE: Final = Spans(timedelta(hours=48), _DAY, 15 * _DAY)


def spans_of(tier: Tier, *, complex_matter: bool = False, surge: bool = False) -> Spans:
    """Return the spans of a tier; only general matters know complex (复杂疑难) and surge."""
    if tier is Tier.EMERGENCY:
        return EMERGENCY
    if tier is Tier.LIVELIHOOD:
        return LIVELIHOOD
    if complex_matter:
        return COMPLEX_SURGE if surge else COMPLEX
    return GENERAL_SURGE if surge else GENERAL


@dataclass(frozen=True, slots=True)
class StartingPoints:
    """Where the clocks start; the report of the standard leaves it open, so it is a setting."""

    acknowledge: AcknowledgeFrom = "dispatch"
    report: ReportFrom = "acknowledgement"


@dataclass(frozen=True, slots=True)
class Milestones:
    """What has happened to a ticket so far, UTC."""

    accepted_at: datetime
    dispatched_at: datetime | None = None
    acknowledged_at: datetime | None = None


def dispatch_due(milestones: Milestones, spans: Spans) -> datetime:
    """Return when the ticket must be with a unit; counts from acceptance."""
    return milestones.accepted_at + spans.dispatch


def acknowledge_due(
    milestones: Milestones, spans: Spans, points: StartingPoints
) -> datetime | None:
    """Return when the unit must have acknowledged; None while its clock has not started."""
    start = milestones.accepted_at if points.acknowledge == "acceptance" else None
    start = start or milestones.dispatched_at
    return start + spans.acknowledge if start else None


def report_due(milestones: Milestones, spans: Spans, points: StartingPoints) -> datetime | None:
    """Return when the resolution report is due; None while its clock has not started."""
    starts = {
        "acceptance": milestones.accepted_at,
        "dispatch": milestones.dispatched_at,
        "acknowledgement": milestones.acknowledged_at,
    }
    start = starts[points.report]
    return start + spans.report if start else None


def warn_at(milestones: Milestones, spans: Spans) -> datetime:
    """Return when agents are warned of a ticket that still waits."""
    return milestones.accepted_at + spans.dispatch * WARN_AT


def publish_at(milestones: Milestones, spans: Spans, share: float) -> datetime:
    """Return when the ticket is published although nobody has confirmed it."""
    return milestones.accepted_at + spans.dispatch * share
