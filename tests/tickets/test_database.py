"""Writes on both databases: durable when they return, each undone alone."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Executable, delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.tickets import schema
from gateway.tickets.database import Database, open_database

NOW = datetime(2026, 11, 23, tzinfo=UTC)
Work = Callable[[AsyncConnection], Awaitable[str]]


def keep(name: str) -> Work:
    """A work that stores one row and returns its name."""

    async def work(connection: AsyncConnection) -> str:
        row = {"name": name, "holder": "", "until": NOW}
        await connection.execute(insert(schema.leases).values(row))
        return name

    return work


def keep_and_fail(name: str) -> Work:
    """A work that stores one row and then fails."""

    async def work(connection: AsyncConnection) -> str:
        await keep(name)(connection)
        raise LookupError(name)

    return work


async def names(database: Database) -> set[str]:
    """What is stored, as another connection sees it."""
    async with database.read() as connection:
        return set((await connection.execute(select(schema.leases.c.name))).scalars())


async def test_a_work_that_fails_leaves_its_neighbours(database: Database) -> None:
    """Of many writes at once those that fail are undone, each alone, and raise their own error."""
    works = [keep(f"good-{n}") if n % 3 else keep_and_fail(f"bad-{n}") for n in range(30)]
    found = await asyncio.gather(*map(database.write, works), return_exceptions=True)
    for place, outcome in enumerate(found):
        if place % 3:
            assert outcome == f"good-{place}"
        else:
            assert isinstance(outcome, LookupError)
    assert await names(database) == {f"good-{n}" for n in range(30) if n % 3}


async def test_a_row_that_the_database_refuses_leaves_its_neighbours(database: Database) -> None:
    """The second of two equal keys fails, whatever shares its commit."""
    works = [keep(name) for name in ("a", "b", "a", "c", "b", "d")]
    found = await asyncio.gather(*map(database.write, works), return_exceptions=True)
    assert sum(isinstance(outcome, IntegrityError) for outcome in found) == 2
    assert await names(database) == {"a", "b", "c", "d"}


async def test_what_has_returned_is_seen_by_everybody(database: Database) -> None:
    """A write returns only after its commit: another connection sees the row at once."""

    async def write_and_look(name: str) -> bool:
        await database.write(keep(name))
        other = open_database(database.engine.url.render_as_string(hide_password=False))
        try:
            return name in await names(other)
        finally:
            await other.close()

    assert all(await asyncio.gather(*(write_and_look(f"row-{n}") for n in range(8))))


async def test_a_caller_that_goes_away_harms_no_other(database: Database) -> None:
    """A cancelled request takes nothing with it but itself."""
    impatient = asyncio.ensure_future(database.write(keep("impatient")))
    patient = asyncio.ensure_future(database.write(keep("patient")))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == "patient"
    await database.write(keep("later"))
    assert {"patient", "later"} <= await names(database)


async def test_a_database_that_cannot_be_opened_is_an_error_at_once(tmp_path: Path) -> None:
    """A write to a place that does not exist fails; it does not wait for ever."""
    database = open_database(f"sqlite+aiosqlite:///{tmp_path}/nowhere/jiesu.sqlite3")
    for _ in range(2):
        with pytest.raises(DBAPIError):
            await asyncio.wait_for(database.write(keep("lost")), 20)
    await database.close()


WRITER = """
import asyncio, sys
from tests.tickets.test_database import keep
from gateway.tickets.database import open_database

async def main():
    database = open_database(sys.argv[1])
    async def one(name):
        print(await database.write(keep(name)), flush=True)
    for turn in range(10_000):
        await asyncio.gather(*(one(f"{turn}-{n}") for n in range(20)))

asyncio.run(main())
"""


def written_until_killed(url: str, lines: int) -> list[bytes]:
    """Let a writer say so many times that something is stored, kill it, and return what it said."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, url],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "."},
    ) as writer:
        assert writer.stdout is not None
        told = [writer.stdout.readline() for _ in range(lines)]
        writer.kill()
        return told + writer.stdout.readlines()


@pytest.mark.kills
async def test_no_acknowledged_write_is_missing_after_a_kill(database: Database) -> None:
    """A writer killed in the midst of its commits leaves everything that it said was stored."""
    url = database.engine.url.render_as_string(hide_password=False)
    told = written_until_killed(url, 100)
    acknowledged = {line.decode().strip() for line in told if line.endswith(b"\n")}
    assert len(acknowledged) >= 100
    assert acknowledged <= await names(database)


@pytest.mark.parametrize("table", schema.APPEND_ONLY)
async def test_what_is_appended_is_never_changed(database: Database, table: str) -> None:
    """What is only appended to cannot be edited or deleted, by SQL neither."""
    rows = schema.metadata.tables[table]
    await database.write(_some_row(table))
    for statement in (
        update(rows).values(number=9),
        update(rows).values(number=9).where(rows.c.number == 1),
        delete(rows),
    ):
        with pytest.raises(DBAPIError, match="append-only"):
            await database.write(partial(_execute, statement))
    async with database.read() as connection:
        numbers = (await connection.execute(select(rows.c.number))).scalars().all()
    assert numbers == [1]


async def _execute(statement: Executable, connection: AsyncConnection) -> None:
    await connection.execute(statement)


def _some_row(table: str) -> Callable[[AsyncConnection], Awaitable[None]]:
    values = {
        "ticket_id": "261123000000000", "version": 1, "at": NOW, "made_at": NOW, "event": "test",
        "actor": "test", "status": "received", "detail": {}, "model": "m", "decision": {},
        "agent": "a", "choice": {}, "before": {}, "number": 1, "mac": b"",
        "id": "a", "sealed_text": b"", "entry": "e", "editor": "a", "retired": False,
        "question": "q", "answer": "a", "asks": [], "topic": "t", "unit": "u", "source": {},
        "owner": "o",
    }  # fmt: skip
    ticket = {
        "id": "261123000000000", "channel": "web", "query_digest": b"", "sealed_query_code": b"",
        "status": "received", "version": 1, "accepted_at": NOW, "surge": False, "complex": False,
        "supporting_units": [], "untriaged": False, "automatic": False, "confirmation": "none",
        "needs_triage": True, "triage_attempts": 0,
    }  # fmt: skip

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(insert(schema.tickets).values(ticket))
        rows = schema.metadata.tables[table]
        named = {name: value for name, value in values.items() if name in rows.c}
        await connection.execute(insert(rows).values(named))

    return work


async def test_postgresql_refuses_to_truncate_what_is_appended(database: Database) -> None:
    """TRUNCATE is a deletion too, where the database has it."""
    statement = "DELETE FROM history" if database.is_embedded else "TRUNCATE history"
    await database.write(_some_row("history"))
    with pytest.raises(DBAPIError, match="append-only"):
        await database.write(lambda c: c.execute(text(statement)))


async def test_times_without_a_zone_are_refused_and_others_come_back_in_utc(
    database: Database,
) -> None:
    """Whose zone would a naive time be in? What is stored comes back aware, the same moment."""
    naive = {"name": "naive", "holder": "", "until": NOW.replace(tzinfo=None)}
    with pytest.raises(Exception, match="a time without zone"):
        await database.write(lambda c: c.execute(insert(schema.leases).values(naive)))
    await database.write(keep("aware"))
    async with database.read() as connection:
        found = (await connection.execute(select(schema.leases.c.until))).scalar_one()
    assert (found, found.tzinfo) == (NOW, UTC)
