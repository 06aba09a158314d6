"""The relay: from the outbox to the streams, after commit, in the order of due time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import orjson
import structlog
from redis.exceptions import RedisError
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.bell import Bell
from gateway.clock import Clock
from gateway.dispatch import outbox
from gateway.dispatch.outbox import Waiting
from gateway.dispatch.streams import NO_ENTRY, EntryId, Streams
from gateway.leases import Lease
from gateway.observability.metrics import Metrics
from gateway.observability.traces import NoTraces, Traces
from gateway.tickets import clocks, schema
from gateway.tickets.clocks import Milestones
from gateway.tickets.database import Database
from gateway.tickets.store import Happening, find_tickets, lock_tickets, save
from gateway.tickets.ticket import ClockRules, Ticket
from gateway.tickets.workflow import Status, change_status
from triage.decision import Tier

log = structlog.get_logger(__name__)
_BATCH: Final = 100
_LOOK_EVERY: Final = 0.5
_SWEEP_EVERY: Final = 1.0
_SWEEP_MOST: Final = 1_000
_RETRY: Final = (0.2, 0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class Entry:
    """What goes on a stream for an outbox row, and when it went."""

    row: Waiting
    fields: dict[str, str]
    unit: str


@dataclass(slots=True)
class Relay:
    """The relay role; over one database only the holder of the lease publishes."""

    database: Database
    streams: Streams
    clock: Clock
    rules: ClockRules
    lease: Lease
    decided: Bell
    metrics: Metrics
    traces: Traces = field(default_factory=NoTraces)
    _positions: dict[Tier, EntryId] = field(default_factory=dict)
    _ready: bool = False
    _failures: int = 0
    _sweep_at: float = 0.0

    async def run(self) -> None:
        """Publish until cancelled; Redis or a database that is away is tried again."""
        try:
            while True:
                try:
                    held = await self.lease.hold()
                    # Another relay may have published meanwhile: where the streams stand is
                    # looked up again.
                    self._ready = self._ready and held
                    busy = held and await self.step()
                    self._failures = 0
                except Exception as error:
                    await self._pause(error)
                    continue
                if not busy:
                    await self.decided.wait(_LOOK_EVERY)
        finally:
            await self.lease.release()

    async def step(self) -> bool:
        """Publish one batch and sweep when it is time; return whether more may be waiting."""
        if not self._ready:
            await self._get_ready()
        await self.database.write(lambda c: outbox.release(c, self.clock.now()))
        async with self.database.read() as connection:
            rows = await outbox.waiting(connection, _BATCH)
            tickets = await find_tickets(connection, {row.ticket_id for row in rows})
        await self._publish([row for row in rows if not row.superseded], tickets)
        if superseded := [row.number for row in rows if row.superseded]:
            await self.database.write(lambda c: outbox.drop(c, superseded))
        if self.clock.monotonic() >= self._sweep_at:
            await self.sweep()
            self._sweep_at = self.clock.monotonic() + _SWEEP_EVERY
        return len(rows) == _BATCH

    async def sweep(self) -> None:
        """Delete from the streams, and forget in the outbox, what every group has acknowledged.

        A stream that has gone back is noticed here even when nothing new is published on it.
        """
        for tier in Tier:
            await self._look_for_loss(tier, await self.streams.last_id(tier))
        for tier in Tier:
            while True:
                done = await self.streams.done(tier, _SWEEP_MOST)
                if done:
                    # In this order: what is forgotten and not yet deleted is found again, what
                    # was deleted and not yet forgotten would stay in the outbox for ever.
                    await self.database.write(partial(_forget, tier, done))
                    await self.streams.delete(tier, done)
                if len(done) < _SWEEP_MOST:
                    break

    async def _pause(self, error: Exception) -> None:
        """Wait a little longer each time; what Redis still has is looked at anew afterwards."""
        self._ready = False
        if isinstance(error, RedisError | OSError):
            self.metrics.redis_failures.inc()
        if self._failures == 0:
            log.warning("the relay cannot publish", error=type(error).__name__)
        await self.clock.sleep(_RETRY[min(self._failures, len(_RETRY) - 1)])
        self._failures += 1

    async def _get_ready(self) -> None:
        """Make the groups, and send again what Redis has lost while nobody looked."""
        await self.streams.prepare()
        async with self.database.read() as connection:
            table = schema.stream_positions.c
            rows = await connection.execute(select(table.tier, table.entry_ms, table.entry_seq))
            self._positions = {Tier(row.tier): (row.entry_ms, row.entry_seq) for row in rows}
        for tier in Tier:
            await self._look_for_loss(tier, await self.streams.last_id(tier))
        self._ready = True

    async def _look_for_loss(self, tier: Tier, last: EntryId) -> None:
        if last >= self._positions.get(tier, NO_ENTRY):
            return
        await self.streams.prepare()
        lost = await self.database.write(lambda c: outbox.publish_again(c, tier, last))
        self._positions[tier] = last
        self.metrics.republished.inc(lost)
        log.warning("a stream went back: sending its entries again", tier=tier, entries=lost)

    async def _publish(self, rows: list[Waiting], tickets: Mapping[str, Ticket]) -> None:
        now = self.clock.now()
        for tier in Tier:
            of_tier = [row for row in rows if row.tier == tier]
            if not of_tier:
                continue
            entries = [self._entry(row, tickets[row.ticket_id], now) for row in of_tier]
            with self.traces.span("publish", tier=tier, entries=len(entries)):
                before, ids = await self.streams.publish(tier, [item.fields for item in entries])
            await self._look_for_loss(tier, before)
            published = list(zip(entries, ids, strict=True))
            await self.database.write(partial(self._record, tier, published, now))
            self._positions[tier] = ids[-1]

    def _entry(self, row: Waiting, ticket: Ticket, now: datetime) -> Entry:
        """Fill in what only publishing knows: when, and by when the unit must acknowledge.

        What is sent again says what it said first: its unit's clocks go on.
        """
        document: dict[str, Any] = orjson.loads(row.payload)
        unit = document["addressed_unit"]
        earlier = ticket.dispatched_at if ticket.dispatched_unit == unit else None
        dispatched = earlier or now
        milestones = Milestones(datetime.fromisoformat(document["accepted_at"]), dispatched)
        spans = clocks.spans_of(
            Tier(row.tier), complex_matter=document["complex"], surge=document["surge"]
        )
        document["status"] = (
            Status.DISPATCHED
            if document["status"] == Status.AWAITING_CONFIRMATION
            else document["status"]
        )
        document["dispatched_at"] = dispatched
        document["acknowledge_due_at"] = clocks.acknowledge_due(
            milestones, spans, self.rules.points
        )
        document["report_due_at"] = clocks.report_due(milestones, spans, self.rules.points)
        payload = orjson.dumps(document, option=orjson.OPT_UTC_Z).decode()
        return Entry(
            row,
            {
                "ticket_id": row.ticket_id,
                "version": str(row.version),
                "change": row.change,
                "tier": row.tier,
                "unit": unit,
                "addressed_as": document["addressed_as"],
                "confirmation": document["confirmation"],
                "dispatch_due_at": document["dispatch_due_at"],
                "acknowledge_due_at": _iso(document["acknowledge_due_at"]),
                "payload": payload,
            },
            unit,
        )

    async def _record(
        self,
        tier: Tier,
        published: Sequence[tuple[Entry, EntryId]],
        now: datetime,
        connection: AsyncConnection,
    ) -> None:
        """Note what went out, in the outbox, on the tickets and in their history."""
        await outbox.mark_published(
            connection, [(entry.row.number, entry_id) for entry, entry_id in published], now
        )
        last = published[-1][1]
        table = schema.stream_positions
        await connection.execute(delete(table).where(table.c.tier == tier))
        await connection.execute(
            insert(table).values(tier=tier, entry_ms=last[0], entry_seq=last[1])
        )
        tickets = await lock_tickets(connection, {entry.row.ticket_id for entry, _ in published})
        happenings = []
        for entry, _ in published:
            ticket = self._dispatched(tickets[entry.row.ticket_id], entry, now)
            tickets[ticket.id] = ticket
            detail = {"version": entry.row.version, "unit": entry.unit, "tier": entry.row.tier}
            happenings.append(Happening(ticket, "published", "relay", now, detail))
            self._measure(ticket, entry, now)
        await save(connection, happenings)

    def _dispatched(self, ticket: Ticket, entry: Entry, now: datetime) -> Ticket:
        """Return the ticket as dispatched; the unit's clocks start anew only for another unit."""
        if ticket.status is Status.AWAITING_CONFIRMATION:
            ticket = replace(ticket, status=change_status(ticket.status, Status.DISPATCHED))
        if ticket.dispatched_at is None or ticket.dispatched_unit != entry.unit:
            ticket = replace(ticket, dispatched_at=now, dispatched_unit=entry.unit)
        due = ticket.milestones, ticket.spans, self.rules.points
        return replace(
            ticket,
            acknowledge_due_at=clocks.acknowledge_due(*due),
            report_due_at=clocks.report_due(*due),
        )

    def _measure(self, ticket: Ticket, entry: Entry, now: datetime) -> None:
        self.metrics.published.labels(entry.row.tier, entry.row.change).inc()
        if entry.row.change == "new":
            lag: timedelta = now - ticket.accepted_at
            self.metrics.publish_lag.labels(entry.row.tier).observe(lag.total_seconds())
            if ticket.dispatch_due_at and now > ticket.dispatch_due_at:
                self.metrics.late.labels(entry.row.tier).inc()


async def _forget(tier: Tier, done: list[EntryId], connection: AsyncConnection) -> None:
    await outbox.forget_delivered(connection, tier, done)


def _iso(moment: datetime | None) -> str:
    return moment.isoformat().replace("+00:00", "Z") if moment else ""
