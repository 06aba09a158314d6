"""The consumer library against a real Valkey and real SQLite files."""

import asyncio
import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import RedisError

from gateway.clock import SimulatedClock
from gateway.dispatch import consumer as library
from gateway.dispatch.consumer import (
    DEAD,
    DEAD_FIELDS,
    FIELDS,
    STREAMS,
    Client,
    Consumer,
    Entry,
    Handler,
    SqliteLedger,
    Unavailable,
    Unreadable,
    read_entry,
    replay,
)
from gateway.dispatch.valkey import valkey_binary

EMERGENCY, LIVELIHOOD, GENERAL = STREAMS
Effect = Handler[sqlite3.Connection]


class Server:
    """A Valkey of the tests' own, on a socket or a port."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.socket = folder / "valkey.sock"
        self._command = [
            valkey_binary(), "--unixsocket", str(self.socket), "--dir", str(folder),
            "--appendonly", "yes", "--logfile", "valkey.log", *(options or ("--port", "0")),
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; whoever connects waits until it answers."""
        self._process = subprocess.Popen(self._command)

    def stop(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One Valkey for all tests of the file."""
    found = Server(tmp_path_factory.mktemp("valkey"))
    found.start()
    yield found
    found.stop()


async def until(condition: Callable[[], Any]) -> None:
    """Wait until it holds; fail after a time that no sound run needs."""
    async with asyncio.timeout(30):
        while True:
            found = condition()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.01)


async def answers(client: Client) -> bool:
    """Return whether the server is there."""
    try:
        await client.ping()
    except (RedisError, OSError):
        return False
    return True


async def connected(server: Server) -> Any:
    """Return a client of a server that answers and is empty."""
    client = Redis(unix_socket_path=str(server.socket))
    await until(lambda: answers(client))
    await client.flushall()
    return client


@pytest.fixture
async def redis(server: Server) -> AsyncIterator[Redis]:
    """A client of the emptied server."""
    client = await connected(server)
    yield client
    await client.aclose()


class Desk:
    """The consuming side of a test: a store with a log of effects, and a clock that stands."""

    def __init__(self, redis: Client, path: Path) -> None:
        self.redis: Any = redis
        self.path = path
        self.clock = SimulatedClock(datetime(2026, 11, 23, tzinfo=UTC))
        self.failing: set[str] = set()
        self.tried: list[str] = []
        self._reader = sqlite3.connect(path, isolation_level=None)
        self._reader.execute("CREATE TABLE effects (ticket_id TEXT, version INTEGER)")

    async def handle(self, entry: Entry, db: sqlite3.Connection) -> None:
        """Log the effect; fail afterwards where the test says so."""
        self.tried.append(f"{entry.ticket_id}.{entry.version}")
        db.execute("INSERT INTO effects VALUES (?, ?)", (entry.ticket_id, entry.version))
        if entry.ticket_id in self.failing:
            raise LookupError("a name that must not get into the dead letter")

    def consumer(
        self, name: str = "one", handler: Effect | None = None, **options: Any
    ) -> Consumer[sqlite3.Connection]:
        """Return a consumer with a ledger of its own on the shared file."""
        options = {"sleep": self.clock.sleep, "monotonic": self.clock.monotonic} | options
        ledger = options.pop("ledger", None) or SqliteLedger(self.path)
        return Consumer(self.redis, "dispatch", name, ledger, handler or self.handle, **options)

    def effects(self) -> list[str]:
        """Return what took effect, in order."""
        rows = self._reader.execute("SELECT ticket_id, version FROM effects ORDER BY rowid")
        return [f"{ticket_id}.{version}" for ticket_id, version in rows]

    def handled(self) -> dict[str, int]:
        """Return the highest version handled of each ticket."""
        return dict(self._reader.execute("SELECT ticket_id, version FROM handled_versions"))

    async def pending(self) -> int:
        """Return how many entries of the group are delivered and not acknowledged."""
        counts = [await self.redis.xpending(stream, "dispatch") for stream in STREAMS]
        return sum(item["pending"] for item in counts)

    async def dead(self) -> list[dict[bytes, bytes]]:
        """Return the dead letters."""
        return [fields for _, fields in await self.redis.xrange(DEAD)]


@pytest.fixture
def desk(redis: Redis, tmp_path: Path) -> Desk:
    """A consuming side on the emptied server."""
    return Desk(redis, tmp_path / "desk.db")


def fields_of(ticket_id: str, version: int = 1, tier: str = "general") -> dict[Any, Any]:
    """Return the fields of an entry as the relay writes them."""
    return {
        "ticket_id": ticket_id, "version": str(version), "change": "new", "tier": tier,
        "unit": "water-supply", "addressed_as": "unit", "confirmation": "agent",
        "dispatch_due_at": "2026-11-23T04:00:00Z",
        "acknowledge_due_at": "2026-11-23T02:30:00.250000Z",
        "payload": json.dumps({"ticket_id": ticket_id, "messages": [{"text": "水管冻裂了"}]}),
    }  # fmt: skip


async def publish(redis: Any, ticket_id: str, version: int = 1, stream: str = GENERAL) -> str:
    """Put an entry on a stream; return its id."""
    tier = stream.rpartition(":")[2]
    return str((await redis.xadd(stream, fields_of(ticket_id, version, tier))).decode())


def test_entry_has_typed_fields() -> None:
    """An entry's version is a number, its times are aware and its payload is parsed."""
    entry = read_entry({k.encode(): v.encode() for k, v in fields_of("t", 12).items()})
    assert entry.version == 12
    assert entry.dispatch_due_at == datetime(2026, 11, 23, 4, tzinfo=UTC)
    assert entry.acknowledge_due_at.utcoffset() == timedelta(0)
    assert entry.ticket["messages"][0]["text"] == "水管冻裂了"
    assert "水管" not in repr(entry)


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, None) for name in FIELDS]
    + [(name, b"") for name in FIELDS]
    + [
        ("version", b"0"), ("version", b"-1"), ("version", b"1.0"), ("version", b"9" * 19),
        ("version", "１".encode()), ("change", b"gone"), ("tier", b"urgent"),
        ("addressed_as", b"nobody"), ("confirmation", b"maybe"),
        ("dispatch_due_at", b"2026-11-23T04:00:00"),
        ("dispatch_due_at", b"2026-11-23T04:00:00+08:00"), ("acknowledge_due_at", b"soon"),
        ("payload", b"{"), ("payload", b"[]"), ("payload", b"[" * 100_000), ("payload", b"\xff"),
        ("unit", b"\xff"),
    ],
)  # fmt: skip
def test_entry_outside_the_contract_is_unreadable(name: str, value: bytes | None) -> None:
    """A missing, empty or impossible field is told as `Unreadable` and nothing else."""
    raw = {k.encode(): v.encode() for k, v in fields_of("t").items()}
    if value is None:
        del raw[name.encode()]
    else:
        raw[name.encode()] = value
    with pytest.raises(Unreadable):
        read_entry(raw)


