"""One appeal over several channels: who shows number and query code adds to that ticket."""

import hmac
import re
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import select

from channels.message import Message
from gateway.accounts.keys import Vault
from gateway.intake.drafting import query_digest
from gateway.tickets import schema
from gateway.tickets.database import Database
from gateway.tickets.numbers import MalformedNumber, read_ticket_id

_NUMBER: Final = re.compile(r"(?<![0-9])[0-9]{6}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9](?![0-9])")
_CODE: Final = re.compile(
    r"(?<![0-9A-Za-z])[0-9A-Za-z]{4}[ -]?[0-9A-Za-z]{4}[ -]?[0-9A-Za-z]{5}(?![0-9A-Za-z])"
)
_IN_ITS_PLACE: Final = "[查询码]"


@dataclass(frozen=True, slots=True)
class _Shown:
    ticket_id: str
    codes: tuple[re.Match[str], ...]


async def with_shown_ticket(message: Message, database: Database, vault: Vault) -> Message:
    """Return the message, on the ticket whose number and query code stand in its words, if any.

    The code is taken out of the words: what is kept of them in plain must open nothing.
    """
    shown = _shown_in(message.text)
    if shown is None:
        return message
    statement = select(schema.tickets.c.query_digest).where(schema.tickets.c.id == shown.ticket_id)
    async with database.read() as connection:
        stored = (await connection.execute(statement)).scalar()
    for code in shown.codes:
        if stored and hmac.compare_digest(query_digest(vault, shown.ticket_id, code[0]), stored):
            start, end = code.span()
            text = f"{message.text[:start]}{_IN_ITS_PLACE}{message.text[end:]}"
            return replace(message, text=text, of_ticket=shown.ticket_id)
    return message


def _shown_in(text: str) -> _Shown | None:
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
            return _Shown(ticket_id, tuple(codes))
    return None
