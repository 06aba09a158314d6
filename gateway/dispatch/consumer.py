"""Reads tickets off the dispatch streams: one file to copy, which needs only redis-py.

Delivery is at least once. The ledger, the consumer's own store, keeps the highest version handled
of each ticket in the transaction of its effect, so that nothing takes effect twice and no older
version undoes a newer one. The contract is in `docs/queue.md`.
"""

import json
import logging
import re
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Generic, Literal, Protocol, TypeVar, get_args

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import ResponseError

Change = Literal["new", "changed", "withdrawn"]
Tier = Literal["emergency", "livelihood", "general"]
AddressedAs = Literal["unit", "district_fallback", "duty_desk"]
Confirmation = Literal["none", "agent", "automatic", "clock", "emergency"]
Client = Redis | RedisCluster
C = TypeVar("C")
C_co = TypeVar("C_co", covariant=True)

STREAMS: Final = tuple(f"jiesu:{{dispatch}}:{tier}" for tier in get_args(Tier))
"""The streams, most urgent first."""
DEAD: Final = "jiesu:{dispatch}:dead"
DEAD_FIELDS: Final = ("reason", "stream", "entry_id", "group", "deliveries")
"""What a dead letter has beside the fields of its entry."""
_MOST: Final = 10_000
_log = logging.getLogger(__name__)


class Unreadable(Exception):
    """The entry can never be handled, and is a dead letter at once; a handler may say so too."""


class Unavailable(Exception):
    """The ledger, or whatever the handler needs, is away: the batch waits, no try is counted."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One version of a ticket as it came off a stream; times are aware, in UTC."""

    ticket_id: str
    version: int
    change: Change
    tier: Tier
    unit: str
    addressed_as: AddressedAs
    confirmation: Confirmation
    dispatch_due_at: datetime
    acknowledge_due_at: datetime
    payload: str = field(repr=False)
    ticket: dict[str, Any] = field(repr=False, compare=False)
    """The parsed payload: `/schemas/ticket.v1.json`."""


FIELDS: Final = tuple(item.name for item in fields(Entry) if item.name != "ticket")
"""The names of a stream entry's fields."""
Handler = Callable[[Entry, C], Awaitable[None]]
"""Carries out one entry, writing only through the connection that it is given."""


def read_entry(raw: Mapping[bytes, bytes]) -> Entry:
    """Return the entry; fields that are not in the contract are ignored. Raises `Unreadable`."""
    try:
        values = {name: _read_field(name, raw[name.encode()].decode()) for name in FIELDS}
        return Entry(**values, ticket=dict(json.loads(values["payload"]).items()))
    except (KeyError, ValueError, AttributeError, RecursionError) as error:
        raise Unreadable from error


def _read_field(name: str, text: str) -> Any:
    choices = get_args(Entry.__annotations__[name])
    if not text or (choices and text not in choices):
        raise ValueError
    if name.endswith("_at"):
        moment = datetime.fromisoformat(text)
        if moment.utcoffset() != timedelta(0):
            raise ValueError
        return moment
    if name == "version":
        if not re.fullmatch("[1-9][0-9]{0,17}", text):
            raise ValueError
        return int(text)
    return text


class Ledger(Protocol[C_co]):
    """A group's own store, which all of its consumers share and no other group uses.

    Two transactions must not be able to read a ticket's version before either has recorded one.
    Every method raises `Unavailable` if the store itself fails.
    """

    def transaction(self) -> AbstractAsyncContextManager[None]:
        """Open a batch's transaction: committed at the end, rolled back on any exception."""
        ...

    async def is_newer(self, ticket_id: str, version: int) -> bool:
        """Return whether the version is higher than any that was handled."""
        ...

    def effect(self, ticket_id: str, version: int) -> AbstractAsyncContextManager[C_co]:
        """Open a savepoint for one effect, which ends by recording the version as handled.

        An exception rolls back to the savepoint, not further, and goes on to the caller.
        """
        ...