async def test_emergencies_come_first(desk: Desk) -> None:
    """Whatever was published first, emergencies precede livelihood, and that general."""
    for number, stream in enumerate((GENERAL, LIVELIHOOD, EMERGENCY) * 2):
        await publish(desk.redis, f"t{number}", stream=stream)
    assert await desk.consumer().run_once() == 6
    assert desk.effects() == ["t2.1", "t5.1", "t1.1", "t4.1", "t0.1", "t3.1"]
    assert await desk.pending() == 0


async def test_an_emergency_overtakes_between_batches(desk: Desk) -> None:
    """An emergency that comes while general entries are worked off is next after the batch."""

    async def handle(entry: Entry, db: sqlite3.Connection) -> None:
        await desk.handle(entry, db)
        if entry.ticket_id == "g0":
            await publish(desk.redis, "fire", stream=EMERGENCY)

    for number in range(4):
        await publish(desk.redis, f"g{number}")
    await desk.consumer(handler=handle, batch=2).run_once()
    assert desk.effects() == ["g0.1", "g1.1", "fire.1", "g2.1", "g3.1"]


async def test_duplicates_and_older_versions_are_dropped(desk: Desk) -> None:
    """An entry that is not higher than what was handled has no effect and is acknowledged."""
    for version in (1, 3, 3, 2, 4):
        await publish(desk.redis, "t", version)
    assert await desk.consumer().run_once() == 5
    await publish(desk.redis, "t", 4, EMERGENCY)
    assert await desk.consumer("two").run_once() == 1
    assert desk.effects() == ["t.1", "t.3", "t.4"]
    assert desk.handled() == {"t": 4}
    assert await desk.pending() == 0


