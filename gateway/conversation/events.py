"""What is worth telling a citizen, in their words."""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from gateway.tickets.numbers import show_ticket_id
from gateway.tickets.ticket import Ticket
from triage.decision import Tier


class Event(StrEnum):
    """What a reply tells of."""

    RECEIVED = "received"
    DISPATCHED = "dispatched"


UnitName = Callable[[str], str]
"""The Chinese name of a unit's code; the code itself where the catalogue has it no more."""

_DANGER: Final = "如有人身危险,请立即拨打 110、119 或 120。"


def told(event: Event, ticket: Ticket, query_code: str, unit_name: UnitName) -> str:
    """Return the text for the citizen; it holds the query code, and goes to them alone."""
    number = show_ticket_id(ticket.id)
    if event is Event.RECEIVED:
        urgent = _DANGER if ticket.tier in (None, Tier.EMERGENCY) else ""
        return (
            f"您的诉求已受理,工单号 {number},查询码 {query_code}。{urgent}"
            "可继续补充文字、图片或视频。"
        )
    unit = unit_name(ticket.unit or "") or "承办单位"
    return f"您的诉求(工单号 {number})已派至{unit}办理。"