class SqliteLedger:
    """A ledger in a SQLite file, beside whatever tables the handler writes.

    Serves one `Consumer` an object, any number of processes a file. Its short reads and writes
    run on the event loop.
    """

    def __init__(self, path: str | Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, timeout=1.0)
        # Set once, for a change makes SQLite prepare every statement anew.
        self._lent = False
        self._db.set_authorizer(self._keep_transaction)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS handled_versions "
            "(ticket_id TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID"
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Take the write lock, so that no other consumer handles the same tickets meanwhile."""
        self._execute(f"BEGIN IMMEDIATE {_OURS}")
        try:
            yield
            self._execute(f"COMMIT {_OURS}")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute(f"ROLLBACK {_OURS}")
            raise

    async def is_newer(self, ticket_id: str, version: int) -> bool:
        """Return whether the version is higher than the one in the file."""
        found = self._execute("SELECT version FROM handled_versions WHERE ticket_id = ?", ticket_id)
        return version > next(found, (0,))[0]

    @asynccontextmanager
    async def effect(self, ticket_id: str, version: int) -> AsyncIterator[sqlite3.Connection]:
        """Lend the connection; whoever commits or rolls back on it gets "not authorized"."""
        self._execute("SAVEPOINT effect")
        try:
            self._lent = True
            try:
                yield self._db
            finally:
                self._lent = False
            self._execute("REPLACE INTO handled_versions VALUES (?, ?)", ticket_id, version)
        except BaseException:
            self._execute("ROLLBACK TO effect")
            raise
        finally:
            self._execute("RELEASE effect")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _execute(self, statement: str, *parameters: str | int) -> sqlite3.Cursor:
        try:
            return self._db.execute(statement, parameters)
        except sqlite3.Error as error:
            raise Unavailable(type(error).__name__) from error

    def _keep_transaction(self, action: int, *_: str | None) -> int:
        denied = self._lent and action == sqlite3.SQLITE_TRANSACTION
        return sqlite3.SQLITE_DENY if denied else sqlite3.SQLITE_OK


_OURS = "-- the ledger's own"
"""Marks statements that nobody else's equals: what was prepared before is not asked about again."""


@dataclass(frozen=True, slots=True)
class _Delivery:
    """What Redis handed out; `count` says how often by now."""

    stream: str
    entry_id: str
    raw: dict[Any, Any]
    count: int


