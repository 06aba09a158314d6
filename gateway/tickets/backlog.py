"""How many tickets wait, where, and since when."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnExpressionArgument, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.tickets.schema import NEEDS_TRIAGE, tickets
from gateway.tickets.workflow import Status


@dataclass(frozen=True, slots=True)
class Queue:
    """Tickets that wait in one place."""

    tickets: int
    oldest_seconds: float


async def backlog(connection: AsyncConnection, now: datetime) -> dict[str, Queue]:
    """Return the queues `triage` and `confirmation`; ages count from acceptance."""
    conditions: dict[str, ColumnExpressionArgument[bool]] = {
        "triage": NEEDS_TRIAGE,
        "confirmation": tickets.c.status == Status.AWAITING_CONFIRMATION,
    }
    found = {}
    for name, condition in conditions.items():
        statement = select(func.count(), func.min(tickets.c.accepted_at)).where(condition)
        count, oldest = (await connection.execute(statement)).one()
        found[name] = Queue(count, (now - oldest).total_seconds() if oldest else 0.0)
    return found
