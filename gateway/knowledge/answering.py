"""An appeal is answered on the spot (答复): the ticket closes, and the citizen is told.

One transaction: the ticket's version, its history, what goes on the streams if units know of the
ticket, and the reply to the citizen. What was said is kept sealed, word for word; the history,
which is never edited, has it masked.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import bindparam, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.keys import Vault
from gateway.bell import Bell
from gateway.clock import Clock
from gateway.conversation.events import Event
from gateway.conversation.outbox import tell
from gateway.dispatch.outbox import enqueue, load_drafts, take_back_all
from gateway.repeats.merging import followers_by_hand
from gateway.tickets import schema
from gateway.tickets.claims import check_free, let_go
from gateway.tickets.database import Database
from gateway.tickets.refusal import Refused, check_current
from gateway.tickets.sealing import answer_context
from gateway.tickets.store import Happening, lock_ticket, save
from gateway.tickets.ticket import ClockRules, Ticket, set_clocks
from gateway.tickets.workflow import (
    Confirmation,
    Status,
    StatusChangeRefused,
    change_status,
)

_answers, _edits = schema.answers, schema.knowledge_edits.c
_LAST: Final = (
    select(_answers)
    .where(_answers.c.ticket_id == bindparam("of"))
    .order_by(_answers.c.number.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Said:
    """What an agent answers, and the version of the entry that it comes from, if any."""

    text: str
    entry: str | None = None
    entry_version: int | None = None


@dataclass(slots=True)
class AnswerDesk:
    """Where agents' answers become versions of tickets."""

    database: Database
    vault: Vault
    clock: Clock
    rules: ClockRules
    decided: Bell
    mask: Callable[[str], str]
    """Returns a text with tokens in place of people's numbers."""

    async def answer(self, ticket_id: str, agent: str, version: int, said: Said) -> Ticket:
        """Answer the ticket as it stands at that version; the same again changes nothing.

        Raises `Refused` and `TicketNotFound`.
        """
        ticket = await self.database.write(
            lambda connection: self._answer(connection, ticket_id, agent, version, said)
        )
        self.decided.ring()
        return ticket

    async def last(self, ticket_id: str) -> str | None:
        """Return what was answered last, word for word; None where nothing was."""
        async with self.database.read() as connection:
            row = (await connection.execute(_LAST, {"of": ticket_id})).first()
        return await self._text(row) if row else None

    async def _answer(
        self, connection: AsyncConnection, ticket_id: str, agent: str, version: int, said: Said
    ) -> Ticket:
        before = await lock_ticket(connection, ticket_id)
        if await self._is_said_already(connection, before, agent, version, said):
            return before
        now = self.clock.now()
        await check_free(connection, ticket_id, agent, now)
        after = self._answered(before, agent, version)
        await _check_entry(connection, said)
        detail = {
            "entry": said.entry,
            "entry_version": said.entry_version,
            "text": self.mask(said.text),
        }
        await save(connection, [Happening(after, "answered", agent, now, detail)])
        is_out = await take_back_all(connection, ticket_id)
        if is_out or before.dispatched_at is not None:
            await enqueue(connection, await load_drafts(connection, [after]), now)
        identity = await self._keep(connection, after, agent, said)
        told = [ticket_id, *await followers_by_hand(connection, ticket_id)]
        await tell(connection, Event.ANSWERED, told, now, answer=identity)
        await let_go(connection, ticket_id)
        return after

    def _answered(self, before: Ticket, agent: str, version: int) -> Ticket:
        """Return the ticket as answered; raise `Refused` where it cannot be."""
        check_current(before, version, "answer", "答复")
        try:
            status = change_status(before.status, Status.ANSWERED)
        except StatusChangeRefused:
            raise Refused(
                "with-unit",
                "a unit has taken the ticket over: what it does is told by its report",
                "承办单位已签收,请由承办单位反馈",
            ) from None
        answered = replace(
            before,
            status=status,
            version=version + 1,
            confirmation=Confirmation.AGENT,
            confirmed_by=agent,
            confirmed_at=self.clock.now(),
            untriaged=False,
        )
        return set_clocks(answered, self.rules)

    async def _is_said_already(
        self, connection: AsyncConnection, ticket: Ticket, agent: str, version: int, said: Said
    ) -> bool:
        """Whether this very answer made the ticket what it is, as when its sender asks again."""
        if ticket.status is not Status.ANSWERED or ticket.version != version + 1:
            return False
        row = (await connection.execute(_LAST, {"of": ticket.id})).first()
        if row is None or (row.version, row.agent) != (ticket.version, agent):
            return False
        return said == Said(await self._text(row), row.entry, row.entry_version)

    async def _keep(
        self, connection: AsyncConnection, ticket: Ticket, agent: str, said: Said
    ) -> str:
        identity = uuid.uuid4().hex
        await connection.execute(
            insert(_answers).values(
                id=identity,
                ticket_id=ticket.id,
                version=ticket.version,
                entry=said.entry,
                entry_version=said.entry_version,
                agent=agent,
                at=self.clock.now(),
                sealed_text=self.vault.seal(said.text.encode(), answer_context(identity)),
            )
        )
        return identity

    async def _text(self, row: Any) -> str:
        return (await self.vault.open(row.sealed_text, answer_context(row.id))).decode()


async def _check_entry(connection: AsyncConnection, said: Said) -> None:
    if said.entry is None:
        return
    statement = select(_edits.retired).where(
        _edits.entry == said.entry, _edits.version == said.entry_version
    )
    if (await connection.execute(statement)).first() is None:
        raise Refused(
            "unknown-entry",
            "name an entry of the knowledge base, and the version that was read",
            "请填写知识库条目编号及所依据的版本",
        )
