"""`jiesu accounts`: who may sign in, by token or by password, and what for."""

import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from gateway.accounts.accounts import AccountRefused, Accounts
from gateway.accounts.passwords import PasswordRefused, Passwords
from gateway.accounts.permissions import Role
from gateway.catalogue import CatalogueFolder
from gateway.cli.running import with_foundation
from gateway.foundation import Foundation
from gateway.settings import SettingsError

T = TypeVar("T")
accounts = typer.Typer(no_args_is_help=True, help="Who may sign in, and what for.")
Name = Annotated[str, typer.Argument(help="The account's name.")]


@accounts.callback()
def _accounts() -> None:
    """Who may sign in, and what for."""


@accounts.command()
def add(
    name: Annotated[str, typer.Argument(help="A name of up to 64 characters.")],
    role: Annotated[Role, typer.Option(help="What the account is for.")] = Role.AGENT,
    unit: Annotated[str | None, typer.Option(help="The code of a unit clerk's unit.")] = None,
) -> None:
    """Make an account and print its bearer token, once; the first one is an administrator's."""
    if not name.strip() or len(name) > 64 or not name.isprintable():
        raise typer.BadParameter("a name has 1 to 64 printable characters")

    async def work(base: Foundation) -> str:
        if unit is not None and unit not in _units(base):
            raise AccountRefused(f"{unit} is no unit's code; see units.csv")
        return await _of(base).add(name.strip(), role, unit)

    token = _run(work)
    typer.echo(token)
    typer.echo(f"{name} ({role}): the token above is shown only now; keep it safe", err=True)


@accounts.command()
def password(name: Name) -> None:
    """Set an account's password, asked for or read from standard input; its sessions end."""
    if sys.stdin.isatty():
        given = str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    else:
        given = sys.stdin.readline().rstrip("\r\n")

    async def work(base: Foundation) -> None:
        await _of(base).set_password(name, await Passwords().hash(given))

    _run(work)
    typer.echo(f"{name} signs in with the new password; all sessions have ended", err=True)


@accounts.command()
def totp(name: Name) -> None:
    """Give an account a new second factor and print its URI, once; its sessions end."""
    typer.echo(_run(lambda base: _of(base).enrol(name), sealing=True))
    typer.echo(
        f"{name}: give the URI above to an authenticator app; it is shown only now", err=True
    )


@accounts.command()
def disable(name: Name) -> None:
    """Let an account sign in no more: its token, password and sessions end at once."""
    _run(lambda base: _of(base).disable(name))
    typer.echo(f"{name} is disabled", err=True)


@accounts.command("list")
def list_() -> None:
    """List accounts: name, role, unit, how they sign in, whether disabled."""

    async def work(base: Foundation) -> None:
        for row in await _of(base).listed():
            ways = ["token", *(way for way in ("password", "second_factor") if row[way])]
            state = "disabled" if row["disabled_at"] else ",".join(ways)
            typer.echo(f"{row['name']}  {row['role']}  {row['unit'] or '–'}  {state}")

    _run(work)


def _run(work: Callable[[Foundation], Awaitable[T]], *, sealing: bool = False) -> T:
    try:
        return with_foundation(work, sealing=sealing)
    except (AccountRefused, PasswordRefused) as error:
        raise SettingsError(str(error)) from None


def _of(base: Foundation) -> Accounts:
    return Accounts(base.database, base.vault, base.clock)


def _units(base: Foundation) -> frozenset[str]:
    settings = base.settings
    last_good = settings.data_dir / "catalogue.last-good"
    _, catalogue = CatalogueFolder(settings.catalogue, last_good, base.clock).load()
    return frozenset(catalogue.units)
