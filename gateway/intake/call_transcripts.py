"""What was said in a ticket's telephone calls, line by line with its time, masked."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import and_, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.call import Party, Segment
from gateway.accounts.keys import Vault
from gateway.intake.calls import read_call
from gateway.intake.masking import mask
from gateway.tickets import schema

_calls, _messages = schema.calls.c, schema.messages.c
_OF_TICKET: Final = (
    select(_calls.channel, _calls.call, _calls.sealed_state, _messages.id)
    .select_from(
        schema.calls.join(
            schema.messages,
            and_(_calls.channel == _messages.channel, _calls.call == _messages.message_id),
        )
    )
    .where(_messages.ticket_id == bindparam("of"))
    .order_by(_messages.number)
)


@dataclass(frozen=True, slots=True)
class Line:
    """What one party said at a stretch; `start` in seconds of the call."""

    start: float
    by_citizen: bool
    text: str


async def calls_of(
    connection: AsyncConnection, vault: Vault, ticket_id: str
) -> dict[str, list[Line]]:
    """Return the lines of each call that the ticket came by, by its first message's id."""
    rows = (await connection.execute(_OF_TICKET, {"of": ticket_id})).all()
    found: dict[str, list[Line]] = {}
    for channel, call, sealed, message in rows:
        state = await read_call(vault, channel, call, sealed)
        found[message] = masked_lines(sorted(state.segments.values(), key=_in_order))
    return found


def masked_lines(segments: list[Segment]) -> list[Line]:
    """Return the lines with tokens for numbers, those too that go over several segments.

    A token that begins in one line and ends in another stands in the first.
    """
    texts = [item.text.strip() for item in segments]
    masked = mask(",".join(texts))
    lines: list[Line] = []
    place = told = 0
    for item, text in zip(segments, texts, strict=True):
        start, end = masked.move(place, place + len(text))
        start = max(start, told)
        lines.append(Line(item.start, item.speaker is Party.CITIZEN, masked.text[start:end]))
        told = max(told, end)
        place += len(text) + 1
    return lines


def _in_order(item: Segment) -> tuple[float, int]:
    return item.start, item.number
