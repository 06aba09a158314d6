"""The ticket (工单): what is kept of an appeal from acceptance to its end."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Final, Self

from gateway.tickets import clocks
from gateway.tickets.clocks import Milestones
from gateway.tickets.workflow import Confirmation, Status, change_status
from triage.decision import URGENCY, Tier

_BEFORE_TRIAGE: Final = Tier.EMERGENCY
"""Whose spans count until a tier is known, to be on the safe side."""


@dataclass(frozen=True, slots=True)
class ClockRules:
    """What the settings say about clocks."""

    points: clocks.StartingPoints = field(default_factory=clocks.StartingPoints)
    publish_share: float = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """One ticket at one version; its fields are the columns of the table `tickets`."""

    id: str
    channel: str
    status: Status
    version: int
    accepted_at: datetime
    surge: bool
    complex: bool = False
    kind: str | None = None
    topic: str | None = None
    matter: str | None = None
    tier: Tier | None = None
    route: str | None = None
    unit: str | None = None
    supporting_units: tuple[str, ...] = ()
    district: str | None = None
    street: str | None = None
    untriaged: bool = False
    automatic: bool = False
    confirmation: Confirmation = Confirmation.NONE
    confirmed_by: str | None = None
    confirmed_at: datetime | None = None
    dispatch_due_at: datetime | None = None
    acknowledge_due_at: datetime | None = None
    report_due_at: datetime | None = None
    dispatched_at: datetime | None = None
    dispatched_unit: str | None = None
    warn_at: datetime | None = None
    publish_at: datetime | None = None
    needs_triage: bool = True
    triage_attempts: int = 0
    triage_not_before: datetime | None = None
    repeats: int = 0
    cluster: str | None = None
    split_from: str | None = None
    """The ticket that was split first of all; a ticket that was split itself names itself."""
    confidence: float | None = None
    """How likely triage holds its first candidate to be right, from 0 to 1."""

    @classmethod
    def from_row(cls, row: Any) -> Self:
        """Return the ticket of a database row with the columns `FIELDS`, in that order."""
        values = dict(zip(FIELDS, row, strict=True))
        values["status"] = Status(values["status"])
        values["confirmation"] = Confirmation(values["confirmation"])
        values["tier"] = Tier(values["tier"]) if values["tier"] else None
        values["supporting_units"] = tuple(values["supporting_units"])
        return cls(**values)

    def to_row(self) -> dict[str, Any]:
        """Return the columns of this ticket."""
        values = {name: getattr(self, name) for name in FIELDS}
        values["supporting_units"] = list(self.supporting_units)
        return values


FIELDS = tuple(item.name for item in fields(Ticket))

DECIDED: Final = (
    "automatic", "kind", "topic", "matter", "route", "unit", "supporting_units", "district",
    "street",
)  # fmt: skip
"""What a decision says of a ticket, beside its tier."""


def receive(ticket_id: str, channel: str, accepted_at: datetime, *, surge: bool) -> Ticket:
    """Return a ticket that has only just been accepted, its clocks running.

    Until triage has spoken it counts as urgent, and is published even if triage never speaks.
    """
    spans = clocks.spans_of(_BEFORE_TRIAGE, complex_matter=False, surge=surge)
    due = Milestones(accepted_at), spans
    return Ticket(
        id=ticket_id,
        channel=channel,
        status=Status.RECEIVED,
        version=1,
        accepted_at=accepted_at,
        surge=surge,
        dispatch_due_at=clocks.dispatch_due(*due),
        warn_at=clocks.warn_at(*due),
        publish_at=clocks.publish_at(*due, clocks.UNTRIAGED_SHARE),
    )


def apply_decision(ticket: Ticket, decision: Mapping[str, Any], rules: ClockRules) -> Ticket:
    """Return the ticket as triage sees it now; `decision` is the document of a decision.

    A tier may rise by that but never falls; what an agent has confirmed stays otherwise.
    """
    tier = max(filter(None, (ticket.tier, Tier(decision["tier"]))), key=URGENCY.__getitem__)
    changes: dict[str, Any] = {"needs_triage": False, "triage_not_before": None, "tier": tier}
    candidates = decision["candidates"]
    changes["confidence"] = candidates[0]["probability"] if candidates else None
    if ticket.confirmation is not Confirmation.AGENT:
        changes |= {name: decision[name] for name in DECIDED}
        changes["supporting_units"] = tuple(decision["supporting_units"])
        changes["untriaged"] = False
    return replace(ticket, **changes, **_due_times(ticket, tier, rules))


def read_again(ticket: Ticket) -> Ticket:
    """Return the ticket as a new version that triage has still to read."""
    return replace(
        ticket,
        version=ticket.version + 1,
        needs_triage=True,
        triage_attempts=0,
        triage_not_before=None,
    )


def close_as(ticket: Ticket, status: Status) -> Ticket:
    """Return the ticket as a new version, closed: triage and clocks leave it alone.

    Raises `StatusChangeRefused` where the workflow has no such change.
    """
    return replace(
        ticket,
        status=change_status(ticket.status, status),
        version=ticket.version + 1,
        needs_triage=False,
        triage_not_before=None,
        warn_at=None,
        publish_at=None,
    )


def leave_untriaged(ticket: Ticket, tier: Tier | None, rules: ClockRules) -> Ticket:
    """Return the ticket for which triage failed, with the tier of the rules.

    Where these failed too (`tier` is None) it is general, with the dispatch due time of an
    emergency.
    """
    if ticket.tier is not None:
        return replace(ticket, needs_triage=False, triage_not_before=None)
    careful = replace(
        ticket, untriaged=True, needs_triage=False, triage_not_before=None, tier=Tier.EMERGENCY
    )
    if tier is None:
        return replace(set_clocks(careful, rules), tier=Tier.GENERAL)
    return set_clocks(replace(careful, tier=tier), rules)


def set_clocks(ticket: Ticket, rules: ClockRules) -> Ticket:
    """Return the ticket with its due times by tier; one that waits is also given its warnings."""
    return replace(ticket, **_due_times(ticket, ticket.tier or _BEFORE_TRIAGE, rules))


def _due_times(ticket: Ticket, tier: Tier, rules: ClockRules) -> dict[str, Any]:
    spans = clocks.spans_of(tier, complex_matter=ticket.complex, surge=ticket.surge)
    due = Milestones(ticket.accepted_at, ticket.dispatched_at), spans
    waits = ticket.status is Status.AWAITING_CONFIRMATION or ticket.status is Status.RECEIVED
    waits = waits and ticket.confirmation is Confirmation.NONE
    return {
        "dispatch_due_at": clocks.dispatch_due(*due),
        "acknowledge_due_at": clocks.acknowledge_due(*due, rules.points),
        "report_due_at": clocks.report_due(*due, rules.points),
        "warn_at": clocks.warn_at(*due) if waits else None,
        "publish_at": clocks.publish_at(*due, rules.publish_share) if waits else None,
    }
