"""An agent splits a ticket that tells of several matters (拆单): each goes its own way.

The first part stays with the ticket. Each other part is a ticket of the same reporter, accepted
when the first was, so that no clock starts again; triage reads it, and an agent confirms it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import bindparam, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.message import Message, Place, Reporter
from gateway.accounts.keys import Vault
from gateway.bell import Bell
from gateway.clock import Clock
from gateway.conversation.events import Event
from gateway.conversation.outbox import BY_PHONE, put_down, reply_row
from gateway.dispatch.outbox import enqueue, load_drafts, take_back_all
from gateway.intake.drafting import Drafted, draft
from gateway.intake.inbox import TicketNumbers
from gateway.intake.masking import mask
from gateway.intake.verifying import VOUCHED
from gateway.tickets import schema
from gateway.tickets.claims import check_free
from gateway.tickets.database import Database
from gateway.tickets.numbers import new_query_code
from gateway.tickets.refusal import Refused, check_current
from gateway.tickets.sealing import reply_context, reporter_context
from gateway.tickets.store import Happening, append_history, lock_ticket, save
from gateway.tickets.ticket import Ticket, receive
from gateway.tickets.workflow import ALLOWED, Confirmation, Status

FEWEST_PARTS: Final = 2
MOST_PARTS: Final = 5
_messages, _people = schema.messages.c, schema.people.c
_TOLD: Final = (
    select(
        *(_messages[name] for name in ("id", "channel", "received_at", "place")),
        *(_messages[name] for name in ("sealed_reporter", "sealed_reply_to")),
    )
    .where(_messages.ticket_id == bindparam("of"))
    .order_by(_messages.number)
)
_VOUCHED: Final = select(_people.number).where(
    _people.ticket_id == bindparam("of"), _people.source == VOUCHED
)


@dataclass(frozen=True, slots=True)
class _Teller:
    """Who told of the ticket, and by which of their messages they are told of its parts."""

    last: Any
    reporter: Reporter | None
    place: Place | None
    reply_to: str | None
    vouched: bool


@dataclass(slots=True)
class SplitDesk:
    """Where one ticket becomes several."""

    database: Database
    vault: Vault
    clock: Clock
    accepted: Bell
    decided: Bell
    numbers: TicketNumbers

    async def split(
        self, ticket_id: str, agent: str, version: int, texts: Sequence[str]
    ) -> list[str]:
        """Split the ticket as it stands at that version; return the numbers of its parts.

        Two to five different texts; the first stays with the ticket. Units that have it get it
        again, and the citizen is told of the others. Raises `Refused` and `TicketNotFound`.
        """
        now = self.clock.now()
        others = [await self.numbers.next(now) for _ in texts[1:]]
        parts = dict(zip((ticket_id, *others), texts, strict=True))
        await self.database.write(lambda c: self._split(c, ticket_id, agent, version, parts))
        self.accepted.ring()
        self.decided.ring()
        return [ticket_id, *others]

    async def _split(
        self,
        connection: AsyncConnection,
        ticket_id: str,
        agent: str,
        version: int,
        parts: dict[str, str],
    ) -> None:
        now = self.clock.now()
        others = {number: text for number, text in parts.items() if number != ticket_id}
        before = await lock_ticket(connection, ticket_id)
        await check_free(connection, ticket_id, agent, now)
        check_current(before, version, "split", "拆单")
        if Status.MERGED not in ALLOWED[before.status]:
            raise Refused(
                "with-unit",
                "a unit has taken the ticket over: what it does is told by its report",
                "承办单位已签收,请由承办单位反馈",
            )
        origin = before.split_from or ticket_id
        after = replace(before, version=version + 1, split_from=origin)
        await save(connection, [Happening(after, "split", agent, now, {"parts": [*others]})])
        teller = await self._teller(connection, ticket_id)
        drafts = [self._draft(number, text, teller) for number, text in others.items()]
        tickets = [_part(before, number, origin, now) for number in others]
        await _store(connection, drafts, tickets)
        await append_history(
            connection,
            [Happening(item, "split_off", agent, now, {"from": ticket_id}) for item in tickets],
        )
        await self._note(connection, ticket_id, parts, agent, teller.reporter)
        await self._send(connection, after, now)
        if teller.last.channel not in BY_PHONE and teller.reply_to is not None:
            await put_down(
                connection,
                [
                    reply_row(Event.SPLIT, number, teller.last.id, teller.last.channel, now)
                    for number in others
                ],
            )

    async def _send(self, connection: AsyncConnection, ticket: Ticket, now: datetime) -> None:
        """Let units that have the ticket, or are about to get it, know which part is theirs."""
        is_out = await take_back_all(connection, ticket.id)
        if is_out or ticket.dispatched_at or ticket.confirmation is not Confirmation.NONE:
            await enqueue(connection, await load_drafts(connection, [ticket]), now)

    async def _teller(self, connection: AsyncConnection, ticket_id: str) -> _Teller:
        rows = (await connection.execute(_TOLD, {"of": ticket_id})).all()
        reachable = [row for row in rows if row.sealed_reply_to]
        last = (reachable or rows)[-1]
        reporter = place = reply_to = None
        for row in rows:
            if row.sealed_reporter and reporter is None:
                opened = await self.vault.open(row.sealed_reporter, reporter_context(row.id))
                reporter = Reporter(**orjson.loads(opened))
            place = place or (Place(**row.place) if row.place else None)
        if last.sealed_reply_to:
            opened = await self.vault.open(last.sealed_reply_to, reply_context(last.id))
            reply_to = opened.decode()
        vouched = (await connection.execute(_VOUCHED, {"of": ticket_id})).first() is not None
        return _Teller(last, reporter, place, reply_to, vouched)

    def _draft(self, number: str, text: str, teller: _Teller) -> Drafted:
        """Return the rows of a part, as if the citizen had told of it alone."""
        message = Message(
            teller.last.channel,
            f"split/{number}",
            text,
            raw=text.encode(),
            reporter=teller.reporter,
            place=teller.place,
            reply_to=teller.reply_to,
            phone_vouched=teller.vouched,
        )
        return draft(message, number, new_query_code(), teller.last.received_at, self.vault)

    async def _note(
        self,
        connection: AsyncConnection,
        ticket_id: str,
        parts: dict[str, str],
        agent: str,
        reporter: Reporter | None,
    ) -> None:
        name, now = reporter.name if reporter else None, self.clock.now()
        rows = [
            {
                "ticket_id": number,
                "origin": ticket_id,
                "agent": agent,
                "at": now,
                "masked_text": mask(text, name).text,
            }
            for number, text in parts.items()
        ]
        await connection.execute(insert(schema.splits), rows)


def _part(before: Ticket, number: str, origin: str, now: datetime) -> Ticket:
    """Return the ticket of a part: its clocks count from the acceptance of the whole.

    Until triage has read it, which takes a moment, it is not let out however old the whole is.
    """
    new = receive(number, before.channel, before.accepted_at, surge=before.surge)
    assert new.publish_at is not None
    return replace(
        new,
        split_from=origin,
        warn_at=None,
        publish_at=max(new.publish_at, now + (new.publish_at - new.accepted_at)),
    )


async def _store(
    connection: AsyncConnection, drafts: Sequence[Drafted], tickets: Sequence[Ticket]
) -> None:
    rows = [{**ticket.to_row(), **item.query} for ticket, item in zip(tickets, drafts, strict=True)]
    await connection.execute(insert(schema.tickets), rows)
    await connection.execute(insert(schema.messages), [item.message for item in drafts])
    if people := [row for item in drafts for row in item.people]:
        await connection.execute(insert(schema.people), people)
    await connection.execute(
        insert(schema.to_compare),
        [{"ticket_id": item.ticket_id, "senders": item.senders} for item in drafts],
    )
