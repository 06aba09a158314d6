"""The supervisor's desk: what pages and API ask for, over one database."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.audit import AuditEvent, AuditLog
from gateway.clock import Clock
from gateway.oversight.exporting import Exporter
from gateway.oversight.inflow import Inflow, SurgeRule, measure_inflow
from gateway.oversight.overview import overview, today
from gateway.oversight.searching import Found, Question, search
from gateway.oversight.surges import Surge, SurgeSwitch
from gateway.tickets.database import Database


@dataclass(frozen=True, slots=True)
class SurgeState:
    """Whether calls surge, what is proposed and why, and the spans there were, newest first."""

    forced: bool
    surge: Surge | None
    inflow: Inflow
    rule: SurgeRule
    spans: list[Surge]

    @property
    def proposal(self) -> str | None:
        """`open` or `close`, None where nothing is proposed."""
        if self.forced:
            return None
        return self.inflow.proposal(running=self.surge is not None)


@dataclass(frozen=True, slots=True)
class SupervisorsDesk:
    """Surge, figures, search and export."""

    database: Database
    clock: Clock
    audit: AuditLog
    switch: SurgeSwitch
    exporter: Exporter
    rule: SurgeRule

    async def surge(self) -> SurgeState:
        """Return the state of the moment."""
        spans = await self.switch.spans()
        async with self.database.read() as connection:
            inflow = await measure_inflow(connection, self.clock.now(), self.rule)
        running = next((span for span in spans if span.running), None)
        return SurgeState(self.switch.forced, running, inflow, self.rule, spans)

    async def overview(self, day: date | None = None) -> dict[str, Any]:
        """Return the figures of a day of Beijing, by default of today."""
        now = self.clock.now()
        async with self.database.read() as connection:
            return await overview(connection, day or today(now), now)

    async def search(self, question: Question, by: str) -> Found:
        """Return a page of what fits; a search by numbers of people is told in the audit log."""
        async with self.database.read() as connection:
            found = await search(connection, question)
        if question.digests:

            async def tell(connection: AsyncConnection) -> None:
                detail = {"tickets": [ticket["ticket_id"] for ticket in found.tickets]}
                await self.audit.append(connection, AuditEvent.PEOPLE_SEARCHED, by, detail)

            await self.database.write(tell)
        return found
