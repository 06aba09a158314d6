"""Personal data on demand: who asked, for which ticket and why is kept before it is shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.audit import AuditEvent, AuditLog, Detail
from gateway.accounts.keys import Vault
from gateway.accounts.permissions import Account, Role
from gateway.tickets import schema
from gateway.tickets.database import Database
from gateway.tickets.sealing import medium_context, reporter_context, text_context
from gateway.tickets.store import TicketNotFound, find_tickets, lock_ticket
from gateway.tickets.ticket import Ticket
from gateway.tickets.workflow import Confirmation
from triage.decision import Kind

REPORTER_FIELDS: Final = ("name", "phone", "identity_number", "address", "email")
_messages = schema.messages.c
_media = schema.media.c


class ReporterHidden(Exception):
    """Who reported (举报) is kept from units, always."""


class NoLongerKept(Exception):
    """It was erased when the time for which it is kept had passed."""


@dataclass(frozen=True, slots=True)
class People:
    """Opens what is sealed, for whoever may see it."""

    database: Database
    vault: Vault
    audit: AuditLog

    async def reporters(
        self, ticket_id: str, account: Account, reason: str
    ) -> list[dict[str, Any]]:
        """Return who sent the ticket's messages, as they gave it, each different one once.

        Raises `TicketNotFound`, also for a ticket that is not the clerk's unit's, `ReporterHidden`
        and `NoLongerKept`.
        """
        rows = await self._read(ticket_id, account)
        found: list[dict[str, Any]] = []
        for row in rows:
            if row.sealed_reporter is None:
                continue
            opened = await self.vault.open(row.sealed_reporter, reporter_context(row.id))
            given = orjson.loads(opened)
            reporter = {name: given.get(name) for name in REPORTER_FIELDS}
            if reporter not in found:
                found.append(reporter)
        fields = [name for name in REPORTER_FIELDS if any(item[name] for item in found)]
        await self._tell(ticket_id, account, fields, reason)
        return found

    async def words(self, ticket_id: str, account: Account, reason: str) -> list[dict[str, Any]]:
        """Return the words as they were told, unmasked: of messages, and of what media hold.

        Raises what `reporters` raises.
        """
        rows = await self._read(ticket_id, account)
        found = [
            {
                "source": row.id,
                "text": (await self.vault.open(row.sealed_text, text_context(row.id))).decode(),
            }
            for row in rows
            if row.sealed_text
        ]
        statement = (
            select(_media.id, _media.sealed_text)
            .where(_media.ticket_id == ticket_id, _media.sealed_text.is_not(None))
            .order_by(_media.number)
        )
        async with self.database.read() as connection:
            media = (await connection.execute(statement)).all()
        for row in media:
            if row.sealed_text:
                opened = await self.vault.open(row.sealed_text, medium_context(row.id, "text"))
                found.append({"source": row.id, "text": opened.decode()})
        await self._tell(ticket_id, account, ["words"], reason)
        return found

    async def _read(self, ticket_id: str, account: Account) -> Sequence[Any]:
        """Return the ticket's messages, still sealed, if the account may have them opened."""
        columns = (
            _messages.id,
            _messages.sealed_reporter,
            _messages.sealed_text,
            _messages.sealed_raw,
        )
        statement = (
            select(*columns).where(_messages.ticket_id == ticket_id).order_by(_messages.number)
        )
        async with self.database.read() as connection:
            ticket = (await find_tickets(connection, [ticket_id])).get(ticket_id)
            if ticket is None:
                raise TicketNotFound(ticket_id)
            await _check(connection, ticket, account)
            rows = (await connection.execute(statement)).all()
        if rows and not any(row.sealed_raw for row in rows):
            raise NoLongerKept
        return rows

    async def _tell(self, ticket_id: str, account: Account, fields: list[str], reason: str) -> None:
        """Commit the entry before anything is shown, if the account may still see it."""
        detail: Detail = {"ticket_id": ticket_id, "fields": fields, "reason": reason}

        async def work(connection: AsyncConnection) -> None:
            await _check(connection, await lock_ticket(connection, ticket_id), account)
            await self.audit.append(connection, AuditEvent.PEOPLE_SHOWN, account.name, detail)

        await self.database.write(work)


async def _check(connection: AsyncConnection, ticket: Ticket, account: Account) -> None:
    """Refuse a unit clerk what is another unit's, and who reported."""
    if account.role is not Role.UNIT_CLERK:
        return
    if account.unit is None or ticket.dispatched_unit != account.unit:
        raise TicketNotFound(ticket.id)
    if await may_be_report(connection, ticket):
        raise ReporterHidden


async def may_be_report(connection: AsyncConnection, ticket: Ticket) -> bool:
    """Return whether it is a report, or was once taken for one and no agent said otherwise.

    A ticket whose kind nobody has told may be one; so may a part of one that was split.
    """
    if ticket.kind is None or ticket.kind == Kind.REPORT:
        return True
    if ticket.confirmation is Confirmation.AGENT:
        return False
    table = schema.decisions.c
    statement = select(table.decision).where(table.ticket_id == ticket.id)
    decided = (await connection.execute(statement)).scalars()
    if any(decision.get("kind") == Kind.REPORT for decision in decided):
        return True
    if ticket.split_from is None or ticket.split_from == ticket.id:
        return False
    whole = await find_tickets(connection, [ticket.split_from])
    return await may_be_report(connection, whole[ticket.split_from])
