"""Surges (诉求激增): spans in which general matters have 48 hours to be dispatched, not 24.

The span of the moment is read in the transaction that accepts a ticket: what is switched holds for
the next ticket in every process, and what was accepted before keeps the clock that it had.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.audit import AuditEvent, AuditLog
from gateway.clock import Clock
from gateway.tickets import clocks
from gateway.tickets.database import Database
from gateway.tickets.refusal import Refused
from gateway.tickets.schema import RUNNING, surges

RUNNING_SURGE: Final = select(surges).where(RUNNING)
_NEWEST: Final = select(surges).order_by(surges.c.number.desc())
_SETTING: Final = "setting"
"""Who has opened a surge that `JIESU_SURGE` says."""


@dataclass(frozen=True, slots=True)
class Surge:
    """One span; times in UTC, `grounds` with numbers masked."""

    number: int
    running: bool
    opened_at: datetime
    opened_by: str
    grounds: str
    closed_at: datetime | None = None
    closed_by: str | None = None
    closing_grounds: str | None = None


async def running_surge(connection: AsyncConnection) -> Surge | None:
    """Return the surge of the moment, as this transaction sees it."""
    row = (await connection.execute(RUNNING_SURGE)).first()
    return None if row is None else Surge(*row)


def rule_of(surge: Surge | None) -> dict[str, Any]:
    """Return what a ticket's history says of the rule under which it was accepted.

    None stands for a surge that the settings say, whatever is switched.
    """
    return {
        "surge": {
            "by": _SETTING if surge is None else surge.opened_by,
            "since": None if surge is None else surge.opened_at.isoformat(),
            "general_dispatch_hours": _hours(clocks.GENERAL_SURGE),
            "instead_of": _hours(clocks.GENERAL),
        }
    }


def _hours(spans: clocks.Spans) -> int:
    return round(spans.dispatch.total_seconds() / 3600)


@dataclass(frozen=True, slots=True)
class SurgeSwitch:
    """Where supervisors open and close a surge; both are told in the audit log."""

    database: Database
    clock: Clock
    audit: AuditLog
    forced: bool
    """Whether the settings say that calls surge, whatever is switched."""

    async def open(self, by: str, grounds: str) -> Surge:
        """Open a surge from now on; raise `Refused` (`surge-running`) where one runs already."""

        async def work(connection: AsyncConnection) -> Surge:
            if await running_surge(connection) is not None:
                raise _running_already()
            values = {
                "running": True, "opened_at": self.clock.now(), "opened_by": by, "grounds": grounds
            }  # fmt: skip
            try:
                async with connection.begin_nested():
                    await connection.execute(insert(surges).values(values))
            except IntegrityError:
                raise _running_already() from None
            found = await running_surge(connection)
            assert found is not None
            await self._tell(connection, by, grounds, is_open=True)
            return found

        return await self.database.write(work)

    async def close(self, by: str, grounds: str | None = None) -> Surge:
        """Close the surge that runs; raise `Refused` (`no-surge`) where none does."""

        async def work(connection: AsyncConnection) -> Surge:
            changed = await connection.execute(
                update(surges)
                .where(RUNNING)
                .values(
                    running=False,
                    closed_at=self.clock.now(),
                    closed_by=by,
                    closing_grounds=grounds,
                )
                .returning(*surges.c)
            )
            row = changed.first()
            if row is None:
                raise Refused("no-surge", "there is no surge to close", "当前没有启用激增模式")
            await self._tell(connection, by, grounds, is_open=False)
            return Surge(*row)

        return await self.database.write(work)

    async def spans(self, limit: int = 20) -> list[Surge]:
        """Return the surges there were, the newest first; the running one among them."""
        async with self.database.read() as connection:
            rows = await connection.execute(_NEWEST.limit(limit))
            return [Surge(*row) for row in rows]

    async def _tell(
        self, connection: AsyncConnection, by: str, grounds: str | None, *, is_open: bool
    ) -> None:
        detail = {"open": is_open, "grounds": grounds}
        await self.audit.append(connection, AuditEvent.SURGE_SET, by, detail)


def _running_already() -> Refused:
    return Refused(
        "surge-running",
        "a surge is running already; close it first",
        "激增模式已启用,如需重新启用请先结束",
    )
