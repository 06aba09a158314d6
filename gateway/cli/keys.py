"""`jiesu keys rotate`: a new key-encryption key, under which all data keys are wrapped anew."""

import asyncio
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import typer
from sqlalchemy.exc import DBAPIError

from gateway.accounts.data_keys import StoredDataKeys
from gateway.accounts.keys import KeyFile, KeysError, read_key_file, unwrap, write_key_file
from gateway.observability.logs import configure_logs
from gateway.settings import Settings, SettingsError, read_settings
from gateway.tickets.database import open_database

keys = typer.Typer(help="The keys that people's data is encrypted under.", no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation did; `document` is what the operator has still to store."""

    primary: str
    wrapped: int
    was_begun: bool = False
    document: str | None = None


@keys.callback()
def _keys() -> None:
    """The keys that people's data is encrypted under."""


@keys.command()
def rotate() -> None:
    """Make a new key and wrap every data key anew under it; then restart every process."""
    configure_logs("warning", "console")
    try:
        done = asyncio.run(_rotate(read_settings()))
    except (KeysError, OSError) as error:
        raise SettingsError(str(error)) from None
    except DBAPIError as error:
        raise SettingsError(f"the database refuses: {error.orig}") from None
    if done.document is not None:
        typer.echo(done.document)
        typer.echo(
            "JIESU_KEYS holds the keys themselves, so only you can replace them. Nothing has "
            "changed yet: store the document above as JIESU_KEYS, restart every process, and run "
            "`jiesu keys rotate` again to wrap the data keys anew.",
            err=True,
        )
        return
    if done.was_begun:
        typer.echo("Finished the rotation that was begun before; run again for yet another key.")
    typer.echo(
        f"{done.wrapped} data keys are wrapped under {done.primary}. Restart every process, and "
        "keep a copy of the key file apart from the backups: the older keys in it open the older "
        "backups."
    )


async def rotate_keys(data_keys: StoredDataKeys, key_file: KeyFile, path: Path | None) -> Rotation:
    """Rotate in an order in which a crash at any point leaves everything readable.

    The file with the new key is in place before anything is wrapped under it. A rotation that
    broke off between the two is finished instead of beginning another. Raises `KeysError`, before
    anything is changed, where the keys are not those in use.
    """
    rows = await data_keys.load()
    for row in rows:
        unwrap(key_file, row)
    if any(row.key_id != key_file.primary for row in rows):
        return Rotation(key_file.primary, await data_keys.wrap_anew(key_file), was_begun=True)
    fresh = key_file.rotated()
    if path is None:
        return Rotation(fresh.primary, 0, document=fresh.document())
    write_key_file(path, fresh)
    return Rotation(fresh.primary, await data_keys.wrap_anew(fresh))


def present_keys(settings: Settings) -> tuple[KeyFile, Path | None]:
    """Return the keys and their file; raise `KeysError` instead of making new ones."""
    default = settings.data_dir / "keys.json"
    if settings.keys is None and not default.exists():
        raise KeysError(
            f"there are no keys: set JIESU_KEYS to the key file, or put it at {default}"
        )
    return read_key_file(settings.keys, settings.data_dir)


async def _rotate(settings: Settings) -> Rotation:
    _, path = present_keys(settings)
    with _alone(path):
        key_file, path = present_keys(settings)
        database = open_database(settings.database)
        try:
            return await rotate_keys(StoredDataKeys(database), key_file, path)
        finally:
            await database.close()


@contextmanager
def _alone(path: Path | None) -> Iterator[None]:
    """Keep two rotations from each writing a file without the other's key."""
    if path is None:
        yield
        return
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