class Consumer(Generic[C]):
    """One consumer of a group; `name` is its own, and the same again after a restart.

    `redis` must not decode responses, and must wait for an answer longer than `block`. Spans are
    in seconds: `block` is the longest wait for entries, `retry_after` the delay before a failed
    entry's second try (it doubles with each), `reclaim_after` the time after which an entry is
    taken over from a consumer that has not acknowledged it; make it longer than any batch takes.
    """

    def __init__(
        self, redis: Client, group: str, name: str, ledger: Ledger[C], handler: Handler[C], *,
        sleep: Callable[[float], Awaitable[None]], monotonic: Callable[[], float],
        batch: int = 32, max_deliveries: int = 5, reclaim_after: float = 60.0,
        retry_after: float = 1.0, block: float = 2.0,
    ) -> None:  # fmt: skip
        if redis.get_encoder().decode_responses:
            raise ValueError("a client that decodes fails on entries that are not UTF-8")
        self._redis, self._group, self._name = redis, group, name
        self._ledger, self._handler = ledger, handler
        self._sleep, self._monotonic = sleep, monotonic
        self._batch, self._max_deliveries = batch, max_deliveries
        self._reclaim_after, self._retry_after, self._block = reclaim_after, retry_after, block
        self._again: dict[str, dict[str, float]] = {stream: {} for stream in STREAMS}
        self._look_at = 0.0
        self._joined = self._stopping = False

    def stop(self) -> None:
        """Let `run` end after what it has in hand, `block` seconds from now if that is nothing."""
        self._stopping = True

    async def run(self) -> None:
        """Handle entries until stopped or cancelled; waits for a Redis or ledger that is away."""
        failures = 0
        while not self._stopping:
            try:
                if await self._step() is None:
                    await self._wait_for_entries()
                failures = 0
            except Exception as error:
                self._joined = False
                _log.warning("the consumer waits: %s", type(error).__name__)
                _log.debug("why the consumer waits", exc_info=error)
                await self._sleep(min(0.1 * 2**failures, self._block))
                failures = min(failures + 1, 10)

    async def run_once(self) -> int:
        """Handle what is there and due; return how many entries were acknowledged.

        Raises what Redis or the ledger raise when they are away; nothing is lost by that.
        """
        self._joined, total = False, 0
        while not self._stopping and (settled := await self._step()) is not None:
            total += settled
        return total

    async def _step(self) -> int | None:
        """Settle one batch of the most urgent stream; None if there is nothing to do now."""
        if not self._joined:
            await self._join()
        if self._monotonic() >= self._look_at:
            await self._schedule(idle=int(self._reclaim_after * 1000))
            self._look_at = self._monotonic() + self._reclaim_after / 2
        batch = await self._next_batch()
        return await self._settle(batch) if batch else None

    async def _join(self) -> None:
        """Make the group where it is missing, and take up what this consumer had in hand."""
        for stream in STREAMS:
            try:
                await self._redis.xgroup_create(stream, self._group, id="0", mkstream=True)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise
        await self._schedule(consumername=self._name)
        self._joined, self._look_at = True, self._monotonic()

    async def _schedule(self, **which: Any) -> None:
        """Note pending entries as due for delivery; those that wait for a retry keep waiting."""
        for stream in STREAMS:
            pending: Any = await self._redis.xpending_range(
                stream, self._group, "-", "+", _MOST, **which
            )
            for item in pending:
                self._again[stream].setdefault(item["message_id"].decode(), self._monotonic())

    async def _next_batch(self) -> list[_Delivery]:
        """Return what to do next: by stream, first what is due again, then what is new.

        What is delivered again comes alone: if it kills the process, it counts against no other.
        """
        for stream in STREAMS:
            while (entry_id := self._due(stream)) is not None:
                delivery = await self._redeliver(stream, entry_id)
                del self._again[stream][entry_id]
                if delivery is not None:
                    return [delivery]
            new = await self._read({stream: ">"}, count=self._batch)
            if new:
                return new
        return []

    def _due(self, stream: str) -> str | None:
        now = self._monotonic()
        return next((item for item, due in self._again[stream].items() if due <= now), None)

    async def _redeliver(self, stream: str, entry_id: str) -> _Delivery | None:
        """Claim one pending entry; None if it is done, or in another consumer's hands."""
        pending: Any = await self._redis.xpending_range(stream, self._group, entry_id, entry_id, 1)
        if not pending:
            return None
        mine = pending[0]["consumer"] == self._name.encode()
        idle = 0 if mine else int(self._reclaim_after * 1000)
        claimed: Any = await self._redis.xclaim(stream, self._group, self._name, idle, [entry_id])
        if not claimed or not claimed[0][1]:
            return None
        return _Delivery(stream, entry_id, claimed[0][1], pending[0]["times_delivered"] + 1)

    async def _wait_for_entries(self) -> None:
        """Wait for an entry on any stream, or until something is due; take one of each stream."""
        dues = [due for stream in self._again.values() for due in stream.values()]
        span = min(self._block, min([self._look_at, *dues]) - self._monotonic())
        first = dict.fromkeys(STREAMS, ">")
        for delivery in await self._read(first, count=1, block=max(1, int(span * 1000))):
            await self._settle([delivery])

    async def _read(self, streams: dict[Any, Any], **options: Any) -> list[_Delivery]:
        """Return new entries, the most urgent stream's first."""
        reply: Any = await self._redis.xreadgroup(self._group, self._name, streams, **options)
        rows = dict(reply)  # redis-py answers with pairs, or for RESP3 with a dict of lists
        found = []
        for stream in (item.encode() for item in STREAMS if item.encode() in rows):
            of_stream = rows[stream][0] if isinstance(rows[stream][0], list) else rows[stream]
            found += [_Delivery(stream.decode(), row[0].decode(), row[1], 1) for row in of_stream]
        return found

    async def _settle(self, batch: Sequence[_Delivery]) -> int:
        """Carry out a batch of one stream in one transaction; return how many are acknowledged."""
        stream = batch[0].stream
        try:
            async with self._ledger.transaction():
                failures = [(item, await self._apply(item)) for item in batch]
        except Exception:
            ids: list[Any] = [item.entry_id for item in batch]
            await self._redis.xclaim(
                stream, self._group, self._name, 0, ids, retrycount=batch[0].count - 1, justid=True
            )
            raise
        done = [item.entry_id for item, reason in failures if reason is None]
        if done:
            await self._redis.xack(stream, self._group, *done)
        buried = [await self._fail(item, reason) for item, reason in failures if reason]
        return len(done) + sum(buried)

    async def _apply(self, delivery: _Delivery) -> str | None:
        """Carry out one entry; return why it failed, or None."""
        try:
            entry = read_entry(delivery.raw)
            if not await self._ledger.is_newer(entry.ticket_id, entry.version):
                return None
            if delivery.count > self._max_deliveries:
                return "Abandoned"
            async with self._ledger.effect(entry.ticket_id, entry.version) as connection:
                await self._handler(entry, connection)
        except Unavailable:
            raise
        except Exception as error:
            _log.debug("why an entry failed", exc_info=error)
            return type(error).__name__
        return None

    async def _fail(self, delivery: _Delivery, reason: str) -> bool:
        """Try an entry again later, or move it to the dead stream; return whether it went there."""
        stream, entry_id, count = delivery.stream, delivery.entry_id, delivery.count
        _log.warning("%s %s, delivery %d: %s", stream, entry_id, count, reason)
        if count < self._max_deliveries and reason != Unreadable.__name__:
            delay = min(self._retry_after * 2 ** (count - 1), self._reclaim_after / 2)
            self._again[stream][entry_id] = self._monotonic() + delay
            return False
        about = (reason, stream, entry_id, self._group, str(count))
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.xadd(DEAD, {**delivery.raw, **dict(zip(DEAD_FIELDS, about, strict=True))})
            pipe.xack(stream, self._group, entry_id)
            await pipe.execute()
        return True


async def replay(redis: Client, dead_id: str) -> bool:
    """Put a dead letter back on its stream, for every group; False if it is not there."""
    found: Any = await redis.xrange(DEAD, dead_id, dead_id)
    if not found:
        return False
    raw = dict(found[0][1])
    about = {name: raw.pop(name.encode()) for name in DEAD_FIELDS}
    async with redis.pipeline(transaction=True) as pipe:
        pipe.xadd(about["stream"], raw)
        pipe.xdel(DEAD, dead_id)
        await pipe.execute()
    return True