async def test_a_failing_effect_does_not_spoil_its_neighbours(desk: Desk) -> None:
    """In a batch only the failing entry's writes are undone, and only it stays pending."""
    desk.failing = {"b"}
    for ticket_id in "abc":
        await publish(desk.redis, ticket_id)
    assert await desk.consumer().run_once() == 2
    assert desk.effects() == ["a.1", "c.1"]
    assert desk.handled() == {"a": 1, "c": 1}
    assert await desk.pending() == 1


async def test_retries_wait_longer_each_time(desk: Desk) -> None:
    """A failed entry is tried again after one, then two, then four seconds, newer ones at once."""
    desk.failing = {"t"}
    await publish(desk.redis, "t")
    consumer = desk.consumer()
    tries = []
    for _ in range(9):
        await consumer.run_once()
        tries.append(len(desk.tried))
        desk.clock.advance(timedelta(seconds=1))
    assert tries == [1, 2, 2, 3, 3, 3, 3, 4, 4]
    await publish(desk.redis, "u")
    desk.failing = set()
    await consumer.run_once()
    assert desk.effects() == ["u.1"]


async def test_a_newer_version_overtakes_one_that_waits_for_its_retry(desk: Desk) -> None:
    """When a later version has taken effect, the failed earlier one is dropped, not tried."""
    desk.failing = {"t"}
    await publish(desk.redis, "t", 1)
    consumer = desk.consumer()
    await consumer.run_once()
    desk.failing = set()
    await publish(desk.redis, "t", 2)
    await consumer.run_once()
    desk.clock.advance(timedelta(seconds=1))
    assert await consumer.run_once() == 1
    assert desk.effects() == ["t.2"]
    assert desk.tried == ["t.1", "t.2"]
    assert await desk.pending() == 0


async def test_an_entry_that_always_fails_becomes_a_dead_letter(desk: Desk) -> None:
    """After `max_deliveries` the entry lies on the dead stream, whole and without people's data."""
    desk.failing = {"t"}
    entry_id = await publish(desk.redis, "t")
    assert await desk.consumer(retry_after=0, max_deliveries=3).run_once() == 1
    assert desk.tried == ["t.1"] * 3
    [letter] = await desk.dead()
    expected = fields_of("t") | {
        "reason": "LookupError", "stream": GENERAL, "entry_id": entry_id, "group": "dispatch",
        "deliveries": "3",
    }  # fmt: skip
    assert letter == {name.encode(): text.encode() for name, text in expected.items()}
    assert await desk.pending() == 0
    assert desk.handled() == {}


async def test_poison_becomes_a_dead_letter_at_once(desk: Desk) -> None:
    """What cannot be read is a dead letter at its first delivery and holds up nobody."""
    await desk.redis.xadd(GENERAL, {b"ticket_id": b"\xff", b"payload": b"{"})
    await publish(desk.redis, "t")
    assert await desk.consumer().run_once() == 2
    [letter] = await desk.dead()
    assert (letter[b"reason"], letter[b"deliveries"]) == (b"Unreadable", b"1")
    assert letter[b"ticket_id"] == b"\xff"
    assert desk.effects() == ["t.1"]


