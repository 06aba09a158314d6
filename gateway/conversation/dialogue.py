"""What to say or ask next, once triage has read what the citizen said.

What was told and asked already stands in the replies: the conversation remembers by them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.conversation.events import QUESTIONS, Event
from gateway.conversation.outbox import BY_PHONE, CALLBACK, WAITING, put_down, reply_row, senders_of
from gateway.tickets import schema
from gateway.tickets.store import MediumWords, Words
from gateway.tickets.ticket import Ticket
from gateway.tickets.workflow import CLOSED
from triage.decision import Kind, Tier
from triage.facts import FactKind, facts_of
from triage.text.normalise import normalise

#: Of these nothing more is needed to route them or to find the place.
_ASKED_NOTHING: Final = {Kind.INQUIRY, Kind.SUGGESTION, Kind.PRAISE}
_ASKS: Final = {*QUESTIONS, Event.ASK_CODE, Event.CODE_REFUSED, Event.ASKED}
_replies, _people = schema.replies.c, schema.people.c
_TOLD: Final = (
    select(*(_replies[name] for name in ("ticket_id", "event", "message", "state", "not_before")))
    .where(_replies.ticket_id.in_(bindparam("ids", expanding=True)))
    .order_by(_replies.number)
)
_WITH_PHONE: Final = (
    select(_people.ticket_id)
    .where(_people.ticket_id.in_(bindparam("ids", expanding=True)), _people.kind == "phone")
    .distinct()
)


@dataclass(frozen=True, slots=True)
class Turn:
    """A ticket that triage has just read, as it was before and as it is now."""

    before: Ticket
    ticket: Ticket
    words: Sequence[Words]
    media: Sequence[MediumWords] = ()

    @property
    def understood_anew(self) -> bool:
        """Whether it is understood otherwise than it was."""
        old, new = self.before, self.ticket
        was = (old.unit, old.tier, old.district, old.kind)
        return was != (new.unit, new.tier, new.district, new.kind)


async def follow(connection: AsyncConnection, turns: Sequence[Turn], now: datetime) -> None:
    """Put down what each citizen hears next, in the transaction of the decisions."""
    senders = await senders_of(connection, [turn.ticket.id for turn in turns])
    last = {row.ticket_id: row for row in senders}
    if not last:
        return
    ids = {"ids": list(last)}
    said: dict[str, list[Any]] = {number: [] for number in last}
    for row in await connection.execute(_TOLD, ids):
        said[row.ticket_id].append(row)
    reachable = {row.ticket_id for row in await connection.execute(_WITH_PHONE, ids)}
    rows: list[dict[str, Any]] = []
    for turn in turns:
        number = turn.ticket.id
        if (message := last.get(number)) is None:
            continue
        for event in _next(turn, said[number], message, number in reachable, now):
            state = CALLBACK if message.channel in BY_PHONE else WAITING
            new = reply_row(event, number, message.id, message.channel, now)
            rows.append({**new, "state": state})
    await put_down(connection, rows)


def missing(turn: Turn, *, has_phone: bool) -> list[Event]:
    """Return what is still to be asked, in the order in which it is asked.

    Only what is needed to route the matter, to find its place and to reach who tells of it.
    """
    ticket, words = turn.ticket, turn.words
    if ticket.status in CLOSED or ticket.kind in _ASKED_NOTHING:
        return []
    if ticket.split_from is not None:
        return []  # an agent has read it, and a chat's answer could not be told apart
    facts = [facts_of(normalise(item.text).text) for item in words]
    kinds = {fact.kind for of_text in facts for fact in of_text.told}
    # Where the citizen's pin is, or where the camera was.
    pinned = any(item.place for item in words) or any("latitude" in m.facts for m in turn.media)
    has_place = ticket.district or FactKind.ADDRESS in kinds or pinned
    has_time = kinds & {FactKind.TIME, FactKind.LASTING} or any(of_text.now for of_text in facts)
    needed = {
        Event.ASK_WHAT: ticket.unit is None,
        Event.ASK_WHERE: not has_place,
        Event.ASK_SINCE: not has_time and ticket.tier is not Tier.EMERGENCY,
        Event.ASK_CONTACT: not has_phone,
    }
    return [event for event in QUESTIONS if needed[event]]


def _next(
    turn: Turn, said: Sequence[Any], message: Any, has_phone: bool, now: datetime
) -> list[Event]:
    found = []
    events = {row.event for row in said}
    by_phone = message.channel in BY_PHONE
    if not by_phone and _is_to_be_explained(turn, said, now):
        found.append(Event.UNDERSTOOD)
    # One question for one message: whoever does not answer is not asked on and on.
    asked_already = any(row.message == message.id and row.event in _ASKS for row in said)
    if Event.ENOUGH in events or asked_already:
        return found
    open_questions = missing(turn, has_phone=has_phone)
    return [*found, *[event for event in open_questions if event not in events][:1]]


def _is_to_be_explained(turn: Turn, said: Sequence[Any], now: datetime) -> bool:
    """Whether to say what the appeal is understood as: at first, and when that has changed."""
    if turn.ticket.status in CLOSED or turn.ticket.untriaged:
        return False
    receipt = next((row for row in said if row.event == Event.RECEIVED), None)
    # A receipt that is still to go out tells it, in one message.
    if receipt is not None and receipt.state == WAITING and receipt.not_before > now:
        return False
    explained = any(row.event == Event.UNDERSTOOD for row in said) or turn.before.tier is not None
    return turn.understood_anew if explained else True
