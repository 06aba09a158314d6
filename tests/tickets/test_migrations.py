"""The schema steps on both databases: complete, append-only, and safe while others serve."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, delete, insert, inspect, select, text, update
from sqlalchemy.engine.interfaces import ReflectedIndex
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.clock import SystemClock
from gateway.tickets import schema
from gateway.tickets.database import Database, open_database
from gateway.tickets.migrate import (
    VERSIONS,
    SchemaTooNew,
    applied_steps,
    known_revisions,
    migrate,
    steps_of,
)
from tests.backup.place import until

CLOCK = SystemClock()
_BREAK = "UPDATE pg_index SET indisvalid = false"
AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
HISTORY_LINE: dict[str, Any] = {
    "ticket_id": "260301481770352",
    "version": 1,
    "at": AT,
    "event": "accepted",
    "actor": "api",
    "status": "received",
    "detail": {},
}
RECORDS: dict[str, dict[str, Any]] = {
    "history": HISTORY_LINE,
    "decisions": {
        "ticket_id": "260301481770352",
        "version": 2,
        "made_at": AT,
        "model": "test@1",
        "decision": {},
    },
    "confirmations": {
        "ticket_id": "260301481770352",
        "version": 3,
        "event": "confirmed",
        "agent": "li",
        "at": AT,
        "choice": {},
        "before": {},
    },
    "audit": {
        "number": 1,
        "at": AT,
        "event": "signed_out",
        "actor": "li",
        "detail": {},
        "mac": b"m",
    },
    "answers": {
        "id": "a" * 32,
        "ticket_id": "260301481770352",
        "version": 4,
        "agent": "li",
        "at": AT,
        "sealed_text": b"s",
    },
    "knowledge_edits": {
        "number": 1,
        "entry": "heating-season",
        "version": 5,
        "at": AT,
        "editor": "li",
        "retired": False,
        "question": "几号供暖",
        "answer": "11月15日",
        "asks": [],
        "topic": "城乡建设",
        "unit": "heating",
        "source": {"title": "公告"},
        "owner": "li",
    },
}
TICKET: dict[str, Any] = {
    "id": "260301481770352",
    "channel": "api",
    "query_digest": b"d",
    "sealed_query_code": b"c",
    "status": "received",
    "version": 1,
    "accepted_at": AT,
    "surge": False,
    "complex": False,
    "supporting_units": [],
    "untriaged": False,
    "automatic": False,
    "confirmation": "none",
    "needs_triage": True,
    "triage_attempts": 0,
}


@pytest.fixture(params=["sqlite", "postgres"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        url = f"sqlite+aiosqlite:///{tmp_path}/jiesu.sqlite3"
    else:
        url = request.getfixturevalue("postgres_url")
    opened = open_database(url)
    yield opened
    await opened.close()


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[Database]:
    """An empty PostgreSQL database."""
    opened = open_database(postgres_url)
    yield opened
    await opened.close()


def later(folder: Path, *steps: tuple[str, str, str]) -> list[Path]:
    """Return where the shipped steps and these later ones `(name, phase, SQL)` lie."""
    folder.mkdir()
    before = known_revisions()[-1]
    for name, phase, sql in steps:
        (folder / f"{name}.py").write_text(
            f"from alembic import op\nrevision = {name!r}\ndown_revision = {before!r}\n"
            f"phase = {phase!r}\n\n\ndef upgrade() -> None:\n    op.execute({sql!r})\n"
        )
        before = name
    return [VERSIONS, folder]


WIDEN = ("t1_widen", "expand", "ALTER TABLE people ADD COLUMN note VARCHAR(8)")
NARROW = ("t2_narrow", "contract", "ALTER TABLE people DROP COLUMN note")
WIDEN_AGAIN = ("t3_widen", "expand", "ALTER TABLE accounts ADD COLUMN note VARCHAR(8)")


async def test_the_steps_yield_the_schema_of_the_tables(database: Database) -> None:
    """A migrated database has no difference from the tables that the program uses."""
    await migrate(database, CLOCK)

    def is_ours(name: str | None, kind: str, _parents: object) -> bool:
        # The search's index of words is of its own kind on either database.
        return kind != "table" or not (name or "").startswith("search_words")

    def differences(connection: Connection) -> list[Any]:
        options = {"include_name": is_ours}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, schema.metadata))

    async with database.read() as connection:
        assert await connection.run_sync(differences) == []


async def test_the_steps_yield_the_same_keys_and_partial_indexes(database: Database) -> None:
    """What Alembic does not compare, primary keys and index conditions, is the same too."""

    def condition(index: ReflectedIndex) -> tuple[list[str | None], list[str]]:
        options = index.get("dialect_options", {})
        return index["column_names"], [f"{key}: {value}" for key, value in options.items()]

    def shape(connection: Connection) -> dict[str, Any]:
        seen = inspect(connection)
        return {
            name: (
                seen.get_pk_constraint(name),
                {str(index["name"]): condition(index) for index in seen.get_indexes(name)},
                [
                    (column["name"], column.get("autoincrement"))
                    for column in seen.get_columns(name)
                ],
            )
            for name in sorted(schema.metadata.tables)
        }

    async with database.engine.begin() as connection:
        await connection.run_sync(schema.metadata.create_all)
        wanted = await connection.run_sync(shape)
        await connection.run_sync(schema.metadata.drop_all)
    await migrate(database, CLOCK)
    async with database.read() as connection:
        assert await connection.run_sync(shape) == wanted


async def test_the_counter_of_ticket_numbers_is_there(database: Database) -> None:
    """The first step leaves one counter that starts at nought."""
    await migrate(database, CLOCK)
    async with database.read() as connection:
        rows = (await connection.execute(select(schema.ticket_numbers))).all()
    assert [tuple(row) for row in rows] == [("ticket", 0)]


@pytest.mark.parametrize("name", schema.APPEND_ONLY)
async def test_records_can_be_neither_changed_nor_deleted(database: Database, name: str) -> None:
    """Tables that are only appended to take rows and refuse every other change."""
    await migrate(database, CLOCK)
    table = schema.metadata.tables[name]

    async def add(connection: AsyncConnection) -> None:
        await connection.execute(insert(schema.tickets).values(**TICKET))
        await connection.execute(insert(table).values(**RECORDS[name]))

    await database.write(add)
    for statement in (update(table).values(number=9), delete(table)):
        with pytest.raises(DBAPIError, match="append-only"):
            async with database.engine.begin() as connection:
                await connection.execute(statement)
    async with database.read() as connection:
        [kept] = (await connection.execute(select(table))).mappings()
    assert {key: value for key, value in kept.items() if value is not None} == {
        "number": 1,
        **RECORDS[name],
    }


async def test_a_second_run_changes_nothing(database: Database) -> None:
    """Applied steps are recorded with their phase and not applied again."""
    assert await migrate(database, CLOCK) == known_revisions()
    assert await migrate(database, CLOCK) == []
    assert list(await applied_steps(database)) == known_revisions()


async def test_processes_that_start_together_migrate_once(database: Database) -> None:
    """Of several that start at once, one applies each step and none fails."""
    url = database.engine.url.render_as_string(hide_password=False)
    others = [open_database(url) for _ in range(3)]
    applied = await asyncio.gather(*(migrate(other, CLOCK) for other in others))
    for other in others:
        await other.close()
    assert [*chain.from_iterable(applied)] == known_revisions()


async def test_contract_steps_wait_until_asked(postgres: Database, tmp_path: Path) -> None:
    """Where others may be serving, nothing goes past the first contract step unasked."""
    await migrate(postgres, CLOCK)
    versions = later(tmp_path / "v", WIDEN, NARROW, WIDEN_AGAIN)
    assert await migrate(postgres, CLOCK, versions=versions) == ["t1_widen"]
    assert await migrate(postgres, CLOCK, versions=versions) == []
    wanted = ["t2_narrow", "t3_widen"]
    assert await migrate(postgres, CLOCK, contract=True, versions=versions) == wanted


async def test_a_brand_new_database_takes_all_steps(database: Database, tmp_path: Path) -> None:
    """Nobody serves from a database without tables, so contract steps need not wait."""
    versions = later(tmp_path / "v", WIDEN, NARROW)
    assert await migrate(database, CLOCK, versions=versions) == [
        *known_revisions(),
        "t1_widen",
        "t2_narrow",
    ]


async def test_an_embedded_database_takes_all_steps(tmp_path: Path) -> None:
    """Over SQLite nobody else serves, so contract steps are applied at the start."""
    database = open_database(f"sqlite+aiosqlite:///{tmp_path}/jiesu.sqlite3")
    await migrate(database, CLOCK)
    versions = later(tmp_path / "v", WIDEN, NARROW)
    assert await migrate(database, CLOCK, versions=versions) == ["t1_widen", "t2_narrow"]
    await database.close()


async def test_an_older_version_serves_from_an_expanded_schema(
    database: Database, tmp_path: Path
) -> None:
    """When a newer version has only expanded, this one goes on."""
    await migrate(database, CLOCK)
    await migrate(database, CLOCK, versions=later(tmp_path / "v", WIDEN))
    assert await migrate(database, CLOCK) == []


async def test_an_older_version_refuses_a_contracted_schema(
    database: Database, tmp_path: Path
) -> None:
    """When a newer version has taken something away, this one says so and stops."""
    await migrate(database, CLOCK)
    await migrate(database, CLOCK, contract=True, versions=later(tmp_path / "v", WIDEN, NARROW))
    with pytest.raises(SchemaTooNew, match="t2_narrow"):
        await migrate(database, CLOCK)


async def test_a_step_that_fails_leaves_nothing(database: Database, tmp_path: Path) -> None:
    """A step is applied whole or not at all, and can be tried again."""
    await migrate(database, CLOCK)
    broken = ("t1_broken", "expand", "ALTER TABLE nowhere ADD COLUMN note VARCHAR(8)")
    with pytest.raises(DBAPIError):
        await migrate(database, CLOCK, versions=later(tmp_path / "broken", broken))
    assert list(await applied_steps(database)) == known_revisions()
    assert await migrate(database, CLOCK, versions=later(tmp_path / "v", WIDEN)) == ["t1_widen"]


async def test_a_step_lets_others_pass_while_it_waits(postgres: Database, tmp_path: Path) -> None:
    """A step that cannot lock its table gives way to writers and succeeds when it is free."""
    await migrate(postgres, CLOCK)
    versions = later(tmp_path / "v", WIDEN)
    person = {"kind": "phone", "digest": b"d", "ticket_id": "1", "source": "reporter"}
    async with postgres.engine.connect() as reader:
        await reader.execute(select(schema.people))
        step = asyncio.create_task(migrate(postgres, CLOCK, versions=versions))
        for _ in range(1000):
            async with postgres.read() as connection:
                if await connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                    break
            await asyncio.sleep(0.01)
        else:
            pytest.fail("the step never waited for its lock")
        await postgres.write(lambda c: c.execute(insert(schema.people).values(**person)))
        assert not step.done()
    assert await step == ["t1_widen"]


async def test_the_older_version_writes_while_a_newer_one_migrates(
    postgres: Database, tmp_path: Path
) -> None:
    """Under load, expanding and contracting lose and refuse none of the writes."""
    await migrate(postgres, CLOCK)
    versions = later(tmp_path / "v", WIDEN, NARROW, WIDEN_AGAIN)
    stop = asyncio.Event()
    written = 0

    async def load() -> None:
        nonlocal written
        while not stop.is_set():
            line = {**HISTORY_LINE, "detail": {"n": written}}
            person = {"kind": "phone", "digest": b"d", "ticket_id": "1", "source": "reporter"}

            async with postgres.engine.begin() as connection:
                await connection.execute(insert(schema.people).values(**person))
                await connection.execute(insert(schema.history).values(**line))
                await connection.execute(select(schema.people).limit(1))
                await connection.execute(select(schema.accounts).limit(1))
            written += 1

    writers = [asyncio.create_task(load()) for _ in range(4)]
    newer = open_database(postgres.engine.url.render_as_string(hide_password=False))
    await until(lambda: written >= 20)
    await migrate(newer, CLOCK, versions=versions)
    await migrate(newer, CLOCK, contract=True, versions=versions)
    before = written
    await until(lambda: written >= before + 20)
    stop.set()
    await asyncio.gather(*writers)
    await newer.close()
    async with postgres.read() as connection:
        kept = await connection.scalar(text("SELECT count(*) FROM people"))
    assert kept == written


async def test_indexes_on_large_tables_are_built_while_others_write(postgres: Database) -> None:
    """No lock keeps a writer out, and what a broken-off attempt has left is built anew."""
    await migrate(postgres, CLOCK, upto="0009_desk")
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_confirmations_at'::regclass"
    async with postgres.engine.begin() as connection:
        await connection.execute(text('CREATE INDEX ix_confirmations_at ON confirmations ("at")'))
        broken = valid.replace("SELECT indisvalid FROM pg_index", _BREAK)
        await connection.execute(text(broken))
    async with postgres.engine.begin() as writer:
        await writer.execute(insert(schema.tickets).values(**TICKET))
        step = asyncio.create_task(migrate(postgres, CLOCK))
        for _ in range(1000):
            async with postgres.read() as connection:
                if await connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                    break
            await asyncio.sleep(0.01)
        else:
            pytest.fail("no index ever waited for the writer")
        other = {**TICKET, "id": "260301481770360"}
        await postgres.write(lambda c: c.execute(insert(schema.tickets).values(**other)))
        assert not step.done()
    assert "0010_oversight" in await step
    async with postgres.read() as connection:
        assert await connection.scalar(text(valid)) is True


def test_the_steps_are_one_line() -> None:
    """Each revision follows at most one other, only one is the last, and each names its phase."""
    directory = ScriptDirectory(VERSIONS.parent, version_locations=[VERSIONS])
    steps = steps_of(directory)
    assert len(directory.get_heads()) == 1
    followed = [step.script.down_revision for step in steps]
    assert followed == [None, *(step.revision for step in steps[:-1])]
    assert {step.phase for step in steps} <= {"expand", "contract"}