async def test_a_replayed_dead_letter_takes_effect(desk: Desk) -> None:
    """Replaying puts the entry back on its stream as it was, once."""
    desk.failing = {"t"}
    await publish(desk.redis, "t", stream=LIVELIHOOD)
    await desk.consumer(max_deliveries=1).run_once()
    desk.failing = set()
    [(dead_id, _)] = await desk.redis.xrange(DEAD)
    assert await replay(desk.redis, dead_id.decode())
    assert not await replay(desk.redis, dead_id.decode())
    await desk.consumer().run_once()
    assert desk.effects() == ["t.1"]
    assert await desk.dead() == []
    [(_, last)] = await desk.redis.xrevrange(LIVELIHOOD, count=1)
    assert not {name.encode() for name in DEAD_FIELDS} & set(last)


async def taken(desk: Desk, name: str, ids: list[str], idle: int) -> None:
    """Put entries in another consumer's hands, delivered so many milliseconds ago."""
    await desk.redis.xclaim(GENERAL, "dispatch", name, 0, ids, idle=idle, force=True)


async def test_the_stale_entries_of_a_dead_consumer_are_reclaimed(desk: Desk) -> None:
    """What another consumer took and never acknowledged is handled by whoever is left."""
    await desk.consumer().run_once()
    ids = [await publish(desk.redis, ticket_id) for ticket_id in "abc"]
    await desk.redis.xreadgroup("dispatch", "gone", {GENERAL: ">"})
    await taken(desk, "gone", ids[:2], idle=60_001)
    assert await desk.consumer(reclaim_after=60).run_once() == 2
    assert desk.effects() == ["a.1", "b.1"]
    assert await desk.pending() == 1


async def test_what_another_consumer_reclaimed_meanwhile_is_left_to_it(desk: Desk) -> None:
    """Two consumers that see the same stale entries share them; neither robs the other."""

    async def handle(entry: Entry, db: sqlite3.Connection) -> None:
        await desk.handle(entry, db)
        await taken(desk, "other", ids[1:], idle=0)

    await desk.consumer().run_once()
    ids = [await publish(desk.redis, ticket_id) for ticket_id in "ab"]
    await desk.redis.xreadgroup("dispatch", "gone", {GENERAL: ">"})
    await taken(desk, "gone", ids, idle=60_001)
    assert await desk.consumer(handler=handle, reclaim_after=60).run_once() == 1
    assert desk.effects() == ["a.1"]


async def test_own_pending_entries_come_before_new_ones(desk: Desk) -> None:
    """After a restart under its name a consumer takes up what it had in hand, in order."""
    await desk.consumer().run_once()
    for ticket_id in "abc":
        await publish(desk.redis, ticket_id)
    await desk.redis.xreadgroup("dispatch", "one", {GENERAL: ">"}, count=2)
    assert await desk.consumer().run_once() == 3
    assert desk.effects() == ["a.1", "b.1", "c.1"]


class CutOff(SqliteLedger):
    """A ledger whose process is cut off just before or just after each commit."""

    def __init__(self, path: Path, *, after: bool) -> None:
        super().__init__(path)
        self._after = after

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Open a transaction that is the last of its process."""
        async with super().transaction():
            yield
            if not self._after:
                raise asyncio.CancelledError
        raise asyncio.CancelledError


@pytest.mark.parametrize("after", [False, True])
async def test_a_cut_before_the_acknowledgement_neither_loses_nor_repeats(
    desk: Desk, after: bool
) -> None:
    """Cut off before or after the commit, the entry comes again and takes effect once."""
    await publish(desk.redis, "t")
    with pytest.raises(asyncio.CancelledError):
        await desk.consumer(ledger=CutOff(desk.path, after=after)).run_once()
    assert desk.effects() == (["t.1"] if after else [])
    assert await desk.pending() == 1
    assert await desk.consumer().run_once() == 1
    assert desk.effects() == ["t.1"]
    assert await desk.pending() == 0


KILLED = """
import asyncio, os, signal, sqlite3, sys, time
from redis.asyncio import Redis
from gateway.dispatch.consumer import Consumer, SqliteLedger
moment, address, path = sys.argv[1:]
def die():
    os.kill(os.getpid(), signal.SIGKILL)
