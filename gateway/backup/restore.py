"""Restores a backup into an empty database; refuses before anything is touched.

What happened between the backup and the loss is gone here, but consumers may have handled it.
So every ticket's version is raised far above what they can have seen, the outbox is sent again,
and the numbers that were handed out since are skipped.
"""

import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

import orjson
from sqlalchemy import MetaData, Table, delete, func, insert, inspect, literal, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.keys import KeyFile
from gateway.backup.archive import (
    BackupError,
    Manifest,
    check_archive,
    members,
    pieces_of,
)
from gateway.backup.rows import Row, batches, parse_lines, tables_of
from gateway.clock import Clock
from gateway.durable import flush
from gateway.intake.attachments import Attachments
from gateway.tickets.database import Database
from gateway.tickets.migrate import known_revisions, migrate
from gateway.tickets.schema import APPEND_ONLY, SEARCH_WORDS, metadata
from gateway.tickets.workflow import CLOSED

RAISE: Final = 1000
"""By how much versions rise: more than a ticket has changes between two backups."""
SKIP: Final = 1_000_000
"""How many ticket numbers are skipped: more than are handed out between two backups."""
_OURS: Final = {*metadata.tables, *SEARCH_WORDS, "alembic_version"}
_HOLDS_WORK: Final = ("tickets", "messages", "quarantine")


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored, and where the catalogue that was there before now lies."""

    manifest: Manifest
    attachments: int
    catalogue_before: Path | None


async def restore_backup(
    path: Path,
    *,
    database: Database,
    attachments: Attachments,
    catalogue: Path,
    key_file: KeyFile,
    clock: Clock,
) -> Restored:
    """Restore the backup; nobody may serve from the database meanwhile.

    Raises `BackupError`, before anything is touched, where the backup is damaged or unknown, the
    keys do not fit, or the database is in use or holds tickets. Until the rows are committed,
    all at once and last of all, a restore that broke off can be run again.
    """
    manifest = check_archive(path)
    if manifest.revision not in known_revisions():
        raise BackupError(
            f"{path} was made by a newer version (schema step {manifest.revision}): "
            "restore it with that version"
        )
    _check_keys(manifest, key_file)
    await _check_target(database)
    await _empty(database)
    await migrate(database, clock, contract=True, upto=manifest.revision)
    before = _keep_catalogue(catalogue, clock.now())
    count = 0
    for name, file in members(path):
        folder, _, rest = name.partition("/")
        if folder == "attachments":
            await attachments.import_(rest, _pieces(file))
            count += 1
        elif folder == "catalogue":
            _put_file(catalogue / rest, file)
    await database.write(lambda connection: _load(connection, path, manifest, clock.now()))
    await migrate(database, clock, contract=True)
    return Restored(manifest, count, before)


def _check_keys(manifest: Manifest, key_file: KeyFile) -> None:
    present = key_file.fingerprints()
    if lacking := sorted(
        name for name, shown in manifest.fingerprints.items() if present.get(name) != shown
    ):
        raise BackupError(
            f"JIESU_KEYS does not fit this backup (key {', '.join(lacking)}): set it to the key "
            "file that was in use when the backup was taken; nothing has been touched"
        )


async def _check_target(database: Database) -> None:
    """Refuse a database that somebody uses, or that holds what a restore would overwrite."""
    await database.engine.dispose()
    if database.is_embedded:
        _check_unused(database.engine.url.database or "")
    async with database.read() as connection:
        if not database.is_embedded:
            others = await connection.scalar(
                text(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                    "AND usename = current_user AND pid <> pg_backend_pid()"
                )
            )
            if others:
                raise _in_use()
        present = set(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))
        if strange := sorted(present - _OURS):
            raise BackupError(
                f"the database holds tables that this version does not know ({strange[0]}): "
                "restore into an empty database; nothing has been touched"
            )
        for name in _HOLDS_WORK:
            table = metadata.tables[name]
            if name in present and await connection.scalar(select(func.count()).select_from(table)):
                raise BackupError(
                    f"the database already holds {name}: restore into an empty database "
                    "(JIESU_DATA_DIR or JIESU_DATABASE_URL); nothing has been touched"
                )


def _check_unused(path: str) -> None:
    """Leave WAL for a moment, which SQLite refuses while another connection is open."""
    if not Path(path).exists():
        return
    try:
        with closing(sqlite3.connect(path, timeout=0)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError:
        raise _in_use() from None


def _in_use() -> BackupError:
    return BackupError(
        "the database is in use: stop Jiesu, and whatever else is connected to it, then restore; "
        "nothing has been touched"
    )


async def _empty(database: Database) -> None:
    """Drop our tables, which hold no tickets: their schema may be newer than the backup's."""

    async def work(connection: AsyncConnection) -> None:
        found = MetaData()
        await connection.run_sync(found.reflect)
        for name in SEARCH_WORDS[1:]:
            if name in found.tables:
                found.remove(found.tables[name])
        await connection.run_sync(found.drop_all)

    await database.write(work)


