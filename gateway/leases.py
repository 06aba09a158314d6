"""Leases: one process at a time does a job, and another takes over when it is gone."""

import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import insert, or_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.clock import Clock
from gateway.tickets.database import Database
from gateway.tickets.schema import leases

log = structlog.get_logger(__name__)
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

    async def work(
        self, step: Callable[[], Awaitable[object]], pause: float, complaint: str
    ) -> None:
        """Do the job step by step, whenever it is held, until cancelled; then release it.

        Waits `pause` seconds after a step that returns nothing true. One that fails is logged as
        `complaint`, and tried again after the pause.
        """
        try:
            while True:
                try:
                    busy = await self.hold() and await step()
                except Exception as error:
                    log.error(complaint, error=type(error).__name__)
                    busy = False
                if not busy:
                    await self._clock.sleep(pause)
        finally:
            await self.release()

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
