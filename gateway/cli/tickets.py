"""`jiesu tickets`: look at tickets and confirm them from the command line."""

from datetime import timedelta
from typing import Annotated, Any

import orjson
import typer
from sqlalchemy import select

from gateway.bell import Bell
from gateway.catalogue import CatalogueFolder
from gateway.cli.running import with_foundation
from gateway.confirmation.confirm import ConfirmationDesk
from gateway.foundation import Foundation
from gateway.settings import SettingsError
from gateway.tickets import schema
from gateway.tickets.numbers import MalformedNumber, read_ticket_id, show_ticket_id
from gateway.tickets.reading import TICKET_QUEUES, ticket_with_history
from gateway.tickets.refusal import Refused
from gateway.tickets.store import TicketNotFound, find_tickets
from gateway.tickets.workflow import Status
from triage.decision import Tier

tickets = typer.Typer(no_args_is_help=True, help="Look at tickets and confirm them.")


@tickets.command("list")
def list_(
    status: Annotated[Status | None, typer.Option(help="Only this status.")] = None,
    unconfirmed: Annotated[bool, typer.Option(help="Only what waits for an agent.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 100,
) -> None:
    """List tickets by dispatch due time."""
    table = schema.tickets.c
    statement = (
        select(table.id, table.status, table.tier, table.unit, table.confirmation,
               table.dispatch_due_at)
        .order_by(table.dispatch_due_at, table.id)
        .limit(limit)
    )  # fmt: skip
    if status is not None:
        statement = statement.where(table.status == status)
    if unconfirmed:
        statement = statement.where(TICKET_QUEUES["unconfirmed"])

    async def work(base: Foundation) -> None:
        async with base.database.read() as connection:
            for row in await connection.execute(statement):
                typer.echo(
                    f"{show_ticket_id(row.id)}  {row.status}  {row.tier or '–'}  "
                    f"{row.unit or '–'}  {row.confirmation}  "
                    f"due {row.dispatch_due_at:%Y-%m-%dT%H:%M:%SZ}"
                )

    with_foundation(work)


@tickets.command()
def show(
    ticket_id: Annotated[str, typer.Argument(help="The number, with or without dashes.")],
) -> None:
    """Show one ticket with its decision, masked words and history, as JSON."""
    number = _number(ticket_id)

    async def work(base: Foundation) -> dict[str, Any]:
        async with base.database.snapshot() as connection:
            return await ticket_with_history(connection, number)

    try:
        found = with_foundation(work)
    except TicketNotFound:
        raise SettingsError(f"there is no ticket {ticket_id}") from None
    typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode())


@tickets.command()
def confirm(
    ticket_id: Annotated[str, typer.Argument(help="The number, with or without dashes.")],
    agent: Annotated[str, typer.Option(help="Who confirms; goes into the history.")],
    unit: Annotated[str | None, typer.Option(help="Another unit than the suggested one.")] = None,
    tier: Annotated[Tier | None, typer.Option(help="Another tier.")] = None,
    district: Annotated[str | None, typer.Option(help="The district's code.")] = None,
) -> None:
    """Confirm a ticket's route, or correct it; it is published when undoing is past."""
    number = _number(ticket_id)
    given = {"unit": unit, "tier": tier, "district": district}
    choice = {name: value for name, value in given.items() if value is not None}

    async def work(base: Foundation) -> int:
        settings = base.settings
        folder = CatalogueFolder(
            settings.catalogue, settings.data_dir / "catalogue.last-good", base.clock
        )
        _, catalogue = folder.load()
        desk = ConfirmationDesk(
            base.database, base.clock, base.rules, timedelta(seconds=settings.undo_seconds),
            frozenset(catalogue.units), Bell(base.clock),
        )  # fmt: skip
        async with base.database.read() as connection:
            found = await find_tickets(connection, [number])
        if not found:
            raise TicketNotFound(number)
        return (await desk.confirm(number, agent, found[number].version, choice)).version

    try:
        version = with_foundation(work)
    except TicketNotFound:
        raise SettingsError(f"there is no ticket {ticket_id}") from None
    except Refused as error:
        raise SettingsError(str(error)) from None
    typer.echo(f"{show_ticket_id(number)} confirmed at version {version}")


def _number(given: str) -> str:
    try:
        return read_ticket_id(given)
    except MalformedNumber as error:
        raise SettingsError(str(error)) from None
