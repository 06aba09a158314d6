"""Schema migrations: Alembic's steps, one line of them, each `expand` or `contract`.

An `expand` step leaves a schema with which the version before still works, so that over
PostgreSQL it is applied while that one serves. A `contract` step takes away what only older
versions used, and is applied when none of them serves any more.
"""

import fcntl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Final, Literal

import structlog
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.clock import Clock
from gateway.tickets.database import Database
from gateway.tickets.indexing import build_concurrently, build_inside, wanted_indexes
from gateway.tickets.schema import schema_steps

log = structlog.get_logger(__name__)
Phase = Literal["expand", "contract"]
VERSIONS: Final = Path(__file__).parent / "migrations" / "versions"
_LOCK: Final = 0x6A69657375
"""Number of the advisory lock: "jiesu"."""
_LOCK_TIMEOUT: Final = "1s"
"""Whoever queues behind a waiting DDL statement waits no longer than this."""
_PAUSE: Final = 0.5
_ATTEMPTS: Final = 120
_TRY_AGAIN: Final = {"55P03", "40P01"}
"""SQLSTATEs of a lock that was not available, and of a deadlock."""


class MigrationRefused(Exception):
    """The schema cannot be brought to where this version needs it; the message says why."""


class SchemaTooNew(MigrationRefused):
    """A newer version has taken away what this one needs."""


@dataclass(frozen=True, slots=True)
class Step:
    """One schema step."""

    script: Script
    phase: Phase

    @property
    def revision(self) -> str:
        """Its name, which is kept in `schema_steps`."""
        return self.script.revision


async def migrate(
    database: Database,
    clock: Clock,
    *,
    contract: bool = False,
    upto: str | None = None,
    versions: Sequence[Path] = (VERSIONS,),
) -> list[str]:
    """Bring the schema forward and return the revisions applied now.

    Applies `expand` steps up to the first `contract` step, and beyond it only if asked, or if
    nobody else can be serving: the database is embedded or brand-new. `upto` stops behind that
    revision. A database that a newer version has only expanded is left as it is. Raises
    `SchemaTooNew`, or `MigrationRefused` where a lock could not be had.
    """
    directory = _directory(versions)
    steps = steps_of(directory)
    async with _alone(database, clock):
        phases = await applied_steps(database)
        contract = contract or database.is_embedded or not phases
        done = []
        for step in _pending(steps, phases, contract=contract, upto=upto):
            if await _apply(database, clock, directory, step):
                log.info("schema step applied", revision=step.revision, phase=step.phase)
                done.append(step.revision)
        return done


def steps_of(directory: ScriptDirectory) -> list[Step]:
    """Return the steps, oldest first."""
    scripts = reversed(list(directory.walk_revisions()))
    return [Step(script, script.module.phase) for script in scripts]


async def applied_steps(database: Database) -> dict[str, Phase]:
    """Return the phase of each applied revision; nothing for a brand-new database."""
    async with database.read() as connection:
        return await connection.run_sync(_applied)


async def current_revision(connection: AsyncConnection) -> str | None:
    """Return the newest applied revision."""
    return await connection.run_sync(
        lambda sync: MigrationContext.configure(sync).get_current_revision()
    )


def known_revisions(versions: Sequence[Path] = (VERSIONS,)) -> list[str]:
    """Return the revisions that this version knows, oldest first."""
    return [step.revision for step in steps_of(_directory(versions))]


def _directory(versions: Sequence[Path]) -> ScriptDirectory:
    return ScriptDirectory(VERSIONS.parent, version_locations=versions)


def _applied(connection: Connection) -> dict[str, Phase]:
    if not inspect(connection).has_table(schema_steps.name):
        return {}
    rows = connection.execute(select(schema_steps.c.revision, schema_steps.c.phase))
    return {row.revision: row.phase for row in rows}


def _pending(
    steps: list[Step], applied: dict[str, Phase], *, contract: bool, upto: str | None
) -> list[Step]:
    names = [step.revision for step in steps]
    pending = [step for step in steps if step.revision not in applied]
    unknown = {name: phase for name, phase in applied.items() if name not in names}
    if unknown:
        too_far = sorted(name for name, phase in unknown.items() if phase != "expand")
        if too_far or pending:
            raise SchemaTooNew(
                "a newer version of Jiesu has migrated this database "
                f"({', '.join(too_far or sorted(unknown))}) to where this one cannot serve: "
                "start that version, or restore a backup into an empty database"
            )
        log.warning("a newer version has expanded the schema", revisions=sorted(unknown))
    if upto is not None:
        if upto not in names:
            raise SchemaTooNew(f"this version of Jiesu does not know the schema step {upto}")
        last = names.index(upto)
        pending = [step for step in pending if names.index(step.revision) <= last]
    if contract:
        return pending
    first = next((n for n, step in enumerate(pending) if step.phase == "contract"), len(pending))
    if first < len(pending):
        log.info(
            "schema steps wait for `jiesu migrate --contract`",
            revisions=[step.revision for step in pending[first:]],
        )
    return pending[:first]


@asynccontextmanager
async def _alone(database: Database, clock: Clock) -> AsyncIterator[None]:
    """Keep other processes from migrating meanwhile, by trying again until the lock is free.

    On PostgreSQL a statement that waited instead would hold a snapshot, and a step that builds an
    index concurrently waits for all snapshots. On SQLite not even two first connections may meet:
    switching to WAL fails at once where another does the same.
    """
    if database.is_embedded:
        with _lock_file(database) as lock:
            while not _is_locked(lock):
                await clock.sleep(_PAUSE)
            yield
        return
    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        while not await connection.scalar(text(f"SELECT pg_try_advisory_lock({_LOCK})")):
            await clock.sleep(_PAUSE)
        try:
            yield
        finally:
            await connection.execute(text(f"SELECT pg_advisory_unlock({_LOCK})"))


def _lock_file(database: Database) -> IO[str]:
    return Path(f"{database.engine.url.database}.migrating").open("w")


def _is_locked(file: IO[str]) -> bool:
    """Take the lock if it is free; it ends with the file or the process."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _apply(database: Database, clock: Clock, directory: ScriptDirectory, step: Step) -> bool:
    """Apply the step in one transaction; return False if somebody else has done so."""

    async def work(connection: AsyncConnection) -> bool:
        return await connection.run_sync(_transact, directory, step, clock.now())

    await build_concurrently(database, wanted_indexes(step.script))

    for _ in range(_ATTEMPTS):
        try:
            return await database.write(work)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in _TRY_AGAIN:
                raise
            log.info("a schema step waits for a lock", revision=step.revision)
            await clock.sleep(_PAUSE)
    raise MigrationRefused(
        f"the schema step {step.revision} could not lock its tables: end long transactions "
        "(see pg_stat_activity) and start again; nothing of the step has been applied"
    )


def _transact(
    connection: Connection, directory: ScriptDirectory, step: Step, now: datetime
) -> bool:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
    if step.revision in _applied(connection):
        return False
    context = MigrationContext.configure(connection)
    with Operations.context(context) as operations:
        if connection.dialect.name == "sqlite":
            build_inside(operations, wanted_indexes(step.script))
        step.script.module.upgrade()
    context.stamp(directory, step.revision)
    connection.execute(
        insert(schema_steps).values(revision=step.revision, phase=step.phase, applied_at=now)
    )
    return True
