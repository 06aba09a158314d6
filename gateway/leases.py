"""Leases: one process at a time does a job, and another takes over when it is gone."""

import uuid
from datetime import timedelta
from typing import Final

from sqlalchemy import insert, or_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.clock import Clock
from gateway.tickets.database import Database
from gateway.tickets.schema import leases

SPAN: Final = timedelta(seconds=6)


class LeaseLost(Exception):
    """Another process has taken over what this one was still at."""


class Lease:
    """The right to do one job; a lost lease costs doubled work, never lost work.

    Whoever loses it may still be at work, and learns of it only by `keep`.
    """

    def __init__(self, database: Database, clock: Clock, job: str) -> None:
        self._database = database
        self._clock = clock
        self._job = job
        self._holder = uuid.uuid4().hex
        self._renew_at = 0.0

    async def hold(self) -> bool:
        """Return whether this process may do the job now; asks the database only now and then."""
        if self._database.is_embedded:
            return True
        if self._clock.monotonic() < self._renew_at:
            return True
        held = await self._database.write(self._take)
        renewed_for = SPAN.total_seconds() / 3 if held else 0
        self._renew_at = self._clock.monotonic() + renewed_for
        return held

    async def keep(self, connection: AsyncConnection) -> bool:
        """Renew it in the transaction of the work itself; return whether it was still held.

        Until that transaction ends, nobody else can take the lease over. False says that somebody
        has, while this process was held up: what it is about to note may be older than what the
        other one has noted since.
        """
        if self._database.is_embedded:
            return True
        kept = await connection.execute(
            update(leases)
            .where(leases.c.name == self._job, leases.c.holder == self._holder)
            .values(until=self._clock.now() + SPAN)
        )
        return kept.rowcount > 0

    async def release(self) -> None:
        """Let another process take over at once."""
        if self._database.is_embedded:
            return
        self._renew_at = 0.0
        mine = leases.c.name == self._job, leases.c.holder == self._holder
        now = self._clock.now()
        await self._database.write(
            lambda c: c.execute(update(leases).where(*mine).values(until=now))
        )

    async def _take(self, connection: AsyncConnection) -> bool:
        now = self._clock.now()
        values = {"holder": self._holder, "until": now + SPAN}
        taken = await connection.execute(
            update(leases)
            .where(
                leases.c.name == self._job,
                or_(leases.c.holder == self._holder, leases.c.until <= now),
            )
            .values(values)
        )
        if taken.rowcount:
            return True
        try:
            async with connection.begin_nested():
                await connection.execute(insert(leases).values(name=self._job, **values))
        except IntegrityError:
            return False
        return True
