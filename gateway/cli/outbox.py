"""`jiesu outbox`: what is to be published, and what is published and not yet done."""

from typing import Annotated

import typer
from sqlalchemy import select

from gateway.cli.running import with_foundation
from gateway.dispatch.outbox import publish_again
from gateway.dispatch.streams import NO_ENTRY
from gateway.foundation import Foundation
from gateway.tickets import schema

outbox = typer.Typer(no_args_is_help=True, help="What is on its way to the streams.")


@outbox.command("list")
def list_(limit: Annotated[int, typer.Option(help="At most so many.")] = 100) -> None:
    """List outbox rows: ticket, version, tier, state, due time."""
    table = schema.outbox.c
    statement = (
        select(
            table.ticket_id, table.version, table.tier, table.due_at, table.released,
            table.entry_ms, table.entry_seq,
        )
        .order_by(table.due_at, table.number)
        .limit(limit)
    )  # fmt: skip

    async def work(base: Foundation) -> None:
        async with base.database.read() as connection:
            for row in await connection.execute(statement):
                state = "waiting" if row.released else "held"
                if row.entry_ms is not None:
                    state = f"published {row.entry_ms}-{row.entry_seq}"
                typer.echo(
                    f"{row.ticket_id}  v{row.version}  {row.tier}  {state}  "
                    f"due {row.due_at:%Y-%m-%dT%H:%M:%SZ}"
                )

    with_foundation(work)


@outbox.command()
def republish() -> None:
    """Send again what was published and not yet acknowledged by every group.

    For a Redis that came back without its entries; consumers drop what they have handled.
    """
    count = with_foundation(
        lambda base: base.database.write(lambda c: publish_again(c, None, NO_ENTRY))
    )
    typer.echo(f"{count} entries will be sent again")
