"""Drafts into the database, in one transaction: which open a ticket, which add to one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import bindparam, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.conversation.events import Event
from gateway.conversation.outbox import put_down, reply_row
from gateway.conversation.questions import OPEN_IN_CHATS
from gateway.intake.drafting import Drafted
from gateway.intake.verifying import begin
from gateway.oversight.surges import rule_of, running_surge
from gateway.tickets import schema
from gateway.tickets.many import ManyRows
from gateway.tickets.store import Happening, append_history, lock_tickets, save
from gateway.tickets.ticket import Ticket, read_again, receive
from gateway.tickets.workflow import CLOSED

_EARLIER: Final = (
    select(
        schema.messages.c.channel,
        schema.messages.c.message_id,
        schema.messages.c.ticket_id,
        schema.messages.c.body_digest,
        schema.tickets.c.sealed_query_code,
    )
    .join(schema.tickets, schema.tickets.c.id == schema.messages.c.ticket_id)
    .where(
        tuple_(schema.messages.c.channel, schema.messages.c.message_id).in_(
            bindparam("keys", expanding=True)
        )
    )
)
_OPEN: Final = select(schema.tickets.c.id, schema.tickets.c.sealed_query_code).where(
    schema.tickets.c.id.in_(bindparam("ids", expanding=True)),
    schema.tickets.c.status.not_in(CLOSED),
)
_NEW_TICKETS: Final = ManyRows(insert(schema.tickets))
_NEW_MESSAGES: Final = ManyRows(insert(schema.messages))
_NEW_PEOPLE: Final = ManyRows(insert(schema.people))
_NEW_ATTACHMENTS: Final = ManyRows(insert(schema.attachments))
_NEW_MEDIA: Final = ManyRows(insert(schema.media))
_RECEIPT_AFTER: Final = timedelta(seconds=1)
_TO_COMPARE: Final = ManyRows(insert(schema.to_compare))
_TOLD_LATELY: Final = (
    select(
        schema.messages.c.conversation,
        schema.messages.c.ticket_id,
        schema.messages.c.body_digest,
        schema.tickets.c.sealed_query_code,
        schema.messages.c.received_at,
    )
    .join(schema.tickets, schema.tickets.c.id == schema.messages.c.ticket_id)
    .where(
        schema.messages.c.conversation.in_(bindparam("conversations", expanding=True)),
        schema.messages.c.received_at >= bindparam("since"),
        schema.tickets.c.status.not_in(CLOSED),
    )
    .order_by(schema.messages.c.number)
)

_ASKED: Final = OPEN_IN_CHATS.where(schema.tickets.c.status.not_in(CLOSED))
_MAY_ANSWER_FOR: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a draft: its ticket, and the sealed code where the ticket was there before."""

    ticket_id: str
    sealed_query_code: bytes | None = None
    added: bool = False


async def keep(
    connection: AsyncConnection,
    drafts: Sequence[Drafted],
    *,
    surge: bool,
    joining: timedelta = timedelta(),
) -> list[Kept | None]:
    """Store the drafts in this transaction; None stands for a key that came with another body.

    With `surge` calls surge whatever a supervisor has switched.
    """
    known = await _known(connection, drafts)
    running = await _running(connection, drafts, joining)
    shown = await _shown(connection, drafts)
    opened: list[Drafted] = []
    additions: list[Drafted] = []
    outcomes: list[Kept | None] = []
    for drafted in drafts:
        earlier = known.get(drafted.key)
        if earlier is not None:
            same = earlier.body_digest == drafted.message["body_digest"]
            outcomes.append(Kept(earlier.ticket_id, earlier.sealed_query_code) if same else None)
            continue
        target = shown.get(drafted.of_ticket or "")
        if target is None and drafted.edits:
            target = known.get((drafted.key[0], drafted.edits))
        if target is None and drafted.joins is not None:
            target = running.get(drafted.joins)
        if target is None:
            opened.append(drafted)
            kept = Kept(drafted.ticket_id)
            code = drafted.query["sealed_query_code"]
        else:
            additions.append(drafted.on_ticket(target.ticket_id))
            code = target.sealed_query_code
            kept = Kept(target.ticket_id, code, added=True)
        outcomes.append(kept)
        digest = drafted.message["body_digest"]
        known[drafted.key] = _Earlier(kept.ticket_id, digest, code)
        if (conversation := drafted.message["conversation"]) is not None:
            running[conversation] = known[drafted.key]
    await _insert(connection, opened, additions, surge=surge)
    await _reopen_triage(connection, [item for item in additions if not item.says_enough])
    return outcomes


@dataclass(frozen=True, slots=True)
class _Earlier:
    ticket_id: str
    body_digest: bytes
    sealed_query_code: bytes


