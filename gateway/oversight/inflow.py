"""Inflow against a normal week, and the surge that follows from it.

Normal is the median of the same hour of the same weekday in the eight weeks before, of those that
have been counted; fewer than two tell nothing. A surge is proposed when the last 60 minutes brought
`factor` times what is normal, and `least` tickets at all; its end, when they brought less than
three quarters of that. A person decides: docs/adr/0023-a-surge-is-proposed-a-person-decides.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Final, Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.oversight.hours import HOUR, WEEKS, accepted_in, count_accepted, floor

_WEEK: Final = timedelta(weeks=1)
_FEWEST_WEEKS: Final = 2
_ENDS_BELOW: Final = 0.75


@dataclass(frozen=True, slots=True)
class SurgeRule:
    """What the settings say of when calls surge."""

    factor: float
    least: int

    def bar(self, normal: float | None) -> float | None:
        """Return how many tickets in an hour are a surge; None where nothing tells."""
        return None if normal is None else max(float(self.least), self.factor * normal)


@dataclass(frozen=True, slots=True)
class Inflow:
    """Tickets of the last 60 minutes, and what they are held against."""

    accepted: int
    normal: float | None
    weeks: int
    """How many past weeks the normal is taken from."""
    bar: float | None
    """From so many on it is a surge."""

    def proposal(self, *, running: bool) -> Literal["open", "close"] | None:
        """Return what is proposed, if anything."""
        if self.bar is None:
            return None
        if not running:
            return "open" if self.accepted >= self.bar else None
        return "close" if self.accepted < self.bar * _ENDS_BELOW else None


async def measure_inflow(connection: AsyncConnection, now: datetime, rule: SurgeRule) -> Inflow:
    """Count the last 60 minutes, and the same 60 minutes of past weeks by their hours' shares."""
    accepted = await count_accepted(connection, now - HOUR, now)
    this = floor(now)
    share = (now - this) / HOUR
    past = [this - _WEEK * week for week in range(1, WEEKS + 1)]
    counts = await accepted_in(connection, [*past, *(hour - HOUR for hour in past)])
    found = [
        counts[hour] * share + counts[hour - HOUR] * (1 - share)
        for hour in past
        if hour in counts and hour - HOUR in counts
    ]
    normal = median(found) if len(found) >= _FEWEST_WEEKS else None
    return Inflow(accepted, normal, len(found), rule.bar(normal))


async def normal_hours(
    connection: AsyncConnection, hours: list[datetime]
) -> dict[datetime, float | None]:
    """Return what each of these hours normally brings; None where fewer than two weeks tell."""
    past = [hour - _WEEK * week for hour in hours for week in range(1, WEEKS + 1)]
    counts = await accepted_in(connection, past)
    return {hour: _normal(hour, counts) for hour in hours}


def _normal(hour: datetime, counts: Mapping[datetime, int]) -> float | None:
    weeks = [hour - _WEEK * week for week in range(1, WEEKS + 1)]
    found = [counts[week] for week in weeks if week in counts]
    return median(found) if len(found) >= _FEWEST_WEEKS else None
