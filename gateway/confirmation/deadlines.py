"""The clock role: nobody's ticket waits on nobody (warned of at half time, published in time)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy import Column, Select, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.bell import Bell
from gateway.clock import Clock
from gateway.dispatch.outbox import enqueue, load_drafts
from gateway.leases import Lease
from gateway.observability.metrics import Metrics
from gateway.tickets import schema
from gateway.tickets.database import Database
from gateway.tickets.store import Happening, lock_tickets, save
from gateway.tickets.ticket import ClockRules, Ticket, leave_untriaged
from gateway.tickets.workflow import CLOSED, Confirmation, Status, change_status

log = structlog.get_logger(__name__)
_BATCH: Final = 200
_LOOK_EVERY: Final = 1.0
_columns = schema.tickets.c


def _due(column: Column[datetime | None]) -> Select[tuple[str]]:
    return (
        select(_columns.id)
        .where(column.is_not(None), column <= bindparam("now"), _columns.status.not_in(CLOSED))
        .order_by(column)
        .limit(_BATCH)
    )


_TO_PUBLISH: Final = _due(_columns.publish_at)
_TO_WARN: Final = _due(_columns.warn_at)


@dataclass(slots=True)
class Deadlines:
    """Watches what waits; only the holder of the lease acts."""

    database: Database
    clock: Clock
    rules: ClockRules
    lease: Lease
    decided: Bell
    metrics: Metrics

    async def run(self) -> None:
        """Look every second until cancelled."""
        await self.lease.work(self.step, _LOOK_EVERY, "the clock cannot look at tickets")

    async def step(self) -> bool:
        """Warn of and publish what is due; return whether there may be more."""
        async with self.database.read() as connection:
            now = {"now": self.clock.now()}
            publish = [row.id for row in await connection.execute(_TO_PUBLISH, now)]
            warn = [row.id for row in await connection.execute(_TO_WARN, now)]
        if warn:
            await self.database.write(lambda c: self._warn(c, warn), patient=True)
        if publish:
            await self.database.write(lambda c: self._publish(c, publish), patient=True)
            self.decided.ring()
        return len(publish) == _BATCH or len(warn) == _BATCH

    async def _warn(self, connection: AsyncConnection, ids: Sequence[str]) -> None:
        now = self.clock.now()
        tickets = (await lock_tickets(connection, ids)).values()
        waiting = [item for item in tickets if item.warn_at and item.warn_at <= now]
        await save(
            connection,
            [
                Happening(replace(item, warn_at=None), "waiting_warned", "clock", now)
                for item in waiting
            ],
        )
        for item in waiting:
            self.metrics.warned.labels(str(item.tier)).inc()
            log.warning(
                "a ticket waits for an agent",
                ticket_id=item.id,
                tier=item.tier,
                due_at=str(item.dispatch_due_at),
            )

    async def _publish(self, connection: AsyncConnection, ids: Sequence[str]) -> None:
        now = self.clock.now()
        tickets = (await lock_tickets(connection, ids)).values()
        due = [item for item in tickets if item.publish_at and item.publish_at <= now]
        happenings = [
            Happening(self._let_out(item, now), "published_unconfirmed", "clock", now)
            for item in due
            if item.status not in CLOSED
        ]
        await save(connection, happenings)
        drafts = await load_drafts(connection, [item.ticket for item in happenings])
        await enqueue(connection, drafts, now)
        for item in happenings:
            self.metrics.clock_published.labels(str(item.ticket.tier)).inc()

    def _let_out(self, ticket: Ticket, now: datetime) -> Ticket:
        """Return the ticket as published by the clock; one without decision goes untriaged."""
        if ticket.status is Status.RECEIVED:
            # Triage may still come: it then changes the ticket as a new version.
            ticket = replace(
                leave_untriaged(ticket, None, self.rules),
                needs_triage=True,
                status=change_status(ticket.status, Status.AWAITING_CONFIRMATION),
            )
        return replace(
            ticket,
            version=ticket.version + 1,
            confirmation=Confirmation.CLOCK,
            confirmed_at=now,
            warn_at=None,
            publish_at=None,
        )
