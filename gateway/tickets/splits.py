"""The parts of tickets that were split (拆单): which belong together, and what each deals with."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.tickets import schema
from gateway.tickets.ticket import Ticket
from gateway.tickets.workflow import Status

_table, _tickets = schema.splits.c, schema.tickets.c
_OF_ORIGIN: Final[Select[Any]] = (
    select(
        *(_table[name] for name in ("ticket_id", "masked_text", "agent", "at")),
        *(_tickets[name] for name in ("status", "unit", "sealed_query_code")),
    )
    .join(schema.tickets, _tickets.id == _table.ticket_id)
    .where(_table.origin == bindparam("of"))
    .order_by(_table.number)
)
_TEXTS: Final = (
    select(_table.ticket_id, _table.masked_text)
    .where(_table.ticket_id.in_(bindparam("ids", expanding=True)))
    .order_by(_table.number)
)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a split ticket; `text` is masked, `at` is when it was split, UTC."""

    ticket_id: str
    text: str
    agent: str
    at: datetime
    status: Status
    unit: str | None
    sealed_query_code: bytes


async def parts_of(connection: AsyncConnection, ticket_id: str) -> list[Part]:
    """Return the parts that a ticket was split into, its own first; none where it never was."""
    rows = (await connection.execute(_OF_ORIGIN, {"of": ticket_id})).all()
    # One that was split again has its own part once, as it was left last.
    own = {row.ticket_id: row for row in rows}
    return [
        Part(
            row.ticket_id,
            row.masked_text,
            row.agent,
            row.at,
            Status(row.status),
            row.unit,
            row.sealed_query_code,
        )
        for row in own.values()
    ]


async def texts_of_parts(connection: AsyncConnection, tickets: Iterable[Ticket]) -> dict[str, str]:
    """Return what each of these tickets deals with, masked, where it is a part of several."""
    ids: Sequence[str] = [item.id for item in tickets if item.split_from is not None]
    if not ids:
        return {}
    rows = await connection.execute(_TEXTS, {"ids": ids})
    return {row.ticket_id: row.masked_text for row in rows}