def _keep_catalogue(folder: Path, now: datetime) -> Path | None:
    """Copy the catalogue that is there aside and return where it lies."""
    if not folder.is_dir() or not any(folder.iterdir()):
        return None
    aside = folder.with_name(f"{folder.name}-before-restore-{now:%Y%m%dT%H%M%S}")
    shutil.copytree(folder, aside, dirs_exist_ok=True)
    return aside


def _put_file(path: Path, file: IO[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    with draft.open("wb") as target:
        shutil.copyfileobj(file, target)
    draft.replace(path)
    flush(path.parent)


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces_of(file):
        yield piece


async def _load(connection: AsyncConnection, path: Path, manifest: Manifest, now: datetime) -> None:
    """Put the rows into the empty tables of the backup's own schema, and follow them up."""
    tables = {table.name: table for table in await tables_of(connection)}
    for name in tables.keys() - set(APPEND_ONLY):
        await connection.execute(delete(tables[name]))  # what the steps themselves put there
    for name, file in members(path):
        folder, _, rest = name.partition("/")
        if folder != "tables":
            break
        table = tables[rest.removesuffix(".jsonl")]
        for batch in batches(_raised(table.name, parse_lines(table, file))):
            await connection.execute(insert(table), batch)
    if connection.dialect.name == "postgresql":
        for table in tables.values():
            await _continue_numbers(connection, table)
    await _append_restored(connection, tables, manifest, now)


def _raised(table: str, rows: Iterator[Row]) -> Iterator[Row]:
    for row in rows:
        if table == "tickets":
            row |= {"version": row["version"] + RAISE, "triage_not_before": None}
        elif table == "ticket_numbers":
            row["next"] += SKIP
        elif table == "outbox":
            document = orjson.loads(row["payload"])
            document["version"] += RAISE
            row |= {
                "version": row["version"] + RAISE,
                "payload": orjson.dumps(document).decode(),
                "published_at": None,
                "entry_ms": None,
                "entry_seq": None,
            }
        yield row


async def _continue_numbers(connection: AsyncConnection, table: Table) -> None:
    """Let the sequence go on behind the rows, which came with their numbers."""
    if "number" not in table.columns:
        return
    last = await connection.scalar(select(func.max(table.c.number)))
    if last is not None:
        sequence = func.pg_get_serial_sequence(table.name, "number")
        await connection.execute(select(func.setval(sequence, last)))


async def _append_restored(
    connection: AsyncConnection, tables: dict[str, Table], manifest: Manifest, now: datetime
) -> None:
    """Tell in the history of every open ticket what happened to it."""
    tickets, history = tables["tickets"].c, tables["history"]
    detail: dict[str, Any] = {"backup_of": manifest.taken_at.astimezone(UTC).isoformat()}
    lines = {
        "ticket_id": tickets.id,
        "version": tickets.version,
        "at": literal(now, history.c.at.type),
        "event": literal("restored"),
        "actor": literal("restore"),
        "status": tickets.status,
        "detail": literal(detail, history.c.detail.type),
    }
    is_open = tickets.status.not_in([str(status) for status in CLOSED])
    rows = select(*lines.values()).where(is_open).order_by(tickets.id)
    await connection.execute(insert(history).from_select(list(lines), rows))
