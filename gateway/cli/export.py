"""`jiesu export`: tickets and corrections as CSV, masked."""

import sys
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from gateway.accounts.audit import COMMAND_LINE, AuditLog
from gateway.cli.running import with_foundation
from gateway.foundation import Foundation
from gateway.oversight.exporting import Exported, Exporter, Span
from gateway.settings import SettingsError
from gateway.tickets.numbers import BEIJING

export = typer.Typer(no_args_is_help=True, help="Tickets and corrections as CSV, masked.")
_Since = Annotated[str | None, typer.Option(help="From this day on, 2026-03-01 in Beijing.")]
_Until = Annotated[str | None, typer.Option(help="Until before this day.")]
_Output = Annotated[Path | None, typer.Option(help="Into this file; default: standard output.")]
_Excel = Annotated[bool, typer.Option(help="With the mark by which Excel knows UTF-8.")]


@export.command()
def tickets(
    since: _Since = None, until: _Until = None, output: _Output = None, excel: _Excel = False
) -> None:
    """Export tickets by the day of their acceptance."""
    _export(Exported.TICKETS, Span(_day(since), _day(until)), output, excel=excel)


@export.command()
def corrections(
    since: _Since = None, until: _Until = None, output: _Output = None, excel: _Excel = False
) -> None:
    """Export what agents confirmed or corrected, as examples, by the day of the confirmation."""
    _export(Exported.CORRECTIONS, Span(_day(since), _day(until)), output, excel=excel)


def _export(what: Exported, span: Span, output: Path | None, *, excel: bool) -> None:
    async def work(base: Foundation) -> None:
        exporter = Exporter(base.database, AuditLog(base.vault, base.clock))
        pieces = exporter.export(what, span, COMMAND_LINE, excel=excel)
        with _opened(output) as file:
            async for piece in pieces:
                file.write(piece)
            file.flush()

    with_foundation(work)


def _opened(output: Path | None) -> BinaryIO:
    if output is None:
        return open(sys.stdout.fileno(), "wb", closefd=False)
    try:
        return output.open("xb")
    except FileExistsError:
        raise SettingsError(f"{output} is there already: name another file") from None


def _day(given: str | None) -> datetime | None:
    if given is None:
        return None
    try:
        return datetime.combine(date.fromisoformat(given), time(), BEIJING).astimezone(UTC)
    except ValueError:
        raise typer.BadParameter("give a day as 2026-03-01") from None
