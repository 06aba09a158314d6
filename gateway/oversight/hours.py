"""Figures by the hour: counted once for an hour that is over, and live for the present one.

What an hour had in tickets and confirmations never changes once it is over, but for what was still
being committed: an hour is counted a quarter of an hour after its end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.clock import Clock
from gateway.leases import Lease
from gateway.tickets.addressing import LOCAL_GOVERNMENT
from gateway.tickets.database import Database
from gateway.tickets.many import ManyRows
from gateway.tickets.schema import confirmations, hourly_figures, tickets
from gateway.tickets.workflow import Confirmation

HOUR: Final = timedelta(hours=1)
WEEKS: Final = 8
"""So many past weeks tell what is normal."""
COMPARED: Final = ("tier", "unit", "supporting_units", "kind", "topic", "district")
"""In what triage and agents may agree."""
_SETTLED_AFTER: Final = timedelta(minutes=15)
_UNDONE_WITHIN: Final = timedelta(minutes=10)
_AT_ONCE: Final = 24
LOOK_EVERY: Final = 60.0

COUNT_ACCEPTED: Final = select(func.count()).where(
    tickets.c.accepted_at >= bindparam("start"), tickets.c.accepted_at < bindparam("end")
)
CONFIRMED: Final = (
    select(
        confirmations.c.ticket_id,
        confirmations.c.version,
        confirmations.c.event,
        confirmations.c.agent,
        confirmations.c.at,
        confirmations.c.choice,
        confirmations.c.before,
    )
    .where(confirmations.c.at >= bindparam("start"), confirmations.c.at < bindparam("end"))
    .order_by(confirmations.c.at)
)
_FIRST: Final = select(func.min(tickets.c.accepted_at))
_LAST: Final = select(func.max(hourly_figures.c.hour))
_KEPT: Final = (
    select(hourly_figures.c.hour, hourly_figures.c.accepted, hourly_figures.c.confirmed)
    .where(hourly_figures.c.hour >= bindparam("start"), hourly_figures.c.hour < bindparam("end"))
    .order_by(hourly_figures.c.hour)
)
_COUNTS: Final = select(hourly_figures.c.hour, hourly_figures.c.accepted).where(
    hourly_figures.c.hour.in_(bindparam("hours", expanding=True))
)
_FORGET: Final = delete(hourly_figures).where(
    hourly_figures.c.hour.in_(bindparam("hours", expanding=True))
)
_KEEP: Final = ManyRows(insert(hourly_figures))


@dataclass(slots=True)
class Confirmed:
    """What agents confirmed in some time, undone ones left out."""

    agents: dict[str, dict[str, int]] = field(default_factory=dict)
    """By account: `confirmed`, of these `corrected`, and in how many `hours`."""
    of_triage: int = 0
    """Confirmations of what triage had decided, and no agent before."""
    changed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COMPARED, 0))
    """How many of these had each field changed."""
    unchanged: int = 0
    """How many had none changed."""

    def add(self, agent: str, before: Mapping[str, Any], choice: Mapping[str, Any]) -> None:
        """Count one confirmation."""
        fields = [name for name in COMPARED if _differs(name, before, choice)]
        mine = self.agents.setdefault(agent, {"confirmed": 0, "corrected": 0, "hours": 1})
        mine["confirmed"] += 1
        mine["corrected"] += bool(fields)
        if before.get("confirmation") == Confirmation.AGENT or before.get("untriaged"):
            return
        self.of_triage += 1
        self.unchanged += not fields
        for name in fields:
            self.changed[name] += 1

    def merge(self, kept: Mapping[str, Any]) -> None:
        """Add the figures of an hour, as `to_document` gave them."""
        for agent, figures in kept["agents"].items():
            mine = self.agents.setdefault(agent, {"confirmed": 0, "corrected": 0, "hours": 0})
            for name in mine:
                mine[name] += figures[name]
        self.of_triage += kept["of_triage"]
        self.unchanged += kept["unchanged"]
        for name, count in kept["changed"].items():
            self.changed[name] = self.changed.get(name, 0) + count

    def to_document(self) -> dict[str, Any]:
        """Return the figures as they are kept."""
        return {
            "agents": self.agents,
            "of_triage": self.of_triage,
            "unchanged": self.unchanged,
            "changed": self.changed,
        }


def _differs(name: str, before: Mapping[str, Any], choice: Mapping[str, Any]) -> bool:
    """Whether the agent chose otherwise; the district's government is what `district` meant."""
    was, chosen = before.get(name), choice.get(name)
    if name == "unit" and was == LOCAL_GOVERNMENT:
        return chosen != choice.get("district")
    if name == "supporting_units":
        local = choice.get("district")
        named = {local if code == LOCAL_GOVERNMENT else code for code in was or ()}
        return named - {choice.get("unit")} != set(chosen or ()) - {choice.get("unit")}
    return bool(was != chosen)


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour, named by its beginning in UTC."""

    hour: datetime
    accepted: int
    confirmed: Mapping[str, Any]


def floor(at: datetime) -> datetime:
    """Return the beginning of the hour."""
    return at.replace(minute=0, second=0, microsecond=0)


async def count_accepted(connection: AsyncConnection, start: datetime, end: datetime) -> int:
    """Return how many tickets were accepted from `start` until before `end`."""
    return int(await connection.scalar(COUNT_ACCEPTED, {"start": start, "end": end}) or 0)


async def count_confirmed(connection: AsyncConnection, start: datetime, end: datetime) -> Confirmed:
    """Return what agents confirmed from `start` until before `end`."""
    window = {"start": start, "end": end + _UNDONE_WITHIN}
    rows = (await connection.execute(CONFIRMED, window)).all()
    undone = {(row.ticket_id, row.version - 1) for row in rows if row.event == "undone"}
    found = Confirmed()
    for row in rows:
        kept = row.event == "confirmed" and (row.ticket_id, row.version) not in undone
        if kept and row.at < end:
            found.add(row.agent, row.before, row.choice)
    return found


async def kept_hours(connection: AsyncConnection, start: datetime, end: datetime) -> list[Hour]:
    """Return the hours from `start` until before `end` that have been counted."""
    rows = await connection.execute(_KEPT, {"start": start, "end": end})
    return [Hour(*row) for row in rows]


async def accepted_in(
    connection: AsyncConnection, hours: Sequence[datetime]
) -> dict[datetime, int]:
    """Return how many tickets were accepted in each of these hours that has been counted."""
    rows = await connection.execute(_COUNTS, {"hours": list(hours)})
    return {row.hour: row.accepted for row in rows}


@dataclass(frozen=True, slots=True)
class HourKeeper:
    """Counts the hours that are over; only the holder of the lease does."""

    database: Database
    clock: Clock
    lease: Lease

    async def run(self) -> None:
        """Work until cancelled; a database that is away is tried again."""
        await self.lease.work(self.step, LOOK_EVERY, "hours cannot be counted")

    async def step(self) -> bool:
        """Count some hours, the oldest first; return whether there may be more."""
        async with self.database.read() as connection:
            hours = await self._missing(connection)
            rows = [await _row(connection, hour) for hour in hours]
        if not rows:
            return False

        async def work(connection: AsyncConnection) -> None:
            if await self.lease.keep(connection):
                await connection.execute(_FORGET, {"hours": hours})
                await _KEEP.run(connection, rows)

        await self.database.write(work, patient=True)
        return len(rows) == _AT_ONCE

    async def _missing(self, connection: AsyncConnection) -> list[datetime]:
        now = self.clock.now()
        last = await connection.scalar(_LAST)
        if last is not None:
            start = last + HOUR
        else:
            first = await connection.scalar(_FIRST)
            if first is None:
                return []
            start = max(floor(first), floor(now - timedelta(weeks=WEEKS)))
        end = floor(now - _SETTLED_AFTER)
        count = min(_AT_ONCE, max(0, (end - start) // HOUR))
        return [start + HOUR * number for number in range(count)]


async def _row(connection: AsyncConnection, hour: datetime) -> dict[str, Any]:
    confirmed = await count_confirmed(connection, hour, hour + HOUR)
    return {
        "hour": hour,
        "accepted": await count_accepted(connection, hour, hour + HOUR),
        "confirmed": confirmed.to_document(),
    }
