"""What changes, told to all who watch: one reader a process, whatever the number of its clients.

The reader looks at the store, not at this process's own doings: several gateways may write. What it
finds is put into words once and handed to every client as the same bytes.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.clock import Clock
from gateway.conversation.events import UnitName
from gateway.tickets import schema
from gateway.tickets.changes import FellBehind, HistoryPlace, newest_place, read_changes
from gateway.tickets.database import Database, is_away
from gateway.tickets.listing import lines_of, openings_of
from gateway.tickets.workflow import Status

log = structlog.get_logger(__name__)
LOOK_EVERY: Final = 0.25
"""Seconds between two looks: nobody is told anything more than four times a second."""
OPENING: Final = 60
"""Characters of a ticket's words that a list shows."""
BEAT: Final = b": beat\n\n"
_BEAT_EVERY: Final = 15.0
_MOST_LINES: Final = 150
"""Tickets in one event; what is more waits for the next."""
_MOST_WAITING: Final = 1_500
_MOST_FRAMES: Final = 40
"""So many events, ten seconds of them at the least, may wait for a client."""
_MARGIN: Final = 150
"""So many of the newest lines are looked at again: a smaller number may be committed later."""
_RESETS_APART: Final = 15.0
_AGAIN_AFTER: Final = 1.0
_claims = schema.claims.c


@dataclass(eq=False, slots=True)
class Listener:
    """One client: the frames that it has still to be sent, and how to be rid of it."""

    abort: Callable[[], None]
    frames: asyncio.Queue[bytes | None] = field(default_factory=lambda: asyncio.Queue(_MOST_FRAMES))

    def push(self, frame: bytes | None) -> bool:
        """Hand over a frame, None for the end; a client that is too slow is cut off.

        What it has missed is not kept: it comes back and says what it had last.
        """
        try:
            self.frames.put_nowait(frame)
        except asyncio.QueueFull:
            self.abort()
            return False
        return True


