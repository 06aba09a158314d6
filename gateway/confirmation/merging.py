"""An agent lets a ticket follow another of the same matter (并案), and can take that back."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.people import may_be_report
from gateway.bell import Bell
from gateway.clock import Clock
from gateway.conversation.events import Event
from gateway.conversation.outbox import tell
from gateway.dispatch.outbox import enqueue, load_drafts, take_back_all
from gateway.repeats.earlier import is_same_reporter
from gateway.repeats.merging import firsts_of, merge_by_hand, repeats_among, separate
from gateway.tickets.claims import check_free, let_go
from gateway.tickets.database import Database
from gateway.tickets.refusal import Refused, check_current
from gateway.tickets.store import TicketNotFound, find_tickets, lock_tickets
from gateway.tickets.ticket import ClockRules, Ticket
from gateway.tickets.workflow import CLOSED, Status, StatusChangeRefused
from triage.decision import URGENCY


@dataclass(slots=True)
class MergeDesk:
    """Where two tickets become one to work on; each keeps its number and query code."""

    database: Database
    clock: Clock
    rules: ClockRules
    decided: Bell

    async def merge(self, ticket_id: str, agent: str, version: int, into: str) -> Ticket:
        """Let the ticket, as it stands at that version, follow another; return it.

        Its reporter is told, and so are units that had it. Raises `Refused` and `TicketNotFound`.
        """
        ticket = await self.database.write(
            lambda connection: self._merge(connection, ticket_id, agent, version, into)
        )
        self.decided.ring()
        return ticket

    async def take_back(self, ticket_id: str, agent: str) -> Ticket:
        """Make a merged ticket one of its own again, which triage reads and agents confirm.

        Raises `Refused` and `TicketNotFound`.
        """
        return await self.database.write(
            lambda connection: self._take_back(connection, ticket_id, agent)
        )

    async def _merge(
        self, connection: AsyncConnection, ticket_id: str, agent: str, version: int, into: str
    ) -> Ticket:
        now = self.clock.now()
        tickets = await lock_tickets(connection, {ticket_id, into})
        if (ticket := tickets.get(ticket_id)) is None:
            raise TicketNotFound(ticket_id)
        await check_free(connection, ticket_id, agent, now)
        check_current(ticket, version, "merge", "并案")
        first = await _checked(connection, tickets.get(into), ticket)
        try:
            after = await merge_by_hand(connection, first, ticket, agent, now)
        except StatusChangeRefused:
            raise Refused(
                "with-unit",
                "a unit has taken the ticket over: what it does is told by its report",
                "承办单位已签收,请由承办单位反馈",
            ) from None
        is_out = await take_back_all(connection, ticket_id)
        if is_out or ticket.dispatched_at is not None:
            await enqueue(connection, await load_drafts(connection, [after]), now)
        await tell(connection, Event.MERGED, [ticket_id], now)
        await let_go(connection, ticket_id)
        return after

    async def _take_back(self, connection: AsyncConnection, ticket_id: str, agent: str) -> Ticket:
        now = self.clock.now()
        found = (await repeats_among(connection, [ticket_id])).get(ticket_id)
        # Locked together with all that it follows, in the one order in which writers lock.
        above = await firsts_of(connection, found.first) if found else []
        tickets = await lock_tickets(connection, {ticket_id, *above})
        if (ticket := tickets.get(ticket_id)) is None:
            raise TicketNotFound(ticket_id)
        await check_free(connection, ticket_id, agent, now)
        found = (await repeats_among(connection, [ticket_id])).get(ticket_id)
        if ticket.status is not Status.MERGED or found is None or found.merged_at is None:
            raise Refused("nothing-to-undo", "the ticket follows no other", "该工单未并案,无需撤销")
        await separate(connection, [found], self.rules, now, agent)
        return (await find_tickets(connection, [ticket_id]))[ticket_id]


async def _checked(connection: AsyncConnection, first: Ticket | None, ticket: Ticket) -> Ticket:
    """Return the first; raise `Refused` where the second cannot follow it."""
    if first is None or first.id == ticket.id:
        raise _cannot("name another ticket that there is", "请填写另一件存在的工单")
    if first.status is Status.MERGED:
        raise _cannot(
            "that ticket follows another one itself: merge with that one",
            "该工单已并入其他工单,请并入其所在的工单",
        )
    if first.status in CLOSED:
        raise _cannot("that ticket is closed: nobody works on it", "目标工单已办结,不能并入")
    if first.status is Status.RECEIVED or first.tier is None or ticket.tier is None:
        raise _cannot("triage is still reading that ticket", "目标工单正在分析中")
    if URGENCY[ticket.tier] > URGENCY[first.tier]:
        raise _cannot(
            "it is more urgent than that ticket: merge the other way round, or correct a tier",
            "本工单比目标工单更紧急:请反向并案,或先更正紧急程度",
        )
    for item in (first, ticket):
        if await may_be_report(connection, item) and not await is_same_reporter(
            connection, ticket.id, first.id
        ):
            raise _cannot(
                "who reports (举报) shares a ticket with nobody: correct the kind if it is none",
                "举报工单不与他人的工单并案;如非举报,请先更正诉求类型",
            )
    return first


def _cannot(remedy: str, remedy_zh: str) -> Refused:
    return Refused("cannot-be-merged", remedy, remedy_zh)
