"""`jiesu quarantine`: messages that could not be read."""

from typing import Annotated

import typer

from channels.errors import NotAnAppeal, Unparsable
from channels.registry import configured_channels
from gateway.bell import Bell
from gateway.cli.running import with_foundation
from gateway.foundation import Foundation, started_attachments
from gateway.intake.calls import Calls
from gateway.intake.inbox import Inbox
from gateway.intake.joining import Joining
from gateway.intake.quarantine import Quarantine
from gateway.intake.receiving import Receiving
from triage.decision import Tier

quarantine = typer.Typer(no_args_is_help=True, help="Messages that could not be read.")


@quarantine.command("list")
def list_(
    replayed: Annotated[bool, typer.Option(help="Those too that were replayed.")] = False,
) -> None:
    """List what is in quarantine: id, channel, time, reason; never the content."""

    async def work(base: Foundation) -> None:
        desk = Quarantine(base.database, base.vault, base.clock)
        for item in await desk.waiting(replayed=replayed):
            state = "replayed" if item.replayed_at else "waiting"
            typer.echo(
                f"{item.id}  {item.channel}  {item.received_at:%Y-%m-%dT%H:%M:%SZ}  "
                f"{state}  {item.reason}"
            )

    with_foundation(work)


@quarantine.command()
def replay(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids; default: all that wait.")] = None,
) -> None:
    """Read messages again and accept them; one that still cannot be read stays."""

    async def work(base: Foundation) -> int:
        desk = Quarantine(base.database, base.vault, base.clock)
        channels = configured_channels(base.settings)
        receiving = await _receiving(base, desk)
        failed = 0
        for identity in ids or [item.id for item in await desk.waiting()]:
            try:
                receipts = await desk.replay(identity, channels, receiving.read)
            except (Unparsable, NotAnAppeal, LookupError) as error:
                failed += 1
                typer.echo(f"{identity}  {error}", err=True)
                continue
            for receipt in receipts:
                typer.echo(f"{identity}  {receipt.ticket_id}")
        return failed

    if with_foundation(work, sealing=True):
        raise typer.Exit(1)


async def _receiving(base: Foundation, desk: Quarantine) -> Receiving:
    settings = base.settings
    attachments = await started_attachments(base)
    inbox = Inbox(base.database, base.vault, base.clock, Bell(base.clock), surge=settings.surge)
    joining = Joining(base.database, base.vault, base.clock)
    calls = Calls(base.database, base.vault, base.clock, inbox, joining, _at_the_end)
    return Receiving(inbox, calls, desk, attachments, base.metrics, max_files=settings.max_files)


async def _at_the_end(words: str) -> Tier:
    """Judge no call while it goes on: what is replayed is over, and its end opens the ticket."""
    return Tier.GENERAL
