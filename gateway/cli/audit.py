"""`jiesu audit verify`: whether the audit log is as it was written."""

from typing import Annotated

import typer

from gateway.accounts.audit import Checked, check_audit
from gateway.cli.running import with_foundation
from gateway.foundation import Foundation

audit = typer.Typer(no_args_is_help=True, help="The audit log.")


@audit.callback()
def _audit() -> None:
    """The audit log."""


@audit.command()
def verify(
    known: Annotated[
        str | None, typer.Option(help="NUMBER:MAC that an earlier run printed.")
    ] = None,
) -> None:
    """Walk the audit log and name the first entry that is missing or not as it was written."""
    earlier = _read(known) if known is not None else None

    async def work(base: Foundation) -> Checked:
        async with base.database.snapshot() as connection:
            return await check_audit(connection, base.vault, earlier)

    found = with_foundation(work)
    if found.fault is not None:
        typer.echo(f"jiesu: the audit log is broken: {found.fault}", err=True)
        raise typer.Exit(1)
    typer.echo(f"{found.number}:{found.mac}")
    typer.echo(f"the audit log is whole: {found.number} entries", err=True)


def _read(known: str) -> tuple[int, str]:
    number, _, mac = known.partition(":")
    if not number.isdecimal() or not mac:
        raise typer.BadParameter("give it as it was printed: NUMBER:MAC")
    return int(number), mac
