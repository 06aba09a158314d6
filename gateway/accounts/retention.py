"""People's data of tickets closed long ago is erased; the masked text stays.

The history is walked once, in its order and behind the present by the time for which data is kept:
each line that leaves a ticket closed is looked at when it is old enough. A ticket that is opened
again and closed later has a later line, and is looked at again then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import BindParameter, bindparam, delete, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.audit import CLOCK, AuditEvent, AuditLog, Detail
from gateway.clock import Clock
from gateway.tickets.database import Database
from gateway.tickets.schema import (
    attachments,
    calls,
    history,
    media,
    messages,
    people,
    questions,
    replies,
    retention,
)  # fmt: skip
from gateway.tickets.store import lock_tickets
from gateway.tickets.workflow import CLOSED

LOOK_EVERY: Final = 600.0
"""Seconds between two looks when nothing is due."""
_LINES: Final = 500
_NAME: Final = "people"
_ERASED: Final = b""
_IDS: Final[BindParameter[Any]] = bindparam("ids", expanding=True)
_NOTE: Final = "no longer kept"

NEXT_LINES: Final = (
    select(history.c.number, history.c.ticket_id, history.c.at)
    .where(history.c.number > bindparam("through"))
    .order_by(history.c.number)
    .limit(_LINES)
)
LAST_LINES: Final = (
    select(history.c.ticket_id, func.max(history.c.number).label("number"))
    .where(history.c.ticket_id.in_(_IDS))
    .group_by(history.c.ticket_id)
)
KEPT: Final = select(messages.c.channel, messages.c.message_id).where(
    messages.c.ticket_id.in_(_IDS), messages.c.sealed_raw != _ERASED
)
_CALLS: Final = delete(calls).where(
    tuple_(calls.c.channel, calls.c.call).in_(bindparam("keys", expanding=True))
)
_ERASE: Final = (
    update(messages)
    .where(messages.c.ticket_id.in_(_IDS))
    .values(
        sealed_text=_ERASED,
        mask_spans=[],  # the masked text now stands for the original
        sealed_raw=_ERASED,
        sealed_reporter=None,
        sealed_reply_to=None,
        conversation=None,
    ),
    update(media)
    .where(media.c.ticket_id.in_(_IDS))
    .values(sealed_reference=None, sealed_name=None),
    update(media)
    .where(media.c.ticket_id.in_(_IDS), media.c.sealed_text.is_not(None))
    .values(sealed_text=_ERASED, mask_spans=[]),
    update(attachments).where(attachments.c.ticket_id.in_(_IDS)).values(sealed_name=_ERASED),
    update(questions).where(questions.c.ticket_id.in_(_IDS)).values(sealed_text=_ERASED),
    delete(people).where(people.c.ticket_id.in_(_IDS)),
)


@dataclass(frozen=True, slots=True)
class Retention:
    """Erases step by step; only one process at a time does, by a lease of the clock role."""

    database: Database
    clock: Clock
    audit: AuditLog
    keep: timedelta

    async def step(self) -> bool:
        """Look at some lines of the history; return whether there may be more."""
        before = self.clock.now() - self.keep
        async with self.database.read() as connection:
            through = await _through(connection)
            found = await connection.execute(NEXT_LINES, {"through": through})
            lines = [row for row in found if row.at <= before]
        if not lines:
            return False
        await self.database.write(lambda c: self._erase(c, through, lines, before), patient=True)
        return len(lines) == _LINES

    async def _erase(
        self, connection: AsyncConnection, through: int, lines: Sequence[Any], before: datetime
    ) -> None:
        """Erase what these lines left closed, tell of it, and note how far that was."""
        last = lines[-1].number
        moved = await connection.execute(
            update(retention)
            .where(retention.c.name == _NAME, retention.c.through == through)
            .values(through=last)
        )
        if not moved.rowcount:
            return  # another process was here while this one lost its lease
        closed = await _closed(connection, lines)
        if not closed:
            return
        ids = {"ids": closed}
        keys = [tuple(row) for row in await connection.execute(KEPT, ids)]
        if not keys:
            return
        for statement in _ERASE:
            await connection.execute(statement, ids)
        await connection.execute(_CALLS, {"keys": keys})
        waiting = replies.c.ticket_id.in_(closed), replies.c.done_at.is_(None)
        now = self.clock.now()
        await connection.execute(update(replies).where(*waiting).values(done_at=now, note=_NOTE))
        detail: Detail = {
            "closed_before": before.isoformat(timespec="seconds"),
            "tickets": len(closed),
            "messages": len(keys),
        }
        await self.audit.append(connection, AuditEvent.PEOPLE_ERASED, CLOCK, detail)


async def _through(connection: AsyncConnection) -> int:
    statement = select(retention.c.through).where(retention.c.name == _NAME)
    return int(await connection.scalar(statement) or 0)


async def _closed(connection: AsyncConnection, lines: Sequence[Any]) -> list[str]:
    """Return the tickets that are closed, and to which nothing has happened after these lines."""
    tickets = await lock_tickets(connection, {line.ticket_id for line in lines})
    ids = [ticket.id for ticket in tickets.values() if ticket.status in CLOSED]
    if not ids:
        return []
    found = await connection.execute(LAST_LINES, {"ids": ids})
    last = lines[-1].number
    return [row.ticket_id for row in found if row.number <= last]
