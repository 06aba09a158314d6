"""`jiesu bench`: speed and memory on this machine."""

from typing import Annotated

import typer
import uvloop

from gateway.bench.measure import Bench
from gateway.clock import SystemClock


def bench(
    only: Annotated[
        str | None,
        typer.Option(
            help="One of: floors, start, restart, triage, knowledge, search, accepted, latency, "
            "end-to-end, memory, harm, live."
        ),
    ] = None,
    scale: Annotated[
        float, typer.Option(min=0.001, max=1, help="Shorten every run, for a quick look.")
    ] = 1.0,
) -> None:
    """Measure the service with embedded parts beside the machine's floors, as a table."""
    rows = uvloop.run(
        Bench(SystemClock(), lambda line: typer.echo(line, err=True), scale).run(only)
    )
    typer.echo("| figure | measured | goal | beside it |")
    typer.echo("|---|---|---|---|")
    for row in rows:
        typer.echo(f"| {row.figure} | {row.value} | {row.goal} | {row.floor} |")
