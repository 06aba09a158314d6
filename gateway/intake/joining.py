"""One appeal over several channels: whoever shows that a ticket is theirs adds to it.

They show number and query code, or that the number is theirs from which its call came.
"""

import hmac
import re
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.message import Message
from channels.phrases import one_time_code
from gateway.accounts.keys import Vault
from gateway.clock import Clock
from gateway.conversation.events import Event
from gateway.conversation.outbox import put_down, reply_row
from gateway.intake.drafting import conversation_digest, query_digest
from gateway.intake.verifying import Shown, check, is_asked
from gateway.repeats.merging import join
from gateway.tickets import schema
from gateway.tickets.database import Database
from gateway.tickets.numbers import MalformedNumber, read_ticket_id

_NUMBER: Final = re.compile(r"(?<![0-9])[0-9]{6}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9](?![0-9])")
_CODE: Final = re.compile(
    r"(?<![0-9A-Za-z])[0-9A-Za-z]{4}[ -]?[0-9A-Za-z]{4}[ -]?[0-9A-Za-z]{5}(?![0-9A-Za-z])"
)
_IN_ITS_PLACE: Final = "[查询码]"
_INSTEAD_OF_DIGITS: Final = "[验证码]"
_LAST_SAID: Final = (
    select(schema.messages.c.id, schema.messages.c.channel)
    .where(schema.messages.c.conversation == bindparam("conversation"))
    .order_by(schema.messages.c.number.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class _Named:
    ticket_id: str
    codes: tuple[re.Match[str], ...]


@dataclass(frozen=True, slots=True)
class Joining:
    """Finds the tickets that messages of conversations show to be their sender's."""

    database: Database
    vault: Vault
    clock: Clock

    async def find(self, message: Message) -> Message:
        """Return the message, on the ticket that it shows, if any.

        The code is taken out of the words: what is kept of them in plain must open nothing.
        """
        if (named := _named_in(message.text)) is not None:
            return await self._with_named(message, named)
        if (digits := one_time_code(message.text)) is not None:
            return await self._with_digits(message, digits)
        return message

    async def may_add(self, ticket_id: str, code: str) -> bool:
        """Whether this is the ticket's query code."""
        table = schema.tickets.c
        statement = select(table.query_digest).where(table.id == ticket_id)
        async with self.database.read() as connection:
            stored = (await connection.execute(statement)).scalar()
        given = query_digest(self.vault, ticket_id, code)
        return bool(stored) and hmac.compare_digest(given, stored or b"")

    async def _with_named(self, message: Message, named: _Named) -> Message:
        for code in named.codes:
            if await self.may_add(named.ticket_id, code[0]):
                start, end = code.span()
                text = f"{message.text[:start]}{_IN_ITS_PLACE}{message.text[end:]}"
                return replace(message, text=text, of_ticket=named.ticket_id)
        return message

    async def _with_digits(self, message: Message, digits: str) -> Message:
        """Return the message on the call's ticket, where it gives the code that is waited for.

        What the conversation has told so far goes there too, and it is told so.
        """
        asker = conversation_digest(message, self.vault)
        now = self.clock.now()
        async with self.database.read() as connection:
            if asker is None or not await is_asked(connection, asker, now):
                return message

        async def work(connection: AsyncConnection) -> Shown | None:
            shown = await check(connection, asker, digits, now, self.vault)
            if shown is None:
                return None
            if shown.asked_on is not None:
                await join(connection, shown.ticket_id, shown.asked_on, asker, now)
            said = (await connection.execute(_LAST_SAID, {"conversation": asker})).one()
            row = reply_row(Event.JOINED, shown.ticket_id, said.id, said.channel, now)
            await put_down(connection, [row])
            return shown

        shown = await self.database.write(work)
        if shown is None:
            return replace(message, code_refused=True)
        return replace(message, text=_INSTEAD_OF_DIGITS, of_ticket=shown.ticket_id)


def _named_in(text: str) -> _Named | None:
    for number in _NUMBER.finditer(text):
        try:
            ticket_id = read_ticket_id(number[0])
        except MalformedNumber:
            continue
        start, end = number.span()
        codes = [
            code for code in _CODE.finditer(text) if code.end() <= start or code.start() >= end
        ]
        if codes:
            return _Named(ticket_id, tuple(codes))
    return None
