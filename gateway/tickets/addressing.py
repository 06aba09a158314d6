"""To whom a ticket is addressed, and when it is published (派单)."""

from datetime import datetime
from typing import Final

from gateway.tickets.document import AddressedAs
from gateway.tickets.ticket import Ticket
from gateway.tickets.workflow import Confirmation
from triage.decision import Tier

DUTY_DESK: Final = "gov-services"
LOCAL_GOVERNMENT: Final = "district"


def addressee(ticket: Ticket) -> tuple[str, AddressedAs]:
    """Return the unit that gets the ticket and why, so that a fallback never looks decided.

    The named unit, else the government of the district, else the duty desk.
    """
    if ticket.unit and ticket.unit != LOCAL_GOVERNMENT:
        return ticket.unit, "unit"
    if ticket.district:
        return ticket.district, "district_fallback" if not ticket.unit else "unit"
    return DUTY_DESK, "duty_desk"


def publish_now(ticket: Ticket, now: datetime) -> Confirmation | None:
    """Return what lets the ticket out at this moment; None while it waits for an agent."""
    if ticket.confirmation is not Confirmation.NONE:
        return None
    if ticket.tier is Tier.EMERGENCY:
        return Confirmation.EMERGENCY
    if ticket.automatic:
        return Confirmation.AUTOMATIC
    if ticket.publish_at is not None and ticket.publish_at <= now:
        return Confirmation.CLOCK
    return None
