"""A day at a glance: inflow, tiers, channels, units, agents, what is about to breach, clusters.

A day is one of Beijing. Hours that are over come from `hourly_figures`, the others are counted now;
tickets of the day are read by the index on their acceptance, and those that wait by status.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import BindParameter, bindparam, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.oversight.hours import (
    COMPARED,
    HOUR,
    Confirmed,
    Hour,
    count_accepted,
    count_confirmed,
    kept_hours,
)
from gateway.oversight.inflow import normal_hours
from gateway.tickets.numbers import BEIJING
from gateway.tickets.schema import cluster_links, tickets
from gateway.tickets.workflow import Status

_table = tickets.c
_MOST_UNITS: Final = 20
_MOST_CLUSTERS: Final = 12
_MOST_DUE: Final = 20
_WORDS: Final = 6
DUE_WITHIN: Final = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4))
"""What is about to breach its dispatch clock is told by these spans."""
_start: BindParameter[Any] = bindparam("start")
_end: BindParameter[Any] = bindparam("end")
_of_the_day: Final = _table.accepted_at >= _start, _table.accepted_at < _end
ACCEPTED_BY: Final = (
    select(_table.tier, _table.channel, _table.dispatched_unit, func.count().label("count"))
    .where(*_of_the_day)
    .group_by(_table.tier, _table.channel, _table.dispatched_unit)
)
CLUSTERS_OF: Final = (
    select(
        _table.cluster,
        func.count().label("today"),
        func.min(_table.accepted_at).label("first"),
        func.max(_table.accepted_at).label("last"),
    )
    .where(*_of_the_day, _table.cluster.is_not(None))
    .group_by(_table.cluster)
    .order_by(func.count().desc(), _table.cluster)
    .limit(_MOST_CLUSTERS)
)
_NOT_DISPATCHED: Final = _table.status.in_((Status.RECEIVED, Status.AWAITING_CONFIRMATION))
_LINKS: Final = select(cluster_links.c.ticket_id, cluster_links.c.reason).where(
    cluster_links.c.ticket_id.in_(bindparam("ids", expanding=True))
)


@dataclass(frozen=True, slots=True)
class Day:
    """One day of Beijing, from `start` until before `end`, both in UTC."""

    day: date
    start: datetime
    end: datetime

    @classmethod
    def of(cls, day: date) -> "Day":
        """Return the day."""
        start = datetime.combine(day, time(), BEIJING).astimezone(UTC)
        return cls(day, start, start + timedelta(days=1))

    @property
    def hours(self) -> list[datetime]:
        """The beginnings of its hours, in UTC."""
        return [self.start + HOUR * number for number in range(24)]


def today(now: datetime) -> date:
    """Return the day in Beijing."""
    return now.astimezone(BEIJING).date()


async def overview(connection: AsyncConnection, day: date, now: datetime) -> dict[str, Any]:
    """Return the figures of a day as they are now; what waits is told of now, not of the day."""
    span = Day.of(day)
    window = {"start": span.start, "end": span.end}
    hours = await _hours(connection, span, now)
    normal = await normal_hours(connection, span.hours)
    confirmed = Confirmed()
    for hour in hours.values():
        confirmed.merge(hour.confirmed)
    rows = (await connection.execute(ACCEPTED_BY, window)).all()
    return {
        "day": day,
        "at": now,
        "accepted": sum(row.count for row in rows),
        "hours": [
            {
                "hour": hour,
                "accepted": hours[hour].accepted if hour in hours else None,
                "normal": normal[hour],
            }
            for hour in span.hours
        ],
        "tiers": _counted(rows, "tier"),
        "channels": _counted(rows, "channel"),
        "units": _counted([row for row in rows if row.dispatched_unit], "dispatched_unit")[
            :_MOST_UNITS
        ],
        "waiting": await _waiting(connection, now),
        "due_next": await _due_next(connection),
        "agents": _agents(confirmed),
        "agreement": _agreement(confirmed),
        "clusters": await _clusters(connection, window),
    }


async def _hours(connection: AsyncConnection, span: Day, now: datetime) -> dict[datetime, Hour]:
    """Return the hours that have begun; those that have not been counted yet are counted now."""
    found = {hour.hour: hour for hour in await kept_hours(connection, span.start, span.end)}
    last = max(found, default=None)
    missing = [hour for hour in span.hours if hour <= now and (last is None or hour > last)]
    for hour in missing:
        end = hour + HOUR
        confirmed = await count_confirmed(connection, hour, end)
        accepted = await count_accepted(connection, hour, end)
        found[hour] = Hour(hour, accepted, confirmed.to_document())
    return found


def _counted(rows: Sequence[Any], name: str) -> list[dict[str, Any]]:
    """Return how many tickets have each value, the most frequent first; None is not known yet."""
    counts: Counter[str | None] = Counter()
    for row in rows:
        counts[getattr(row, name)] += row.count
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0] or ""))
    return [{"name": key, "count": count} for key, count in ordered]


async def _waiting(connection: AsyncConnection, now: datetime) -> list[dict[str, Any]]:
    """Return for each tier how many wait to be dispatched: overdue, nearly, and at all."""
    due = _table.dispatch_due_at
    late = func.sum(case((due <= now, 1), else_=0)).label("overdue")
    soon = [
        func.sum(case((due.between(now, now + within), 1), else_=0)).label(f"within_{number}")
        for number, within in enumerate(DUE_WITHIN)
    ]
    statement = (
        select(_table.tier, late, *soon, func.count().label("all"))
        .where(_NOT_DISPATCHED)
        .group_by(_table.tier)
    )
    rows = await connection.execute(statement)
    return [
        {
            "tier": row.tier,
            "overdue": row.overdue,
            "within_15_minutes": row.within_0,
            "within_1_hour": row.within_1,
            "within_4_hours": row.within_2,
            "all": row.all,
        }
        for row in sorted(rows, key=lambda row: row.tier or "")
    ]


async def _due_next(connection: AsyncConnection) -> list[dict[str, Any]]:
    names = ("id", "tier", "status", "unit", "district", "dispatch_due_at")
    found: list[dict[str, Any]] = []
    # Status by status: each is an index in the order of the due times.
    for status in (Status.RECEIVED, Status.AWAITING_CONFIRMATION):
        rows = await connection.execute(
            select(*(_table[name] for name in names))
            .where(_table.status == status)
            .order_by(_table.dispatch_due_at)
            .limit(_MOST_DUE)
        )
        found += [dict(zip(("ticket_id", *names[1:]), row, strict=True)) for row in rows]
    return sorted(found, key=lambda line: line["dispatch_due_at"])[:_MOST_DUE]


def _agents(confirmed: Confirmed) -> list[dict[str, Any]]:
    ordered = sorted(confirmed.agents.items(), key=lambda item: (-item[1]["confirmed"], item[0]))
    return [
        {
            "agent": agent,
            "confirmed": figures["confirmed"],
            "corrected": figures["corrected"],
            "per_hour": round(figures["confirmed"] / max(1, figures["hours"]), 1),
        }
        for agent, figures in ordered
    ]


def _agreement(confirmed: Confirmed) -> dict[str, Any]:
    """Return how often agents left what triage had decided; None where they decided nothing."""
    total = confirmed.of_triage
    fields = {name: confirmed.changed.get(name, 0) for name in COMPARED}
    return {
        "confirmed": total,
        "unchanged": confirmed.unchanged,
        "share": round(confirmed.unchanged / total, 4) if total else None,
        "fields": [
            {"field": name, "share": round(1 - changed / total, 4) if total else None}
            for name, changed in fields.items()
        ],
    }


async def _clusters(
    connection: AsyncConnection, window: dict[str, datetime]
) -> list[dict[str, Any]]:
    """Return the clusters with most tickets of the day, and what their tickets have in common."""
    rows = (await connection.execute(CLUSTERS_OF, window)).all()
    if not rows:
        return []
    ids = [row.cluster for row in rows]
    sizes = select(_table.cluster, func.count()).where(_table.cluster.in_(ids))
    all_of = {row[0]: row[1] for row in await connection.execute(sizes.group_by(_table.cluster))}
    members = select(_table.id, _table.cluster, _table.tier, _table.district).where(
        _table.cluster.in_(ids), *_of_the_day
    )
    of = {row.id: row for row in await connection.execute(members, window)}
    words: dict[str, Counter[str]] = {name: Counter() for name in ids}
    newest = list(of)[-1000:]
    for row in await connection.execute(_LINKS, {"ids": newest}):
        counts = words[of[row.ticket_id].cluster]
        counts.update(row.reason.get("places", []))
        counts.update(row.reason.get("words", []))
    return [
        {
            "cluster": row.cluster,
            "today": row.today,
            "tickets": all_of.get(row.cluster, row.today),
            "first": row.first,
            "last": row.last,
            "words": [word for word, _ in words[row.cluster].most_common(_WORDS)],
            # What has not been read yet has no tier, and JSON no name for that.
            "tiers": dict(
                Counter(
                    member.tier
                    for member in of.values()
                    if member.cluster == row.cluster and member.tier is not None
                )
            ),
        }
        for row in rows
    ]
