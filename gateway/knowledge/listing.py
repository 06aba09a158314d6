"""The entries as their editors look through them: by words, and by where they stand today."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.knowledge.entries import Entry
from gateway.knowledge.store import NEWEST, Edit, read_edit
from gateway.tickets import schema

ENDS_SOON: Final = timedelta(days=30)
"""So long before an entry's last day its editors are told."""
_table = schema.knowledge_edits.c


class Standing(StrEnum):
    """Where an entry stands on a day; one that ends soon holds, too."""

    HOLDS = "holds"
    ENDING = "ending"
    OVER = "over"
    LATER = "later"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries: all that are not retired, unless a standing is named."""

    words: str = ""
    standing: Standing | None = None
    before: int | None = None
    """The number of an edit: only entries that were last edited before it."""
    most: int = 50


def standing_of(entry: Entry, day: date) -> Standing:
    """Return where an entry stands on a day in Beijing."""
    first, last = entry.content.valid_from, entry.content.valid_to
    if entry.retired:
        return Standing.RETIRED
    if last is not None and last < day:
        return Standing.OVER
    if first is not None and first > day:
        return Standing.LATER
    return Standing.ENDING if last is not None and last <= day + ENDS_SOON else Standing.HOLDS


async def list_edits(connection: AsyncConnection, wanted: Wanted, day: date) -> list[Edit]:
    """Return the newest version of each entry that is wanted, what was edited last on top.

    Each word, divided by spaces, must stand in the question, the answer, the owner or the id.
    """
    condition = _conditions(day)[wanted.standing] if wanted.standing else _table.retired.is_(False)
    statement = select(schema.knowledge_edits).where(NEWEST, condition)
    for word in "".join(char for char in wanted.words if char.isprintable()).split():
        columns = (_table.question, _table.answer, _table.owner, _table.entry)
        statement = statement.where(
            or_(*(item.icontains(word, autoescape=True) for item in columns))
        )
    if wanted.before is not None:
        statement = statement.where(_table.number < wanted.before)
    rows = await connection.execute(statement.order_by(_table.number.desc()).limit(wanted.most))
    return [read_edit(row) for row in rows]


async def count_by_standing(connection: AsyncConnection, day: date) -> dict[Standing, int]:
    """Return how many entries stand where; those that end soon are counted as holding, too."""
    counted = [
        func.coalesce(func.sum(case((condition, 1), else_=0)), 0)
        for condition in _conditions(day).values()
    ]
    row = (await connection.execute(select(*counted).where(NEWEST))).one()
    return {standing: int(count) for standing, count in zip(_conditions(day), row, strict=True)}


def _conditions(day: date) -> dict[Standing, ColumnElement[bool]]:
    today, soon = day.isoformat(), (day + ENDS_SOON).isoformat()
    used = _table.retired.is_(False)
    over = and_(used, _table.valid_to < today)
    later = and_(
        used, _table.valid_from > today, or_(_table.valid_to.is_(None), _table.valid_to >= today)
    )
    holds = and_(
        used,
        or_(_table.valid_from.is_(None), _table.valid_from <= today),
        or_(_table.valid_to.is_(None), _table.valid_to >= today),
    )
    return {
        Standing.HOLDS: holds,
        Standing.ENDING: and_(holds, _table.valid_to <= soon),
        Standing.OVER: over,
        Standing.LATER: later,
        Standing.RETIRED: _table.retired.is_(True),
    }
