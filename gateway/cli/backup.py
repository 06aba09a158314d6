"""`jiesu backup` and `jiesu restore`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.exc import DBAPIError

from gateway.accounts.data_keys import StoredDataKeys
from gateway.accounts.keys import KeyFile, KeysError, Vault
from gateway.backup.archive import BackupError
from gateway.backup.restore import Restored, restore_backup
from gateway.backup.take import Taken, take_backup
from gateway.cli.keys import present_keys
from gateway.clock import SystemClock
from gateway.foundation import attachment_store
from gateway.intake.attachments import AttachmentError, Attachments
from gateway.observability.logs import configure_logs
from gateway.settings import Settings, SettingsError, read_settings
from gateway.tickets.database import Database, open_database
from gateway.tickets.migrate import MigrationRefused

_REFUSALS = (KeysError, BackupError, AttachmentError, MigrationRefused, OSError)


def backup(
    file: Annotated[
        Path | None,
        typer.Argument(help="where to write it; default: jiesu-<time>.tar.gz in this folder"),
    ] = None,
) -> None:
    """Write a backup of tickets, attachments and catalogue while the service goes on."""
    path = file or Path(f"jiesu-{SystemClock().now():%Y%m%dT%H%M%SZ}.tar.gz")
    configure_logs("warning", "console")
    try:
        taken = asyncio.run(_backup(read_settings(), path))
    except _REFUSALS as error:
        raise SettingsError(f"no backup was written: {error}") from None
    except DBAPIError as error:
        raise SettingsError(f"no backup was written, the database says: {error.orig}") from None
    typer.echo(
        f"{path}: {taken.rows.get('tickets', 0)} tickets, {taken.attachments} attachments, and "
        "the catalogue. The keys are NOT in it: keep a copy of JIESU_KEYS elsewhere; without "
        "them nobody can restore this backup."
    )
    if taken.missing:
        typer.echo(
            f"{len(taken.missing)} attachments that tickets name are not in the store, "
            f"{taken.missing[0]} the first of them.",
            err=True,
        )


def restore(
    file: Annotated[Path, typer.Argument(help="the backup", exists=True, dir_okay=False)],
) -> None:
    """Restore a backup into an empty database; stop the service before."""
    configure_logs("warning", "console")
    try:
        done = asyncio.run(_restore(read_settings(), file))
    except _REFUSALS as error:
        raise SettingsError(f"not restored: {error}") from None
    except DBAPIError as error:
        raise SettingsError(f"not restored, the database says: {error.orig}") from None
    typer.echo(
        f"Restored {done.manifest.rows.get('tickets', 0)} tickets and {done.attachments} "
        f"attachments as they were at {done.manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC. What came "
        "after that is gone. Start the service: it publishes again what was not yet delivered."
    )
    if done.catalogue_before is not None:
        typer.echo(f"The catalogue that was here before lies in {done.catalogue_before}.")


@dataclass(frozen=True, slots=True)
class _Parts:
    key_file: KeyFile
    database: Database
    attachments: Attachments


@asynccontextmanager
async def _parts(settings: Settings) -> AsyncIterator[_Parts]:
    key_file, _ = present_keys(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = open_database(settings.database)
    try:
        vault = Vault(key_file, StoredDataKeys(database))
        scratch = settings.data_dir / "scratch"
        store = attachment_store(settings)
        yield _Parts(key_file, database, Attachments(store, vault, scratch, settings.max_file))
    finally:
        await database.close()


async def _backup(settings: Settings, path: Path) -> Taken:
    async with _parts(settings) as parts:
        return await take_backup(
            path,
            database=parts.database,
            attachments=parts.attachments,
            catalogue=settings.catalogue,
            key_file=parts.key_file,
            clock=SystemClock(),
        )


async def _restore(settings: Settings, path: Path) -> Restored:
    async with _parts(settings) as parts:
        return await restore_backup(
            path,
            database=parts.database,
            attachments=parts.attachments,
            catalogue=settings.catalogue,
            key_file=parts.key_file,
            clock=SystemClock(),
        )