async def handle(entry, db):
    db.execute("INSERT INTO effects VALUES (?, ?)", (entry.ticket_id, entry.version))
    if moment == "in the effect" and entry.ticket_id == "b":
        die()
async def main():
    redis = Redis(unix_socket_path=address)
    if moment == "before XACK":
        redis.xack = lambda *_: die()
    await Consumer(redis, "dispatch", "one", SqliteLedger(path), handle,
                   sleep=asyncio.sleep, monotonic=time.monotonic).run_once()
asyncio.run(main())
"""


@pytest.mark.parametrize("moment", ["in the effect", "before XACK"])
async def test_a_killed_process_neither_loses_nor_repeats(
    desk: Desk, server: Server, moment: str
) -> None:
    """A process killed at its worst moment leaves each effect to happen exactly once."""
    for ticket_id in "abc":
        await publish(desk.redis, ticket_id)
    command = [sys.executable, "-c", KILLED, moment, str(server.socket), str(desk.path)]
    ended = await asyncio.to_thread(subprocess.run, command, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert desk.effects() == ([] if moment == "in the effect" else ["a.1", "b.1", "c.1"])
    assert await desk.consumer().run_once() == 3
    assert desk.effects() == ["a.1", "b.1", "c.1"]
    assert await desk.dead() == []


async def test_an_entry_that_kills_its_process_is_abandoned_alone(desk: Desk) -> None:
    """Deliveries that end in a crash count too, and not against the entries of the same batch."""

    async def handle(entry: Entry, db: sqlite3.Connection) -> None:
        if entry.ticket_id == "b":
            raise asyncio.CancelledError
        await desk.handle(entry, db)

    for ticket_id in "abc":
        await publish(desk.redis, ticket_id)
    for _ in range(3):
        with pytest.raises(asyncio.CancelledError):
            await desk.consumer(handler=handle, max_deliveries=3).run_once()
    await desk.consumer(handler=handle, max_deliveries=3).run_once()
    assert desk.effects() == ["a.1", "c.1"]
    [letter] = await desk.dead()
    assert (letter[b"ticket_id"], letter[b"reason"]) == (b"b", b"Abandoned")


@pytest.mark.parametrize(
    "end",
    [
        sqlite3.Connection.commit,
        sqlite3.Connection.rollback,
        lambda db: db.execute("COMMIT"),
        lambda db: db.executescript("SELECT 1"),
    ],
)
async def test_a_handler_cannot_end_the_transaction(
    desk: Desk, end: Callable[[sqlite3.Connection], object]
) -> None:
    """A handler that commits or rolls back fails; its effect cannot part from its version."""

    async def handle(entry: Entry, db: sqlite3.Connection) -> None:
        await desk.handle(entry, db)
        if entry.ticket_id == "a":
            end(db)

    await publish(desk.redis, "a")
    await publish(desk.redis, "b")
    await desk.consumer(handler=handle).run_once()
    assert desk.effects() == ["b.1"]
    assert desk.handled() == {"b": 1}


@pytest.mark.parametrize("who", ["ledger", "handler"])
async def test_an_outage_counts_against_no_entry(desk: Desk, who: str) -> None:
    """While the ledger or the handler's store is away, entries wait and use up no tries."""

    async def handle(entry: Entry, db: sqlite3.Connection) -> None:
        if who == "handler":
            raise Unavailable
        await desk.handle(entry, db)

    for ticket_id in "ab":
        await publish(desk.redis, ticket_id)
    other = sqlite3.connect(desk.path, isolation_level=None)
    ledger = SqliteLedger(desk.path)
    if who == "ledger":
        other.execute("BEGIN IMMEDIATE")
        ledger._db.execute("PRAGMA busy_timeout = 0")
    for _ in range(4):
        with pytest.raises(Unavailable):
            await desk.consumer(handler=handle, ledger=ledger, max_deliveries=2).run_once()
    other.close()
    assert await desk.consumer(max_deliveries=2).run_once() == 2
    assert desk.effects() == ["a.1", "b.1"]
    assert await desk.dead() == []


