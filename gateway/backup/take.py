"""Takes a backup of one moment while the service goes on."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.keys import KeyFile, WrappedKey, unwrap
from gateway.backup.archive import (
    FORMAT,
    ArchiveWriter,
    BackupError,
    Manifest,
    create_archive,
    pieces_of,
)
from gateway.backup.rows import Row, read_lines, tables_of
from gateway.clock import Clock
from gateway.intake.attachments import AttachmentMissing, Attachments
from gateway.tickets.database import Database
from gateway.tickets.migrate import current_revision


@dataclass(frozen=True, slots=True)
class Taken:
    """What a backup holds; `missing` are attachments that tickets name and the store lacks."""

    rows: dict[str, int]
    attachments: int
    missing: list[str]


@dataclass(slots=True)
class _Seen:
    """What passed by while the tables were read."""

    rows: dict[str, int]
    addresses: set[str]
    data_keys: list[WrappedKey]

    def note(self, table: str, row: Row) -> None:
        self.rows[table] += 1
        if table == "attachments":
            self.addresses.add(row["address"])
        elif table == "media":
            self.addresses |= {item["address"] for item in row["derived"] or ()}
        elif table == "data_keys":
            self.data_keys.append(WrappedKey(row["number"], row["key_id"], row["wrapped"]))


async def take_backup(
    path: Path,
    *,
    database: Database,
    attachments: Attachments,
    catalogue: Path,
    key_file: KeyFile,
    clock: Clock,
) -> Taken:
    """Write the backup to the path; the keys are left out.

    The tables are those of one moment; attachments are copied after it, so that none is missing
    that the tables name. Raises `KeysError` where the keys are not those in use, `BackupError`
    where there is nothing to back up, `OSError`.
    """
    at = clock.now()
    with create_archive(path, at) as archive:
        async with database.snapshot() as connection:
            revision = await current_revision(connection)
            if revision is None:
                raise BackupError("this database is empty: there is nothing to back up")
            seen = await _add_tables(archive, connection)
        for row in seen.data_keys:
            unwrap(key_file, row)
        stored = await _add_attachments(archive, attachments)
        await _add_catalogue(archive, catalogue)
        needed = {row.key_id for row in seen.data_keys} | {"index"}
        archive.finish(
            Manifest(
                format=FORMAT,
                revision=revision,
                taken_at=at,
                rows=seen.rows,
                sha256=archive.sha256,
                fingerprints={
                    name: shown for name, shown in key_file.fingerprints().items() if name in needed
                },
            )
        )
    return Taken(seen.rows, len(stored), sorted(seen.addresses - stored))


async def _add_tables(archive: ArchiveWriter, connection: AsyncConnection) -> _Seen:
    seen = _Seen({}, set(), [])
    for table in await tables_of(connection):
        name = table.name
        seen.rows[name] = 0
        lines = read_lines(connection, table, partial(seen.note, name))
        await archive.add(f"tables/{name}.jsonl", lines)
    return seen


async def _add_attachments(archive: ArchiveWriter, attachments: Attachments) -> set[str]:
    stored = set()
    async for address in attachments.addresses():
        try:
            await archive.add(f"attachments/{address}", attachments.export(address))
        except AttachmentMissing:
            continue  # removed since it was listed; a ticket that names it is told of
        stored.add(address)
    return stored


async def _add_catalogue(archive: ArchiveWriter, folder: Path) -> None:
    for name, file in _files(folder):
        await archive.add(f"catalogue/{name}", _read(file))


def _files(folder: Path) -> list[tuple[str, Path]]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(path.relative_to(folder).as_posix(), path) for path in found]


async def _read(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        for piece in pieces_of(file):
            yield piece
