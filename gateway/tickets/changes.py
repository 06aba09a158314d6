"""Following what changes: the tickets of new lines of the history, in whichever process written."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Select, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.tickets import schema

MOST: Final = 2_000
"""So many new lines are read at once; who is behind by more must begin anew."""
_LATEST_COMMIT: Final = 10.0
"""Seconds for which a number that is missing may still be committed, by another process."""
_table = schema.history.c
_AFTER: Final[Select[Any]] = (
    select(_table.number, _table.ticket_id)
    .where(
        or_(
            _table.number > bindparam("newest"),
            _table.number.in_(bindparam("missing", expanding=True)),
        )
    )
    .order_by(_table.number)
    .limit(MOST + 1)
)
_NEWEST: Final = select(func.coalesce(func.max(_table.number), 0))


class FellBehind(Exception):
    """More has changed than is worth telling one by one."""


@dataclass(slots=True)
class HistoryPlace:
    """How far the history has been read.

    Numbers are given when a line is written and seen when it is committed: on PostgreSQL a smaller
    one may come after a larger one. Those in between are asked for until it is too late for them.
    """

    newest: int
    _missing: dict[int, float] = field(default_factory=dict)

    @property
    def resumable(self) -> int:
        """The number after which nothing has been missed; to go on from later."""
        return min(self._missing, default=self.newest + 1) - 1

    @property
    def missing(self) -> tuple[int, ...]:
        """The numbers that may still come."""
        return tuple(self._missing)

    def jump(self, newest: int) -> None:
        """Go on from there, whatever was in between."""
        self.newest = newest
        self._missing.clear()

    def take(self, numbers: Iterable[int], now: float) -> None:
        """Note the numbers that were read, in rising order, at that second of the clock."""
        for number in numbers:
            if number > self.newest:
                for gap in range(max(self.newest + 1, number - MOST), number):
                    self._missing[gap] = now
                self.newest = number
            else:
                self._missing.pop(number, None)
        for number, since in tuple(self._missing.items()):
            if now - since > _LATEST_COMMIT:
                del self._missing[number]


async def newest_place(connection: AsyncConnection) -> int:
    """Return the number of the newest line of the history, 0 where there is none."""
    found: int = await connection.scalar(_NEWEST) or 0
    return found


async def read_changes(connection: AsyncConnection, place: HistoryPlace, now: float) -> list[str]:
    """Return the tickets that have changed since, each once, and move the place on.

    Raises `FellBehind`, having moved to the newest line, where there are more than `MOST`.
    """
    given = {"newest": place.newest, "missing": place.missing}
    rows = (await connection.execute(_AFTER, given)).all()
    if len(rows) > MOST:
        place.jump(await newest_place(connection))
        raise FellBehind
    place.take((row.number for row in rows), now)
    return list(dict.fromkeys(row.ticket_id for row in rows))
