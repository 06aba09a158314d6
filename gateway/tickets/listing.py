"""Lists of tickets for agents: what runs out first on top, narrowed as asked, and whose each is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.tickets import schema
from gateway.tickets.claims import with_claims
from gateway.tickets.reading import TICKET_QUEUES

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

    `claimed_by` and `claimed_until` (UTC) are None where the ticket is nobody's at `now`; `visible`
    is the condition of the tickets that whoever asks may see.
    """
    joined, claimed = with_claims(now)
    statement = (
        select(_columns.id, *(_columns[name] for name in _SHOWN), *claimed)
        .select_from(joined)
        .where(TICKET_QUEUES[chosen.queue], true() if visible is None else visible)
        .order_by(_columns.dispatch_due_at, _columns.id)
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