async def test_a_deleted_entry_is_forgotten(desk: Desk) -> None:
    """A pending entry that somebody deleted is no error and does not come again."""
    desk.failing = {"t"}
    entry_id = await publish(desk.redis, "t")
    consumer = desk.consumer()
    await consumer.run_once()
    await desk.redis.xdel(GENERAL, entry_id)
    desk.clock.advance(timedelta(seconds=1))
    assert await consumer.run_once() == 0
    assert await desk.pending() == 0


def test_a_client_that_decodes_is_refused(desk: Desk, server: Server) -> None:
    """A client that would choke on broken UTF-8 for ever is refused at the start."""
    desk.redis = Redis(unix_socket_path=str(server.socket), decode_responses=True)
    with pytest.raises(ValueError, match="UTF-8"):
        desk.consumer()


async def test_run_waits_for_entries_and_drains_when_stopped(desk: Desk) -> None:
    """A running consumer takes what comes; told to stop it ends the batch in hand and returns."""
    gate, begun = asyncio.Event(), asyncio.Event()

    async def handle(entry: Entry, db: sqlite3.Connection) -> None:
        await desk.handle(entry, db)
        if entry.ticket_id == "last":
            begun.set()
            await gate.wait()

    consumer = desk.consumer(handler=handle)
    running = asyncio.create_task(consumer.run())
    await publish(desk.redis, "first")
    await until(lambda: "first.1" in desk.effects())
    await publish(desk.redis, "last", stream=EMERGENCY)
    await begun.wait()
    consumer.stop()
    gate.set()
    await asyncio.wait_for(running, 30)
    assert desk.effects() == ["first.1", "last.1"]
    assert await desk.pending() == 0


async def test_redis_that_comes_back_empty_is_joined_again(desk: Desk) -> None:
    """After FLUSHALL a running consumer makes its group anew and reads from the first entry."""
    consumer = desk.consumer(sleep=asyncio.sleep, monotonic=time.monotonic)
    running = asyncio.create_task(consumer.run())
    await publish(desk.redis, "t", 1)
    await until(lambda: desk.effects() == ["t.1"])
    await desk.redis.flushall()
    await publish(desk.redis, "t", 1)
    await publish(desk.redis, "t", 2)
    await until(lambda: desk.effects() == ["t.1", "t.2"])
    consumer.stop()
    await asyncio.wait_for(running, 30)
    assert await desk.pending() == 0


async def test_a_redis_that_dies_is_waited_for(tmp_path: Path) -> None:
    """A consumer outlives its Redis and goes on where it was when Redis is there again."""
    server = Server(tmp_path, "--port", "0", "--appendfsync", "always")
    server.start()
    redis = await connected(server)
    desk = Desk(redis, tmp_path / "desk.db")
    consumer = desk.consumer(sleep=asyncio.sleep, monotonic=time.monotonic, block=0.2)
    running = asyncio.create_task(consumer.run())
    await publish(redis, "t", 1)
    await until(lambda: desk.effects() == ["t.1"])
    server.stop()
    await until(lambda: not consumer._joined)
    server.start()
    await until(lambda: answers(redis))
    await publish(redis, "t", 2)
    await until(lambda: desk.effects() == ["t.1", "t.2"])
    consumer.stop()
    await asyncio.wait_for(running, 30)
    await redis.aclose()
    server.stop()


