"""Tickets and corrections as CSV: masked, streamed row by row, harmless in a spreadsheet.

No name, number, address or original word of a reporter is in it: texts are those with tokens. A
correction is an example to learn from: the words as the agent had them, what triage had decided,
and what the agent chose.
"""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.audit import AuditEvent, AuditLog, Detail
from gateway.oversight.search_index import texts_to_search
from gateway.tickets.database import Database
from gateway.tickets.schema import confirmations, ratings, tickets
from gateway.tickets.store import words_of
from gateway.tickets.workflow import Confirmation

BOM: Final = "\ufeff"
_BATCH: Final = 200
_RISKY: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_TICKET: Final = (
    "id", "channel", "accepted_at", "status", "version", "tier", "kind", "topic", "matter", "route",
    "unit", "supporting_units", "district", "street", "complex", "surge", "untriaged", "automatic",
    "confirmation", "confirmed_at", "dispatch_due_at", "dispatched_at", "dispatched_unit",
    "acknowledge_due_at", "report_due_at", "repeats", "cluster",
)  # fmt: skip
CHOSEN: Final = (
    "kind", "topic", "matter", "tier", "route", "unit", "supporting_units", "district", "street",
    "complex",
)  # fmt: skip


class Exported(StrEnum):
    """What can be exported."""

    TICKETS = "tickets"
    CORRECTIONS = "corrections"


@dataclass(frozen=True, slots=True)
class Span:
    """Of which time, UTC; None is without end, `until` is not included."""

    since: datetime | None = None
    until: datetime | None = None

    def conditions(self, column: ColumnElement[Any]) -> list[ColumnElement[bool]]:
        """Return the conditions that a time lies in it."""
        found: list[ColumnElement[bool]] = []
        if self.since is not None:
            found.append(column >= self.since)
        if self.until is not None:
            found.append(column < self.until)
        return found


@dataclass(frozen=True, slots=True)
class Exporter:
    """Writes what is asked for; that it was asked for is in the audit log before the first row."""

    database: Database
    audit: AuditLog

    async def export(
        self, what: Exported, span: Span, by: str, *, excel: bool = False
    ) -> AsyncIterator[bytes]:
        """Yield the CSV piece by piece, UTF-8; for `excel` with the mark by which it knows that."""
        await self._tell(what, span, by)
        yield (BOM if excel else "").encode()
        read = _tickets if what is Exported.TICKETS else _corrections
        async with self.database.snapshot() as connection:
            async for rows in read(connection, span):
                yield _lines(rows)

    async def _tell(self, what: Exported, span: Span, by: str) -> None:
        detail: Detail = {
            "what": str(what),
            "since": None if span.since is None else span.since.isoformat(),
            "until": None if span.until is None else span.until.isoformat(),
        }

        async def work(connection: AsyncConnection) -> None:
            await self.audit.append(connection, AuditEvent.EXPORTED, by, detail)

        await self.database.write(work)


Rows = list[Sequence[Any]]


async def _tickets(connection: AsyncConnection, span: Span) -> AsyncIterator[Rows]:
    yield [("ticket_id", *_TICKET[1:], "stars", "text")]
    statement = (
        select(*(tickets.c[name] for name in _TICKET), ratings.c.stars)
        .outerjoin(ratings, ratings.c.ticket_id == tickets.c.id)
        .where(*span.conditions(tickets.c.accepted_at))
        .order_by(tickets.c.accepted_at, tickets.c.id)
    )
    async for rows in _batches(connection, statement):
        texts = await texts_to_search(connection, [row.id for row in rows])
        yield [(*row, texts[row.id]) for row in rows]


async def _corrections(connection: AsyncConnection, span: Span) -> AsyncIterator[Rows]:
    """Yield what agents confirmed and did not undo, of what triage had decided."""
    yield [
        (
            "ticket_id", "confirmed_at", "corrected", *(f"triage_{name}" for name in CHOSEN),
            *(f"agent_{name}" for name in CHOSEN), "text",
        )
    ]  # fmt: skip
    table = confirmations.c
    undone = confirmations.alias().c
    statement = (
        select(table.ticket_id, table.at, table.before, table.choice)
        .where(
            table.event == "confirmed",
            *span.conditions(table.at),
            ~select(undone.number)
            .where(
                undone.ticket_id == table.ticket_id,
                undone.version == table.version + 1,
                undone.event == "undone",
            )
            .exists(),
        )
        .order_by(table.number)
    )
    async for rows in _batches(connection, statement):
        learnt = [row for row in rows if row.before.get("confirmation") != Confirmation.AGENT]
        words = await words_of(connection, {row.ticket_id for row in learnt})
        yield [
            (
                row.ticket_id,
                row.at,
                any(row.before.get(name) != row.choice.get(name) for name in CHOSEN),
                *(row.before.get(name) for name in CHOSEN),
                *(row.choice.get(name) for name in CHOSEN),
                "\n".join(word.text for word in words[row.ticket_id] if word.received_at <= row.at),
            )
            for row in learnt
        ]


async def _batches(connection: AsyncConnection, statement: Any) -> AsyncIterator[Sequence[Any]]:
    stream = await connection.stream(statement, execution_options={"yield_per": _BATCH})
    async for rows in stream.partitions():
        yield rows


def _lines(rows: Rows) -> bytes:
    written = io.StringIO()
    csv.writer(written).writerows([[cell(value) for value in row] for row in rows])
    return written.getvalue().encode()


def cell(value: Any) -> str:
    """Return a cell's text; what a spreadsheet would take for a formula begins with an apostrophe.

    Times are ISO 8601 in UTC, lists are joined by blanks.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, list | tuple):
        return cell(" ".join(map(str, value)))
    found = str(value)
    return f"'{found}" if found.lstrip(" \u3000").startswith(_RISKY) else found
