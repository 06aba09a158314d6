"""Clusters: tickets of different people on one matter, each with its own number and way.

A cluster is named by the ticket that was there first when it came to be.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BindParameter, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.tickets import schema
from gateway.tickets.many import ManyRows
from gateway.tickets.store import lock_tickets

MOST_SHOWN: Final = 1_000
_ids: BindParameter[Any] = bindparam("ids", expanding=True)
_tickets = schema.tickets.c
_NEW_LINKS: Final = ManyRows(insert(schema.cluster_links))
_MOVE: Final = ManyRows(
    update(schema.tickets).where(_tickets.id == bindparam("of")).values(cluster=bindparam("to"))
)


@dataclass(frozen=True, slots=True)
class Link:
    """Two tickets of one matter, and why; a cluster that became part of theirs by that."""

    ticket_id: str
    other: str
    cluster: str
    absorbed: str | None
    score: int
    reason: dict[str, Any]


async def link(connection: AsyncConnection, links: Sequence[Link], now: datetime) -> None:
    """Put the tickets into their clusters and keep the reasons."""
    if not links:
        return
    target: dict[str, str] = {}
    for item in links:
        for number in (item.ticket_id, item.other):
            target[number] = item.cluster
    moved = {item.absorbed: item.cluster for item in links if item.absorbed}
    if moved:
        found = await connection.execute(
            select(_tickets.id, _tickets.cluster).where(_tickets.cluster.in_(_ids)),
            {"ids": sorted(moved)},
        )
        target = {row.id: row.cluster for row in found} | target
    target = {number: _last(cluster, moved) for number, cluster in target.items()}
    before = await lock_tickets(connection, sorted(target))
    changes = [
        {"of": number, "to": cluster}
        for number, cluster in sorted(target.items())
        if before[number].cluster != cluster
    ]
    await _MOVE.run(connection, changes)
    await _NEW_LINKS.run(
        connection,
        [
            {
                "ticket_id": item.ticket_id,
                "other": item.other,
                "score": item.score,
                "reason": item.reason,
                "at": now,
            }
            for item in links
        ],
    )


def _last(cluster: str, moved: dict[str, str]) -> str:
    """Return the cluster that this one has become part of in the end."""
    while cluster in moved:
        cluster = moved[cluster]
    return cluster


async def read_cluster(
    connection: AsyncConnection, cluster: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the newest members of a cluster, oldest first, and the links between them."""
    names = ("id", "status", "tier", "unit", "district", "accepted_at", "repeats")
    rows = await connection.execute(
        select(*(_tickets[name] for name in names))
        .where(_tickets.cluster == cluster)
        .order_by(_tickets.accepted_at.desc(), _tickets.id)
        .limit(MOST_SHOWN)
    )
    told_names = ("ticket_id", *names[1:])
    members = [dict(zip(told_names, row, strict=True)) for row in rows][::-1]
    table = schema.cluster_links.c
    told = ("ticket_id", "other", "score", "reason", "at")
    links = await connection.execute(
        select(*(table[name] for name in told))
        .where(table.ticket_id.in_(_ids))
        .order_by(table.number),
        {"ids": [member["ticket_id"] for member in members]},
    )
    return members, [dict(zip(told, row, strict=True)) for row in links]