@pytest.mark.parametrize("protocol", [2, 3])
async def test_both_protocols_are_understood(desk: Desk, server: Server, protocol: int) -> None:
    """RESP2 and RESP3 clients get the same entries."""
    desk.redis = Redis(unix_socket_path=str(server.socket), protocol=protocol)
    await publish(desk.redis, "t")
    assert await desk.consumer().run_once() == 1
    await desk.redis.aclose()
    assert desk.effects() == ["t.1"]


async def test_a_cluster_serves_as_well(tmp_path: Path) -> None:
    """On a cluster all keys share a slot, so priority, dead letters and replay work there too."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        port, bus = one.getsockname()[1], other.getsockname()[1]
    server = Server(
        tmp_path, "--port", str(port), "--cluster-enabled", "yes", "--cluster-port", str(bus),
        "--bind", "127.0.0.1",
    )  # fmt: skip
    server.start()
    node = await connected(server)
    await node.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
    await until(lambda: serves(node))
    cluster: Any = RedisCluster(host="127.0.0.1", port=port)
    desk = Desk(cluster, tmp_path / "desk.db")
    desk.failing = {"b"}
    await publish(cluster, "a")
    await publish(cluster, "b", stream=LIVELIHOOD)
    await publish(cluster, "c", stream=EMERGENCY)
    assert await desk.consumer(retry_after=0).run_once() == 3
    assert desk.effects() == ["c.1", "a.1"]
    [(dead_id, _)] = await cluster.xrange(DEAD)
    assert await replay(cluster, dead_id.decode())
    await cluster.aclose()
    await node.aclose()
    server.stop()


async def serves(node: Any) -> bool:
    """Return whether the cluster has found that it is whole."""
    return b"cluster_state:ok" in await node.execute_command("CLUSTER", "INFO")


Published = list[tuple[str, int, str, bool]]
PUBLISHED = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(1, 5), st.sampled_from(STREAMS), st.booleans()),
    min_size=1,
    max_size=12,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(entries=PUBLISHED, batch=st.integers(1, 4), rounds=st.integers(1, 4))
def test_the_highest_version_wins_whatever_the_order(
    server: Server, tmp_path_factory: pytest.TempPathFactory, entries: Published, batch: int,
    rounds: int,
) -> None:  # fmt: skip
    """However versions are mixed, repeated, failed and cut off, each ticket ends at its highest."""

    async def play() -> None:
        redis = await connected(server)
        desk = Desk(redis, tmp_path_factory.mktemp("desk") / "desk.db")
        flaws = [flawed for *_, flawed in entries]

        async def handle(entry: Entry, db: sqlite3.Connection) -> None:
            await desk.handle(entry, db)
            if flaws and flaws.pop():
                raise LookupError if len(flaws) % 2 else asyncio.CancelledError

        for start in range(0, len(entries), rounds):
            for ticket_id, version, stream, _ in entries[start : start + rounds]:
                await publish(redis, ticket_id, version, stream)
            consumer = desk.consumer(
                f"c{start % 2}", handle, batch=batch, reclaim_after=0, max_deliveries=50
            )
            while True:
                try:
                    await consumer.run_once()
                    break
                except asyncio.CancelledError:
                    consumer = desk.consumer("c2", handle, reclaim_after=0, max_deliveries=50)
        highest: dict[str, int] = {}
        for ticket_id, version, *_ in entries:
            highest[ticket_id] = max(version, highest.get(ticket_id, 0))
        assert desk.handled() == highest
        for ticket_id, version in highest.items():
            versions = [item for item in desk.effects() if item.startswith(ticket_id)]
            assert versions == sorted(set(versions))
            assert versions[-1] == f"{ticket_id}.{version}"
        assert await desk.pending() == 0
        assert await desk.dead() == []
        await redis.aclose()

    asyncio.run(play())


def test_it_depends_on_redis_py_and_the_standard_library_alone() -> None:
    """The file can be copied: it imports nothing of ours."""
    source = Path(library.__file__).read_text()
    imported = re.findall(r"^(?:from|import) (\w+)", source, re.MULTILINE)
    assert set(imported) - sys.stdlib_module_names == {"redis"}