async def _known(
    connection: AsyncConnection, drafts: Sequence[Drafted]
) -> dict[tuple[str, str | None], _Earlier]:
    keys = {drafted.key for drafted in drafts if drafted.may_repeat}
    keys |= {(drafted.key[0], drafted.edits) for drafted in drafts if drafted.edits}
    if not keys:
        return {}
    rows = await connection.execute(_EARLIER, {"keys": list(keys)})
    return {(row[0], row[1]): _Earlier(*row[2:]) for row in rows}


async def _shown(connection: AsyncConnection, drafts: Sequence[Drafted]) -> dict[str, _Earlier]:
    """Return the tickets, still open, whose code senders have shown."""
    wanted = {drafted.of_ticket for drafted in drafts if drafted.of_ticket is not None}
    if not wanted:
        return {}
    rows = await connection.execute(_OPEN, {"ids": list(wanted)})
    return {row.id: _Earlier(row.id, b"", row.sealed_query_code) for row in rows}


async def _running(
    connection: AsyncConnection, drafts: Sequence[Drafted], joining: timedelta
) -> dict[bytes, _Earlier]:
    """Return what each of these conversations told of last, if that is recent and still open.

    Where an agent has asked since, it is the ticket of that question, for a week.
    """
    wanted = {drafted.joins for drafted in drafts if drafted.joins is not None}
    if not wanted or not joining:
        return {}
    since = min(drafted.message["received_at"] for drafted in drafts) - joining
    chats: dict[str, Any] = {"conversations": list(wanted)}
    told = (await connection.execute(_TOLD_LATELY, {**chats, "since": since})).all()
    asked = await connection.execute(_ASKED, {**chats, "since": since - _MAY_ANSWER_FOR})
    return {row[0]: _Earlier(*row[1:4]) for row in sorted([*told, *asked], key=lambda row: row[4])}


async def _insert(
    connection: AsyncConnection,
    opened: list[Drafted],
    additions: list[Drafted],
    *,
    surge: bool,
) -> None:
    new = [*opened, *additions]
    if opened:
        running = None if surge else await running_surge(connection)
        surge = surge or running is not None
        rule = rule_of(running) if surge else {}
        tickets = [
            receive(item.ticket_id, item.key[0], item.message["received_at"], surge=surge)
            for item in opened
        ]
        rows = [
            {**ticket.to_row(), **item.query} for ticket, item in zip(tickets, opened, strict=True)
        ]
        await _NEW_TICKETS.run(connection, rows)
        await append_history(connection, [_received(ticket, rule) for ticket in tickets])
    await _NEW_MESSAGES.run(connection, [item.message for item in new])
    await _NEW_PEOPLE.run(connection, [row for item in new for row in item.people])
    await _NEW_ATTACHMENTS.run(connection, [row for item in new for row in item.attachments])
    await _NEW_MEDIA.run(connection, [row for item in new for row in item.media])
    await _TO_COMPARE.run(
        connection, [{"ticket_id": item.ticket_id, "senders": item.senders} for item in new]
    )
    await put_down(connection, [_receipt(item) for item in opened if _is_told(item)])
    await put_down(connection, _answers(opened, additions))
    for item in new:
        if item.claim:
            await begin(connection, item.claim, item.message["received_at"], item.ticket_id)


def _is_told(drafted: Drafted) -> bool:
    return drafted.message["sealed_reply_to"] is not None and not drafted.answered


def _receipt(drafted: Drafted) -> dict[str, Any]:
    row = drafted.message
    # Where triage is quick, one message tells number and understanding together.
    due = row["received_at"] + _RECEIPT_AFTER
    return reply_row(Event.RECEIVED, row["ticket_id"], row["id"], row["channel"], due)


def _answers(opened: Sequence[Drafted], additions: Sequence[Drafted]) -> list[dict[str, Any]]:
    """Return what is said at once to lines that are not only of the matter."""
    answers = [(Event.ENOUGH, item) for item in additions if item.says_enough]
    for item in (*opened, *additions):
        if item.claim is not None:
            answers.append((Event.ASK_CODE, item))
        if item.code_refused:
            answers.append((Event.CODE_REFUSED, item))
    rows = [(event, item.message) for event, item in answers]
    return [
        reply_row(event, row["ticket_id"], row["id"], row["channel"], row["received_at"])
        for event, row in rows
    ]


def _received(ticket: Ticket, rule: dict[str, Any]) -> Happening:
    return Happening(ticket, "received", "citizen", ticket.accepted_at, rule)


async def _reopen_triage(connection: AsyncConnection, additions: list[Drafted]) -> None:
    """Let triage read a ticket again to which something was added."""
    times = {item.ticket_id: item.message["received_at"] for item in additions}
    if not times:
        return
    tickets = await lock_tickets(connection, times)
    await save(
        connection,
        [
            Happening(read_again(ticket), "added", "citizen", times[ticket.id])
            for ticket in tickets.values()
        ],
    )
