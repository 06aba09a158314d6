"""SQLite's one writer: what waits while a commit runs goes into the next one together.

Two lines wait before it. In the one stand works for which somebody waits, a citizen for a receipt
or an agent for an answer; in the other patient ones, of triage, relay and clock, which have
minutes. Whenever the first line has stood empty for a moment, the second one has the writer. In a
rush that leaves no such moments it gets a fixed part of the writer's time: a little for the first
half minute, so that a burst is taken in at full speed, then half, so that what was taken in is
also decided and published however long the rush goes on.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.tickets.sqlite import BEGIN

Work = Callable[[AsyncConnection], Awaitable[Any]]
_Line = deque[tuple[Work, asyncio.Future[Any]]]
_GROUP: Final = 64
_BURST_SECONDS: Final = 30.0
_BURST_PAUSE: Final = 9.0
_RUSH_PAUSE: Final = 1.0
"""In a rush patient works pause for so many times as long as the last of them took."""
_QUIET: Final = 0.003
"""Nobody came for so many seconds: the pause is over. Clients that send one appeal after the other
leave shorter moments between a commit and the next."""


@dataclass(slots=True)
class Precedence:
    """When the patient line has its turn; all times in seconds of one clock."""

    _due: float = 0.0
    _rush_since: float | None = None
    _quiet_at: float = 0.0
    _somebody_came: bool = False

    def somebody_waits(self, now: float) -> None:
        """Note that somebody waits for an answer, or did until now."""
        self._somebody_came = True
        self._quiet_at = now + _QUIET

    def is_due(self, now: float) -> bool:
        """Return whether a patient work may go before one for which somebody waits."""
        return now >= self._due

    @property
    def turn(self) -> float:
        """When the next patient work has its turn if nobody comes until then."""
        return min(self._due, self._quiet_at)

    @property
    def is_rush(self) -> bool:
        """Whether somebody came between the last two patient works."""
        return self._rush_since is not None

    def patient_done(self, started: float, ended: float) -> None:
        """Note that patient works have run; without anybody meanwhile the rush is over."""
        if not self._somebody_came:
            self._rush_since, self._due = None, ended
            return
        self._somebody_came = False
        if self._rush_since is None:
            self._rush_since = started
        burst = ended - self._rush_since < _BURST_SECONDS
        self._due = ended + (_BURST_PAUSE if burst else _RUSH_PAUSE) * (ended - started)


class GroupCommit:
    """The writer and its two lines."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._waiting: _Line = deque()
        self._patient: _Line = deque()
        self._precedence = Precedence()
        self._came = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None

    @property
    def is_rush(self) -> bool:
        """Whether somebody came between the last two patient works."""
        return self._precedence.is_rush

    async def write(self, work: Work, *, patient: bool) -> Any:
        """Return what the work returned, once it is committed; raise what it raised."""
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._run(), name="group commit")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        (self._patient if patient else self._waiting).append((work, future))
        if not patient:
            self._precedence.somebody_waits(loop.time())
        self._came.set()
        return await future

    async def close(self) -> None:
        """End the writer and its connection."""
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
        await self._engine.dispose()

    async def _run(self) -> None:
        """Commit until cancelled; where the file cannot be opened, whoever waits is told so."""
        loop = asyncio.get_running_loop()
        try:
            async with self._engine.connect() as connection:
                while True:
                    if line := self._next(loop.time()):
                        await self._take(connection, line)
                    else:
                        await self._wait(loop)
        except Exception as error:
            for line in (self._waiting, self._patient):
                while line:
                    _, future = line.popleft()
                    if not future.done():
                        future.set_exception(error)

    def _next(self, now: float) -> _Line | None:
        """Return the line whose turn it is, None where nobody may write yet."""
        if self._patient and self._precedence.is_due(now):
            return self._patient
        if self._waiting:
            return self._waiting
        return self._patient if self._patient and now >= self._precedence.turn else None

    async def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        self._came.clear()
        timer = loop.call_at(self._precedence.turn, self._came.set) if self._patient else None
        await self._came.wait()
        if timer is not None:
            timer.cancel()

    async def _take(self, connection: AsyncConnection, line: _Line) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        most = 1 if line is self._patient and self._precedence.is_rush else _GROUP
        await _commit(connection, [line.popleft() for _ in range(min(most, len(line)))])
        if line is self._patient:
            self._precedence.patient_done(started, loop.time())
        else:
            self._precedence.somebody_waits(loop.time())


async def _commit(
    connection: AsyncConnection, group: list[tuple[Work, asyncio.Future[Any]]]
) -> None:
    outcomes: list[tuple[asyncio.Future[Any], Any, BaseException | None]] = []
    try:
        async with connection.begin():
            await connection.execute(text(BEGIN))
            for work, future in group:
                outcomes.append(await _attempt(connection, work, future, len(group) == 1))
    except BaseException as error:
        for _, future in group:
            if not future.done():
                future.set_exception(error)
        if isinstance(error, asyncio.CancelledError):
            raise
        return
    for future, result, failure in outcomes:
        if future.done():
            continue
        if failure is None:
            future.set_result(result)
        else:
            future.set_exception(failure)


async def _attempt(
    connection: AsyncConnection, work: Work, future: asyncio.Future[Any], alone: bool
) -> tuple[asyncio.Future[Any], Any, BaseException | None]:
    """Run one work of a group; a failure undoes this one and leaves its neighbours."""
    if alone:
        return future, await work(connection), None
    try:
        async with connection.begin_nested():
            return future, await work(connection), None
    except Exception as error:
        return future, None, error
