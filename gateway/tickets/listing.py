"""Lists of tickets for agents: what runs out first on top, narrowed as asked, and whose each is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Select, case, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.tickets import schema
from gateway.tickets.claims import with_claims
from gateway.tickets.reading import TICKET_QUEUES
from gateway.tickets.workflow import Confirmation

Queue = Literal["unconfirmed", "aside", "all"]
Confidence = Literal["low", "middle", "high"]
BANDS: Final[Mapping[Confidence, tuple[float, float]]] = {
    "low": (0.0, 0.5),
    "middle": (0.5, 0.9),
    "high": (0.9, 1.1),
}
"""Of the first candidate's probability: from the first number on, below the second."""
_columns = schema.tickets.c
_SHOWN: Final = (
    "version", "channel", "status", "confirmation", "kind", "topic", "tier", "unit", "district",
    "confidence", "untriaged", "repeats", "cluster", "accepted_at", "dispatch_due_at",
)  # fmt: skip
_PUBLISHED: Final = case((_columns.confirmation == Confirmation.CLOCK, 1), else_=0)
_NAMES: Final = ("ticket_id", *_SHOWN, "claimed_by", "claimed_until")


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which tickets a list has; what is None narrows nothing."""

    queue: Queue = "unconfirmed"
    tier: str | None = None
    channel: str | None = None
    unit: str | None = None
    district: str | None = None
    confidence: Confidence | None = None
    limit: int = 100


async def list_lines(
    connection: AsyncConnection,
    chosen: Chosen,
    now: datetime,
    visible: ColumnElement[bool] | None = None,
) -> list[dict[str, Any]]:
    """Return one line a ticket, the one whose dispatch is due first on top.

    What the clock has published without an agent comes after what is still to be published.
    `claimed_by` and `claimed_until` (UTC) are None where the ticket is nobody's at `now`; `visible`
    is the condition of the tickets that whoever asks may see.
    """
    statement = (
        _select(now)
        .where(TICKET_QUEUES[chosen.queue], true() if visible is None else visible)
        .order_by(_PUBLISHED, _columns.dispatch_due_at, _columns.id)
        .limit(chosen.limit)
    )
    for name in ("tier", "channel", "unit", "district"):
        if (value := getattr(chosen, name)) is not None:
            statement = statement.where(_columns[name] == value)
    if chosen.confidence is not None:
        least, below = BANDS[chosen.confidence]
        statement = statement.where(_columns.confidence >= least, _columns.confidence < below)
    # Not the rows' own names: they are no plain `str`, and the JSON writer refuses them.
    return [dict(zip(_NAMES, row, strict=True)) for row in await connection.execute(statement)]


async def lines_of(
    connection: AsyncConnection, ids: Sequence[str], now: datetime
) -> list[dict[str, Any]]:
    """Return the lines of these tickets, each with its `queue`, None where it waits for nobody."""
    queue = case(
        *((TICKET_QUEUES[name], name) for name in ("unconfirmed", "aside")), else_=None
    ).label("queue")
    statement = _select(now).add_columns(queue).where(_columns.id.in_(ids))
    rows = await connection.execute(statement)
    return [dict(zip((*_NAMES, "queue"), row, strict=True)) for row in rows]


async def openings_of(
    connection: AsyncConnection, ids: Sequence[str], length: int
) -> dict[str, str]:
    """Return the first masked words of each ticket, at most so many characters of them."""
    table = schema.messages.c
    # One more, so that it is seen whether there are more.
    words = func.substr(table.masked_text, 1, length + 1)
    statement = select(table.ticket_id, words).where(table.ticket_id.in_(ids))
    rows = (await connection.execute(statement.order_by(table.number.desc()))).all()
    return {number: _short(text, length) for number, text in rows if text.strip()}


def _short(text: str, length: int) -> str:
    line = " ".join(text.split())
    return line if len(text) <= length else f"{line[:length].rstrip()}…"


def _select(now: datetime) -> Select[Any]:
    joined, claimed = with_claims(now)
    shown = (_columns[name] for name in _SHOWN)
    return select(_columns.id, *shown, *claimed).select_from(joined)
