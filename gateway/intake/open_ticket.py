"""From `received` to a decided ticket: claim, triage, store decision and outbox together."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import orjson
import structlog
from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.keys import Vault
from gateway.bell import Bell
from gateway.clock import Clock
from gateway.conversation.dialogue import Turn, follow
from gateway.dispatch.outbox import Draft, enqueue
from gateway.intake.decisions import Claimed, Outcome, masked_decision, store_decisions
from gateway.intake.triage_processes import TriageDied, TriageFailed, TriageProcesses
from gateway.observability.metrics import Metrics
from gateway.observability.traces import NoTraces, Traces
from gateway.tickets import schema
from gateway.tickets.addressing import publish_now
from gateway.tickets.database import PATIENT_PART, Database
from gateway.tickets.splits import texts_of_parts
from gateway.tickets.store import (
    Happening,
    attachments_of,
    lock_tickets,
    media_of,
    save,
    words_of,
)
from gateway.tickets.ticket import ClockRules, Ticket, apply_decision, leave_untriaged
from gateway.tickets.workflow import CLOSED, Confirmation, Status, change_status
from triage.appeal import Appeal, SourceText
from triage.decision import Tier

log = structlog.get_logger(__name__)
_LEASE: Final = timedelta(seconds=15)
_LOOK_EVERY: Final = 0.5
_MOST_ATTEMPTS: Final = 5
_MOST_DEATHS: Final = 2
TierByRules = Callable[[Appeal], Tier]

_READY = (
    select(schema.tickets.c.id, schema.tickets.c.version, schema.tickets.c.triage_attempts)
    .where(
        schema.NEEDS_TRIAGE,
        or_(
            schema.tickets.c.triage_not_before.is_(None),
            schema.tickets.c.triage_not_before <= bindparam("now"),
        ),
    )
    .order_by(schema.tickets.c.accepted_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_CLAIM = (
    update(schema.tickets)
    .where(schema.tickets.c.id.in_(bindparam("ids", expanding=True)))
    .values(
        triage_not_before=bindparam("until"),
        triage_attempts=schema.tickets.c.triage_attempts + 1,
    )
)


@dataclass(slots=True)
class TicketOpener:
    """The triage role: several of them may work side by side over one database."""

    database: Database
    vault: Vault
    clock: Clock
    processes: TriageProcesses
    tier_by_rules: TierByRules
    rules: ClockRules
    accepted: Bell
    decided: Bell
    metrics: Metrics
    traces: Traces = field(default_factory=NoTraces)
    batch: int = 32
    parallel: int = 2
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        """Work until cancelled; a database that is away is tried again."""
        if self.database.is_embedded:
            await self.database.write(_forget_leases)
        try:
            while True:
                try:
                    claimed = await self.database.write(self._claim, patient=True)
                except Exception as error:
                    log.error("triage cannot claim tickets", error=type(error).__name__)
                    await self.clock.sleep(1)
                    continue
                if not claimed:
                    await self.accepted.wait(_LOOK_EVERY)
                    continue
                self._start(self._open(claimed))
                if len(self._running) >= self.parallel:
                    await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def step(self) -> bool:
        """Open one batch and return when it is stored; return whether there was any."""
        claimed = await self.database.write(self._claim, patient=True)
        if claimed:
            await self._open(claimed)
        return bool(claimed)

    async def _claim(self, connection: AsyncConnection) -> list[Claimed]:
        now = self.clock.now()
        rows = (await connection.execute(_READY, {"now": now, "most": self.batch})).all()
        ids = [row.id for row in rows]
        if not ids:
            return []
        await connection.execute(_CLAIM, {"ids": ids, "until": now + _LEASE})
        words, media = await words_of(connection, ids), await media_of(connection, ids)
        return [
            Claimed(
                row.id,
                row.version,
                row.triage_attempts,
                words.get(row.id, []),
                media.get(row.id, []),
            )
            for row in rows
        ]

    async def _open(self, batch: list[Claimed]) -> None:
        try:
            outcomes = await self._triage(batch)
            size = PATIENT_PART if self.database.is_rush else len(outcomes)
            parts = [outcomes[at : at + size] for at in range(0, len(outcomes), size)]
            published = await asyncio.gather(
                *(self.database.write(partial(self._store, part), patient=True) for part in parts)
            )
        except Exception as error:
            # The lease runs out and the tickets are claimed again.
            log.error("triage of a batch failed", error=type(error).__name__, tickets=len(batch))
            if len(batch) > 1 and not isinstance(error, SQLAlchemyError):
                for claimed in batch:
                    await self._open([claimed])
            return
        if any(published):
            self.decided.ring()

    async def _triage(self, batch: list[Claimed]) -> list[Outcome]:
        appeals = {item.ticket_id: await self._appeal(item) for item in batch}
        trying = [item.ticket_id for item in batch if item.attempts < _MOST_ATTEMPTS]
        started = self.clock.monotonic()
        with self.traces.span("triage batch", tickets=len(batch)):
            decided = await self._decide([(number, appeals[number]) for number in trying])
        self.metrics.triage_seconds.observe(self.clock.monotonic() - started)
        outcomes = []
        for item in batch:
            if (decision := decided.get(item.ticket_id)) is None:
                tier = self._tier_by_rules(appeals[item.ticket_id])
                outcomes.append(Outcome(item, None, rules_tier=tier))
            else:
                outcomes.append(Outcome(item, masked_decision(orjson.loads(decision), item)))
        return outcomes

    async def _decide(
        self, appeals: Sequence[tuple[str, Appeal]], deaths: int = 0
    ) -> dict[str, str]:
        """Decide on all at once; where that fails, on each alone, leaving out what fails.

        A process may have died before it got the appeal, or over another one: what is alone is
        tried some times more.
        """
        if not appeals:
            return {}
        try:
            found = await self.processes.decide([appeal for _, appeal in appeals])
        except TriageFailed as error:
            if len(appeals) == 1:
                if isinstance(error, TriageDied) and deaths < _MOST_DEATHS:
                    return await self._decide(appeals, deaths + 1)
                log.error("triage failed", ticket_id=appeals[0][0], reason=str(error))
                return {}
            singly: dict[str, str] = {}
            for item in appeals:
                singly |= await self._decide([item])
            return singly
        return {number: decision for (number, _), decision in zip(appeals, found, strict=True)}

    async def _appeal(self, claimed: Claimed) -> Appeal:
        """Return the original words, of the messages, then of the media that have been read.

        Where they are no longer kept, the masked ones stand for them.
        """
        texts = [
            SourceText(identity, (await self.vault.open(sealed, at)).decode() if sealed else masked)
            for identity, masked, sealed, at in claimed.sources()
        ]
        return Appeal(tuple(texts))

    def _tier_by_rules(self, appeal: Appeal) -> Tier | None:
        try:
            return self.tier_by_rules(appeal)
        except Exception as error:
            log.error("the tier rules failed", error=type(error).__name__)
            return None

    async def _store(self, outcomes: list[Outcome], connection: AsyncConnection) -> int:
        """Store what is still wanted; return how many tickets went to the outbox.

        A ticket that has changed since it was claimed is left to be triaged again as it is now.
        """
        now = self.clock.now()
        locked = await lock_tickets(connection, [item.claimed.ticket_id for item in outcomes])
        wanted = [item for item in outcomes if _is_wanted(locked, item.claimed)]
        happenings = [self._happening(locked[item.claimed.ticket_id], item, now) for item in wanted]
        await store_decisions(connection, wanted, happenings, now)
        await save(connection, happenings)
        out = [
            (done.ticket, item)
            for done, item in zip(happenings, wanted, strict=True)
            if _goes_out(done.ticket)
        ]
        if out:
            ids = [ticket.id for ticket, _ in out]
            files, media = await attachments_of(connection, ids), await media_of(connection, ids)
            parts = await texts_of_parts(connection, [ticket for ticket, _ in out])
            drafts = [
                Draft(
                    ticket,
                    item.claimed.words,
                    files.get(ticket.id, []),
                    media.get(ticket.id, []),
                    item.decision,
                    parts.get(ticket.id),
                )
                for ticket, item in out
            ]
            await enqueue(connection, drafts, now)
        turns = [
            Turn(locked[done.ticket.id], done.ticket, item.claimed.words, item.claimed.media)
            for done, item in zip(happenings, wanted, strict=True)
        ]
        await follow(connection, turns, now)
        for item in happenings:
            self.metrics.triaged.labels(item.ticket.channel, str(item.ticket.tier)).inc()
        return len(out)

    def _happening(self, ticket: Ticket, outcome: Outcome, now: datetime) -> Happening:
        if outcome.decision is None:
            after = leave_untriaged(ticket, outcome.rules_tier, self.rules)
        else:
            after = apply_decision(ticket, outcome.decision, self.rules)
        changes: dict[str, Any] = {"version": ticket.version + 1}
        if after.status is Status.RECEIVED:
            changes["status"] = change_status(after.status, Status.AWAITING_CONFIRMATION)
        reason = publish_now(after, now) if after.status not in CLOSED else None
        if reason is not None:
            changes |= {
                "confirmation": reason,
                "confirmed_at": now,
                "warn_at": None,
                "publish_at": None,
            }
        after = replace(after, **changes)
        detail: dict[str, Any] = {"tier": after.tier, "unit": after.unit}
        event = "triaged" if outcome.decision else "triage_failed"
        return Happening(after, event, "triage", now, detail)


def _is_wanted(locked: dict[str, Ticket], claimed: Claimed) -> bool:
    ticket = locked[claimed.ticket_id]
    return ticket.needs_triage and ticket.version == claimed.version


def _goes_out(ticket: Ticket) -> bool:
    return ticket.confirmation is not Confirmation.NONE and ticket.status not in CLOSED


async def _forget_leases(connection: AsyncConnection) -> None:
    """At the start of the only process there is, nobody else can hold a lease."""
    await connection.execute(
        update(schema.tickets).where(schema.NEEDS_TRIAGE).values(triage_not_before=None)
    )