class Live:
    """Reads the changes of the store while anybody listens, and tells all who do."""

    def __init__(self, database: Database, clock: Clock, unit_name: UnitName) -> None:
        self._database = database
        self._clock = clock
        self._unit_name = unit_name
        self._listeners: set[Listener] = set()
        self._somebody = asyncio.Event()
        self._place: HistoryPlace | None = None
        self._placed = asyncio.Event()
        self._claims: dict[str, tuple[str, Any]] = {}
        self._waiting: dict[str, None] = {}
        self._reset_at = float("-inf")
        self._closed = False

    def __len__(self) -> int:
        """How many listen."""
        return len(self._listeners)

    async def join(self, abort: Callable[[], None]) -> Listener:
        """Return a new listener, which hears of everything from now on.

        `abort` cuts its connection, should it be too slow.
        """
        listener = Listener(abort)
        self._listeners.add(listener)
        self._somebody.set()
        await self._placed.wait()
        if self._closed:
            listener.push(None)
        return listener

    def leave(self, listener: Listener) -> None:
        """Tell it nothing any more."""
        self._listeners.discard(listener)

    def close(self) -> None:
        """Let all streams end, those too that are about to begin; their clients connect again."""
        self._closed = True
        self._placed.set()
        for listener in tuple(self._listeners):
            listener.push(None)

    async def run(self) -> None:
        """Look and tell until cancelled; without listeners nothing is read."""
        beat_at = self._clock.monotonic()
        while True:
            if not self._listeners:
                self._rest()
                await self._somebody.wait()
            try:
                await self._look()
            except Exception as error:
                if not is_away(error):
                    raise
                log.warning("what changes cannot be read", error=type(error).__name__)
                await self._clock.sleep(_AGAIN_AFTER)
            if self._clock.monotonic() - beat_at >= _BEAT_EVERY:
                beat_at = self._clock.monotonic()
                self._tell(BEAT)
            await self._clock.sleep(LOOK_EVERY)

    async def since(self, number: int) -> bytes:
        """Return what has changed since that line of the history, for a client that comes back."""
        async with self._database.read() as connection:
            place = HistoryPlace(number)
            newest = await newest_place(connection)
            try:
                changed = await read_changes(connection, place, self._clock.monotonic())
            except FellBehind:
                return _frame("reset", {}, newest)
            if number > newest or len(changed) > _MOST_LINES:
                return _frame("reset", {}, newest)
            claimed = list((await self._living_claims(connection)).keys())
            ids = list(dict.fromkeys((*changed, *claimed)))[: 2 * _MOST_LINES]
            lines = await self._lines(connection, ids)
        return _frame("tickets", lines, place.resumable)

    async def place(self) -> int:
        """Return the line of the history up to which a page that is read now knows everything."""
        if self._place is not None:
            return self._place.resumable
        async with self._database.read() as connection:
            newest = await newest_place(connection)
        return newest if self._database.is_embedded else max(0, newest - _MARGIN)

    def _rest(self) -> None:
        """Forget how far it was read; who listens next begins at the end."""
        self._somebody.clear()
        self._placed.clear()
        self._place = None
        self._waiting.clear()

    async def _look(self) -> None:
        async with self._database.read() as connection:
            if self._place is None:
                self._place = HistoryPlace(max(0, await newest_place(connection) - _MARGIN))
                self._claims = await self._living_claims(connection)
                await read_changes(connection, self._place, self._clock.monotonic())
                self._placed.set()
                return
            try:
                changed = await read_changes(connection, self._place, self._clock.monotonic())
            except FellBehind:
                self._reset()
                return
            self._waiting |= dict.fromkeys(changed)
            self._waiting |= dict.fromkeys(await self._changed_claims(connection))
            if len(self._waiting) > _MOST_WAITING:
                self._reset()
                return
            ids = list(self._waiting)[:_MOST_LINES]
            if not ids:
                return
            lines = await self._lines(connection, ids)
        for number in ids:
            del self._waiting[number]
        if lines["tickets"] or lines["gone"]:
            self._tell(_frame("tickets", lines, self._place.resumable))

    def _reset(self) -> None:
        """Have all pages read their lists anew, but not without a pause: it is a rush."""
        now = self._clock.monotonic()
        if now - self._reset_at < _RESETS_APART or self._place is None:
            return
        self._reset_at = now
        self._waiting.clear()
        self._tell(_frame("reset", {}, self._place.resumable))

    async def _living_claims(self, connection: AsyncConnection) -> dict[str, tuple[str, Any]]:
        living = select(_claims.ticket_id, _claims.agent, _claims.until)
        rows = await connection.execute(living.where(_claims.until > self._clock.now()))
        return {row.ticket_id: (row.agent, row.until) for row in rows}

    async def _changed_claims(self, connection: AsyncConnection) -> list[str]:
        """Return the tickets that were taken, handed over or let go; the history tells not all."""
        before, self._claims = self._claims, await self._living_claims(connection)
        both = before.keys() | self._claims.keys()
        return [number for number in both if before.get(number) != self._claims.get(number)]

    async def _lines(self, connection: AsyncConnection, ids: Sequence[str]) -> dict[str, Any]:
        """Return what lists show of these tickets, and which of them wait for nobody any more."""
        lines = await lines_of(connection, ids, self._clock.now())
        waiting = [line["ticket_id"] for line in lines if line["queue"] is not None]
        openings = await openings_of(connection, waiting, OPENING) if waiting else {}
        return {
            "tickets": [self.shown(line, openings) for line in lines if line["queue"] is not None],
            # What has only been accepted was in no queue yet.
            "gone": [
                {"ticket_id": line["ticket_id"], "version": line["version"]}
                for line in lines
                if line["queue"] is None and line["status"] != Status.RECEIVED
            ],
        }

    def shown(self, line: dict[str, Any], openings: dict[str, str]) -> dict[str, Any]:
        """Return a line as pages show it: with the unit's name and the first masked words."""
        unit = line["unit"]
        return {
            **line,
            "unit_name": self._unit_name(unit) if unit else None,
            "words": openings.get(line["ticket_id"], ""),
        }

    def _tell(self, frame: bytes) -> None:
        for listener in tuple(self._listeners):
            if not listener.push(frame):
                self._listeners.discard(listener)


def _frame(event: str, data: dict[str, Any], place: int) -> bytes:
    """Return an event of the stream; JSON holds no line break."""
    head = f"id: {place}\nevent: {event}\ndata: ".encode()
    return head + orjson.dumps(data, option=orjson.OPT_UTC_Z) + b"\n\n"
