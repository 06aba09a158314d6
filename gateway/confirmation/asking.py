"""An agent asks the citizen (询问): on their channel, by a call back, or on their appeal's page."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.keys import Vault
from gateway.clock import Clock
from gateway.conversation.outbox import ask
from gateway.conversation.questions import (
    open_question,
    put_question,
    words_of_question,
)
from gateway.tickets.claims import check_free
from gateway.tickets.database import Database
from gateway.tickets.refusal import check_current
from gateway.tickets.store import Happening, append_history, lock_ticket
from gateway.tickets.ticket import Ticket


@dataclass(slots=True)
class AskDesk:
    """Where agents ask what a ticket does not tell; its clocks run on."""

    database: Database
    vault: Vault
    clock: Clock
    mask: Callable[[str], str]
    """Returns a text with tokens in place of people's numbers."""

    async def ask(self, ticket_id: str, agent: str, version: int, text: str) -> Ticket:
        """Ask the citizen of the ticket as it stands at that version, which it keeps.

        The same question again, while nobody has said anything to it, is asked once. Raises
        `Refused` and `TicketNotFound`.
        """
        return await self.database.write(
            lambda connection: self._ask(connection, ticket_id, agent, version, text)
        )

    async def open(self, ticket_id: str) -> tuple[datetime, str] | None:
        """Return when and what the citizen was asked last, if they have said nothing since."""
        async with self.database.read() as connection:
            found = await open_question(connection, ticket_id)
        if found is None:
            return None
        return found.at, await words_of_question(self.vault, found)

    async def _ask(
        self, connection: AsyncConnection, ticket_id: str, agent: str, version: int, text: str
    ) -> Ticket:
        now = self.clock.now()
        ticket = await lock_ticket(connection, ticket_id)
        await check_free(connection, ticket_id, agent, now)
        check_current(ticket, version, "ask", "询问")
        before = await open_question(connection, ticket_id)
        if before is not None and await words_of_question(self.vault, before) == text:
            return ticket
        masked = self.mask(text)
        asked = {
            "ticket_id": ticket_id, "version": version, "agent": agent, "at": now,
            "masked_text": masked,
        }  # fmt: skip
        identity = await put_question(connection, self.vault, asked, text)
        await ask(connection, ticket_id, identity, now)
        await append_history(connection, [Happening(ticket, "asked", agent, now, {"text": masked})])
        return ticket
