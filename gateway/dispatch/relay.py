"""The relay: from the outbox to the streams, after commit, in the order of due time."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import orjson
import structlog
from redis.exceptions import RedisError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.bell import Bell
from gateway.clock import Clock
from gateway.dispatch import outbox
from gateway.dispatch.outbox import Waiting
from gateway.dispatch.recording import Entry, Published, dispatched, record
from gateway.dispatch.streams import NO_ENTRY, EntryId, Streams
from gateway.leases import Lease, LeaseLost
from gateway.observability.metrics import Metrics
from gateway.observability.traces import NoTraces, Traces
from gateway.tickets import clocks, schema
from gateway.tickets.clocks import Milestones
from gateway.tickets.database import Database
from gateway.tickets.ticket import ClockRules
from gateway.tickets.workflow import Status
from triage.decision import Tier

log = structlog.get_logger(__name__)
_BATCH: Final = 100
_LOOK_EVERY: Final = 0.5
_SWEEP_EVERY: Final = 1.0
_SWEEP_MOST: Final = 1_000
_RETRY: Final = (0.2, 0.5, 1.0, 2.0)


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
                    busy = await self.step()
                    self._failures = 0
                except Exception as error:
                    await self._pause(error)
                    continue
                if not busy:
                    await self.decided.wait(_LOOK_EVERY)
        finally:
            await self.lease.release()

    async def step(self) -> bool:
        """Publish one batch and sweep when it is time; return whether more may be waiting.

        Without the lease nothing happens, and another relay may publish meanwhile: where the
        streams stand is looked up again afterwards.
        """
        if not await self.lease.hold():
            self._ready = False
            return False
        if not self._ready:
            await self._get_ready()
        rows = await self.database.write(
            lambda c: outbox.waiting(c, self.clock.now(), _BATCH), patient=True
        )
        await self._publish([row for row in rows if not row.superseded])
        if superseded := [row.number for row in rows if row.superseded]:
            await self.database.write(lambda c: outbox.drop(c, superseded), patient=True)
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
                    await self.database.write(partial(_forget, tier, done), patient=True)
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

    async def _publish(self, rows: list[Waiting]) -> None:
        now = self.clock.now()
        published: Published = {}
        try:
            for tier in Tier:
                of_tier = [row for row in rows if row.tier == tier]
                if not of_tier:
                    continue
                entries = [self._entry(row, now) for row in of_tier]
                with self.traces.span("publish", tier=tier, entries=len(entries)):
                    before, ids = await self.streams.publish(tier, [one.fields for one in entries])
                await self._look_for_loss(tier, before)
                published[tier] = list(zip(entries, ids, strict=True))
        finally:
            # Also what went out before Redis went away.
            if published:
                await self.database.write(partial(self._record, published, now), patient=True)
                self._positions |= {tier: of_tier[-1][1] for tier, of_tier in published.items()}

    def _entry(self, row: Waiting, now: datetime) -> Entry:
        """Fill in what only publishing knows: when, and by when the unit must acknowledge.

        What is sent again says what it said first: its unit's clocks go on.
        """
        document: dict[str, Any] = orjson.loads(row.payload)
        unit = document["addressed_unit"]
        earlier = row.dispatched_at if row.dispatched_unit == unit else None
        due = (
            Milestones(row.accepted_at, earlier or now),
            clocks.spans_of(
                Tier(row.tier), complex_matter=document["complex"], surge=document["surge"]
            ),
            self.rules.points,
        )
        told = {
            "status": dispatched(Status(document["status"])),
            "dispatched_at": earlier or now,
            "acknowledge_due_at": clocks.acknowledge_due(*due),
            "report_due_at": clocks.report_due(*due),
        }
        document |= told
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
            told,
        )

    async def _record(
        self, published: Published, now: datetime, connection: AsyncConnection
    ) -> None:
        """Note what went out, in the outbox, on the tickets and in their history.

        A relay that Redis held up beyond its lease notes nothing: another one may have published
        and noted a higher version meanwhile. What is left unnoted counts as never sent.
        """
        if not await self.lease.keep(connection):
            raise LeaseLost
        await record(connection, published, now)
        for of_tier in published.values():
            for entry, _ in of_tier:
                self._measure(entry.row, now)

    def _measure(self, row: Waiting, now: datetime) -> None:
        self.metrics.published.labels(row.tier, row.change).inc()
        if row.change == "new":
            lag: timedelta = now - row.accepted_at
            self.metrics.publish_lag.labels(row.tier).observe(lag.total_seconds())
            if now > row.dispatch_due_at:
                self.metrics.late.labels(row.tier).inc()


async def _forget(tier: Tier, done: list[EntryId], connection: AsyncConnection) -> None:
    await outbox.forget_delivered(connection, tier, done)


def _iso(moment: datetime | None) -> str:
    return moment.isoformat().replace("+00:00", "Z") if moment else ""
