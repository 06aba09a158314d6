"""The `jiesu` command: sub-commands come from entry points, and only the one called is loaded."""

from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

from gateway.settings import SettingsError

GROUP: Final = "jiesu.commands"


class LazyGroup(TyperGroup):
    """Finds sub-commands by name among the entry points, so that start-up stays quick."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all installed sub-commands."""
        return sorted(point.name for point in entry_points(group=GROUP))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Load one sub-command; None where there is none of that name."""
        for point in entry_points(group=GROUP, name=cmd_name):
            return _load(point)
        return None


def _load(point: EntryPoint) -> Any:
    try:
        loaded = point.load()
    except ModuleNotFoundError as error:
        loaded = _not_installed(point.name, str(error.name))
    if isinstance(loaded, typer.Typer):
        app = loaded
    else:
        app = typer.Typer(add_completion=False)
        app.command(name=point.name)(loaded)
    command = get_command(app)
    command.name = point.name
    return command


def _not_installed(name: str, module: str) -> Any:
    """Return a command that says what is missing, so that the others and `--help` still work."""

    def missing() -> None:
        raise SettingsError(f"{name}: the module {module} is not installed here")

    missing.__doc__ = f"Not installed here: the module {module} is missing."
    return missing


application = typer.Typer(
    name="jiesu",
    cls=LazyGroup,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="接诉: an omnichannel intake gateway with triage for a 12345 citizen hotline.",
)


@application.callback()
def _root() -> None:
    """接诉: an omnichannel intake gateway with triage for a 12345 citizen hotline."""


def main() -> None:
    """Run the command line; what an operator can mend is told in a sentence, without traceback."""
    try:
        application()
    except SettingsError as error:
        raise SystemExit(f"jiesu: {error}") from None
