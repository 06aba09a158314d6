"""Rows of the table `media`: claimed for a while, kept on to, and closed with what was found."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

import structlog
from sqlalchemy import bindparam, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.message import Attachment
from gateway.accounts.keys import Vault
from gateway.clock import Clock
from gateway.intake.media.findings import Note
from gateway.tickets import schema
from gateway.tickets.database import Database
from gateway.tickets.sealing import name_context
from gateway.tickets.store import Happening, append_history, lock_ticket, save
from gateway.tickets.ticket import read_again
from gateway.tickets.workflow import CLOSED

log = structlog.get_logger(__name__)
LEASE: Final = timedelta(minutes=2)
_LASTING: Final = (Note.DAMAGED, Note.TOO_LARGE)
"""Notes that the same content would get again."""
_table = schema.media.c
_FOUND: Final = ("facts", "derived", "note", "sealed_text", "line_starts")

_DUE: Final = (
    select(
        *(
            _table[name]
            for name in (
                "id", "message", "ticket_id", "channel", "address", "media_type", "attempts",
                "sealed_reference", "sealed_name", "sealed_text",
            )
        ),
        schema.messages.c.sealed_reporter,
    )
    .join(schema.messages, schema.messages.c.id == _table.message)
    .where(_table.done_at.is_(None), _table.not_before <= bindparam("now"))
    .order_by(_table.not_before)
    .limit(1)
    .with_for_update(of=schema.media, skip_locked=True)
)  # fmt: skip
_SAME_CONTENT: Final = (
    select(_table.id, *(_table[name] for name in _FOUND))
    .where(
        _table.address == bindparam("address"),
        _table.done_at.is_not(None),
        _table.facts.is_not(None),
        or_(_table.note.is_(None), _table.note.in_(_LASTING)),
    )
    .order_by(_table.number)
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A medium that this process reads."""

    id: str
    message: str
    ticket_id: str
    channel: str
    address: str | None
    media_type: str | None
    attempts: int
    """Which attempt this is, from 1; nobody else has claimed it since while the row says so."""
    sealed_reference: bytes | None
    sealed_name: bytes | None
    sealed_text: bytes | None
    """The vendor's transcript."""
    sealed_reporter: bytes | None


class MediaRows:
    """The media that are still to be read; several processes may work side by side."""

    def __init__(self, database: Database, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock

    async def forget_leases(self) -> None:
        """Let everything be tried at once: at a start nobody else can be at it (embedded only)."""
        if self._database.is_embedded:
            now = self._clock.now()
            waiting = _table.done_at.is_(None), _table.not_before > now
            await self._database.write(
                lambda c: c.execute(update(schema.media).where(*waiting).values(not_before=now))
            )

    async def claim(self) -> Claim | None:
        """Return a medium that is due, kept from others for as long as the lease."""
        return await self._database.write(self._claim, patient=True)

    async def _claim(self, connection: AsyncConnection) -> Claim | None:
        now = self._clock.now()
        row = (await connection.execute(_DUE, {"now": now})).first()
        if row is None:
            return None
        claim = Claim(*row)
        claim = replace(claim, attempts=claim.attempts + 1)
        await connection.execute(
            update(schema.media)
            .where(_table.id == claim.id)
            .values(attempts=claim.attempts, not_before=now + LEASE)
        )
        return claim

    async def keep_on(self, claim: Claim) -> None:
        """Renew the lease again and again until cancelled."""
        while True:
            await self._clock.sleep(LEASE.total_seconds() / 3)
            try:
                await self.put_off(claim, LEASE)
            except Exception as error:
                log.error("a medium's lease is not renewed", error=type(error).__name__)

    async def put_off(self, claim: Claim, span: timedelta, *, uncounted: bool = False) -> None:
        """Let it be claimed when the span is over; `uncounted` takes this attempt back."""
        values: dict[str, Any] = {"not_before": self._clock.now() + span}
        if uncounted:
            values["attempts"] = claim.attempts - 1
        await self._database.write(
            lambda c: c.execute(update(schema.media).where(*_is_ours(claim)).values(values)),
            patient=True,
        )

    async def fetched(self, claim: Claim, file: Attachment) -> Claim:
        """Note where a fetched medium lies, as an attachment of its message."""

        async def work(connection: AsyncConnection) -> None:
            values = {"address": file.address, "size": file.size, "media_type": file.media_type}
            noted = await connection.execute(
                update(schema.media)
                .where(*_is_ours(claim), _table.address.is_(None))
                .values(values)
                .returning(_table.ticket_id)
            )
            if number := noted.scalar():
                await self._attach(connection, replace(claim, ticket_id=number), file, values)

        await self._database.write(work, patient=True)
        return replace(claim, address=file.address, media_type=file.media_type)

    async def _attach(
        self, connection: AsyncConnection, claim: Claim, file: Attachment, values: dict[str, Any]
    ) -> None:
        files = schema.attachments
        count = select(func.count()).where(files.c.message == claim.message)
        place = int((await connection.execute(count)).scalar_one())
        name = self._vault.seal(file.name.encode(), name_context(claim.message, place))
        row = {"message": claim.message, "ticket_id": claim.ticket_id, "sealed_name": name}
        await connection.execute(insert(files).values(**row, **values))

    async def read_before(self, address: str) -> Any | None:
        """Return the row of a medium with the same content that has been read, if there is one."""
        async with self._database.read() as connection:
            return (await connection.execute(_SAME_CONTENT, {"address": address})).first()

    async def finish(
        self,
        claim: Claim,
        values: dict[str, Any],
        people: list[dict[str, Any]],
        *,
        reopens: bool,
    ) -> bool:
        """Close the row and tell the ticket, in one transaction; return whether it was ours still.

        Where it brings words, triage reads the ticket again.
        """

        async def work(connection: AsyncConnection) -> bool:
            now = self._clock.now()
            closed = await connection.execute(
                update(schema.media)
                .where(*_is_ours(claim))
                .values(**values, done_at=now)
                .returning(_table.ticket_id)
            )
            # Not the claim's: its message may have gone to another ticket meanwhile.
            number = closed.scalar()
            if number is None:
                return False
            if people:
                rows = [{**row, "ticket_id": number} for row in people]
                await connection.execute(insert(schema.people), rows)
            ticket = await lock_ticket(connection, number)
            detail = {"medium": claim.id, "note": values.get("note")}
            if not reopens or ticket.status in CLOSED:
                event = "medium_unread" if values.get("note") else "medium_read"
                await append_history(connection, [Happening(ticket, event, "media", now, detail)])
                return True
            await save(
                connection, [Happening(read_again(ticket), "medium_read", "media", now, detail)]
            )
            return True

        return await self._database.write(work, patient=True)


def _is_ours(claim: Claim) -> tuple[Any, ...]:
    return _table.id == claim.id, _table.done_at.is_(None), _table.attempts == claim.attempts
