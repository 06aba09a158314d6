"""What an agent cannot do with a ticket as it stands, and what to do instead."""

from gateway.tickets.ticket import Ticket
from gateway.tickets.workflow import CLOSED, Status


class Refused(Exception):
    """It cannot be done so; `problem` is its kind, `remedy` says what to do, in both languages."""

    def __init__(self, problem: str, remedy: str, remedy_zh: str) -> None:
        super().__init__(remedy)
        self.problem = problem
        self.remedy = remedy
        self.remedy_zh = remedy_zh


def check_current(ticket: Ticket, version: int, act: str, act_zh: str) -> None:
    """Raise `Refused` unless the ticket is open, read by triage, and still at that version.

    `act` is what is to be done then.
    """
    if ticket.version != version:
        raise Refused(
            "version-conflict",
            f"the ticket is at version {ticket.version} by now: read it again, then {act}",
            f"工单已更新到第 {ticket.version} 版,请重新查看后再{act_zh}",
        )
    if ticket.status is Status.RECEIVED or ticket.needs_triage:
        raise Refused(
            "not-yet-triaged",
            "triage is still reading the ticket: try again in a moment",
            "工单正在分析中,请稍后再试",
        )
    check_open(ticket)


def check_open(ticket: Ticket) -> None:
    """Raise `Refused` where the ticket is closed."""
    if ticket.status in CLOSED:
        raise Refused(
            "ticket-closed", "the ticket is closed: reopen it first", "工单已办结,请先重新打开"
        )
