"""Which open tickets are like one, for an agent who may merge them, and whose words both share."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.repeats.index import BY_NUMBER, BY_TICKET, LISTS, texts_of
from gateway.repeats.merging import repeats_among
from gateway.tickets import schema
from gateway.tickets.store import find_tickets
from gateway.tickets.ticket import Ticket
from gateway.tickets.workflow import CLOSED
from triage.alike.gather import candidates
from triage.alike.sketch import Likeness, Sketch, likeness, reason

RECENT: Final = timedelta(days=30)
MOST_SIMILAR: Final = 10
_LEAST: Final = 0.25
"""Well below what links tickets by itself: a person looks at these."""
_MOST_OF_CLUSTER: Final = 20
_EXCERPT: Final = 80
_tickets = schema.tickets.c
_OF_CLUSTER: Final = (
    select(_tickets.id)
    .where(_tickets.cluster == bindparam("cluster"), _tickets.status.not_in(CLOSED))
    .order_by(_tickets.accepted_at.desc(), _tickets.id)
    .limit(_MOST_OF_CLUSTER)
)


@dataclass(frozen=True, slots=True)
class Similar:
    """A ticket that is like another: how much in thousandths, and the masked words of both."""

    ticket: Ticket
    score: int
    same_matter: bool
    same_cluster: bool
    same_words: bool
    """Whether it is a repeat of the other, or the other of it: the same sender, the same words."""
    places: tuple[str, ...]
    words: tuple[str, ...]
    excerpt: str
    """How it begins, masked, 80 characters at most."""


async def similar_to(connection: AsyncConnection, ticket: Ticket, now: datetime) -> list[Similar]:
    """Return the open tickets of the last 30 days that are like this one, the likest first.

    Ten at most, with those of its cluster. One that was never compared is like none but these.
    """
    row = (await connection.execute(BY_TICKET, {"ids": [ticket.id]})).first()
    mine = Sketch.from_bytes(row.sketch) if row else None
    near = await _near(connection, mine) if mine else {}
    kin = await _of_cluster(connection, ticket)
    repeats = await _repeats(connection, ticket.id)
    sketches = near | await _sketches(connection, {*kin, *repeats} - near.keys())
    likenesses = (
        {number: likeness(mine, other) for number, other in sketches.items()} if mine else {}
    )
    tickets = await find_tickets(connection, ({*sketches, *kin, *repeats}) - {ticket.id})
    wanted = [
        item
        for item in tickets.values()
        if item.status not in CLOSED
        and item.accepted_at >= now - RECENT
        and (item.id in {*kin, *repeats} or _is_alike(likenesses.get(item.id)))
    ]
    wanted.sort(key=lambda item: (-_score(likenesses.get(item.id)), item.id))
    wanted = wanted[:MOST_SIMILAR]
    texts = await texts_of(connection, [ticket.id, *(item.id for item in wanted)])
    return [
        _similar(item, likenesses.get(item.id), ticket, texts, same_words=item.id in repeats)
        for item in wanted
    ]


async def _near(connection: AsyncConnection, mine: Sketch) -> dict[str, Sketch]:
    """Return the sketches that share rare pairs with this one, by their tickets' numbers."""
    rows = (await connection.execute(LISTS, {"ids": sorted(mine.keys)})).all()
    numbers = candidates(memoryview(row.newest).cast("q").tolist() for row in rows)
    found = await connection.execute(BY_NUMBER, {"ids": numbers})
    return {row.ticket_id: Sketch.from_bytes(row.sketch) for row in found}


async def _sketches(connection: AsyncConnection, ids: Iterable[str]) -> dict[str, Sketch]:
    found = await connection.execute(BY_TICKET, {"ids": sorted(ids)})
    return {row.ticket_id: Sketch.from_bytes(row.sketch) for row in found}


async def _of_cluster(connection: AsyncConnection, ticket: Ticket) -> Sequence[str]:
    if ticket.cluster is None:
        return ()
    return (await connection.execute(_OF_CLUSTER, {"cluster": ticket.cluster})).scalars().all()


async def _repeats(connection: AsyncConnection, ticket_id: str) -> set[str]:
    """Return the tickets that this one repeats, or that repeat it."""
    table = schema.repeats.c
    found = await connection.execute(select(table.ticket_id).where(table.first == ticket_id))
    mine = await repeats_among(connection, [ticket_id])
    return {*found.scalars(), *(item.first for item in mine.values())}


def _is_alike(found: Likeness | None) -> bool:
    return found is not None and found.same_place and found.score >= _LEAST


def _score(found: Likeness | None) -> float:
    return found.score if found else 0.0


def _similar(
    item: Ticket,
    found: Likeness | None,
    ticket: Ticket,
    texts: dict[str, str],
    *,
    same_words: bool,
) -> Similar:
    why: dict[str, Any] = reason(found, texts[ticket.id]) if found else {"places": [], "words": []}
    return Similar(
        item,
        round(_score(found) * 1000),
        bool(found and found.is_same_matter),
        ticket.cluster is not None and item.cluster == ticket.cluster,
        same_words,
        tuple(why["places"]),
        tuple(why["words"]),
        excerpt_of(texts[item.id]),
    )


def excerpt_of(text: str) -> str:
    """Return how a masked text begins, on one line."""
    line = " ".join(text[: 4 * _EXCERPT].split())
    return line if len(line) <= _EXCERPT else f"{line[: _EXCERPT - 1]}…"
