"""`jiesu accounts`: who may act on tickets."""

from typing import Annotated

import typer

from gateway.accounts.accounts import AccountRefused, Accounts, Role
from gateway.cli.running import with_foundation
from gateway.settings import SettingsError

accounts = typer.Typer(no_args_is_help=True, help="Who may act on tickets.")


@accounts.callback()
def _accounts() -> None:
    """Who may act on tickets."""


@accounts.command()
def add(
    name: Annotated[str, typer.Argument(help="A name of up to 64 characters.")],
    role: Annotated[Role, typer.Option(help="What the account is for.")] = Role.AGENT,
) -> None:
    """Make an account and print its bearer token, once; the first one is an administrator's."""
    if not name.strip() or len(name) > 64 or not name.isprintable():
        raise typer.BadParameter("a name has 1 to 64 printable characters")
    try:
        token = with_foundation(
            lambda base: Accounts(base.database, base.vault, base.clock).add(name.strip(), role)
        )
    except AccountRefused as error:
        raise SettingsError(str(error)) from None
    typer.echo(token)
    typer.echo(f"{name} ({role}): the token above is shown only now; keep it safe", err=True)
