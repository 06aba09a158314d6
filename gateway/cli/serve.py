"""`jiesu serve`: the running service."""

import sys
from typing import Annotated, Final

import typer
import uvloop

from gateway.app import serve as run
from gateway.cli.running import told_in_a_sentence
from gateway.dispatch.valkey import ValkeyFailed
from gateway.intake.triage_processes import TriageFailed
from gateway.observability.logs import configure_logs
from gateway.roles import ServeRole
from gateway.settings import read_settings
from triage.taxonomy import CatalogueError

_SWITCH_SECONDS: Final = 0.001


def serve(
    role: Annotated[
        list[ServeRole] | None,
        typer.Option(help="Only this role; give it again for another. Default: all of them."),
    ] = None,
) -> None:
    """Serve until SIGTERM: web, triage, media, relay and clock, or only some of these roles."""
    settings = read_settings()
    configure_logs(settings.log_level, settings.log_format)
    # Commits and file work wait in threads: the loop must hand the interpreter over quickly.
    sys.setswitchinterval(_SWITCH_SECONDS)
    with told_in_a_sentence(ValkeyFailed, TriageFailed, CatalogueError):
        uvloop.run(run(settings, tuple(role or ServeRole), _announce))


def _announce(port: int) -> None:
    settings = read_settings()
    typer.echo(f"接诉 Jiesu serves on http://{settings.host}:{port}")
