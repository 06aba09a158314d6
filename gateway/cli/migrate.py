"""`jiesu migrate`: bring the database's schema to this version."""

import asyncio
from typing import Annotated

import typer
from sqlalchemy.exc import DBAPIError

from gateway.clock import SystemClock
from gateway.observability.logs import configure_logs
from gateway.settings import Settings, SettingsError, read_settings
from gateway.tickets.database import open_database
from gateway.tickets.migrate import MigrationRefused, applied_steps, known_revisions
from gateway.tickets.migrate import migrate as migrate_database


def migrate(
    contract: Annotated[
        bool,
        typer.Option(
            "--contract",
            help="also take away what only older versions use; none of them may serve any more",
        ),
    ] = False,
) -> None:
    """Bring the database's schema to this version, while the version before serves."""
    configure_logs("warning", "console")
    try:
        applied, waiting = asyncio.run(_migrate(read_settings(), contract))
    except (MigrationRefused, OSError) as error:
        raise SettingsError(str(error)) from None
    except DBAPIError as error:
        raise SettingsError(f"the database refuses: {error.orig}") from None
    typer.echo(f"Applied: {', '.join(applied)}." if applied else "There was nothing to apply.")
    if waiting:
        typer.echo(
            f"Waiting for `jiesu migrate --contract`: {', '.join(waiting)}. "
            "Run it when no older version serves any more."
        )


async def _migrate(settings: Settings, contract: bool) -> tuple[list[str], list[str]]:
    if settings.database_url is None:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = open_database(settings.database)
    try:
        applied = await migrate_database(database, SystemClock(), contract=contract)
        there = await applied_steps(database)
        return applied, [name for name in known_revisions() if name not in there]
    finally:
        await database.close()
