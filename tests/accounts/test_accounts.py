"""Accounts: a token is shown once and says whose it is; each change is told of."""

from typing import Any

import pytest
from sqlalchemy import select

from gateway.accounts.accounts import AccountRefused, Accounts
from gateway.accounts.audit import RESERVED, read_audit
from gateway.accounts.permissions import Account, Role
from gateway.tickets.database import Database
from gateway.tickets.schema import accounts as table
from tests.accounts.conftest import START


async def _told(database: Database) -> list[dict[str, Any]]:
    async with database.read() as connection:
        return (await read_audit(connection, limit=100))[::-1]


async def test_a_token_tells_whose_it_is(accounts: Accounts) -> None:
    """Each account is found by its own token, and by no other."""
    chief = await accounts.add("chief", Role.ADMINISTRATOR)
    agent = await accounts.add("agent-07", Role.AGENT)
    assert await accounts.of_token(agent) == Account("agent-07", Role.AGENT)
    assert chief != agent
    for wrong in ("", agent[:-1], agent + "x", agent.swapcase()):
        assert await accounts.of_token(wrong) is None


async def test_the_first_account_is_an_administrators(accounts: Accounts) -> None:
    """Nobody becomes an agent before somebody answers for it."""
    with pytest.raises(AccountRefused, match="administrator"):
        await accounts.add("agent-07", Role.AGENT)


async def test_a_name_is_given_once(accounts: Accounts, database: Database) -> None:
    """A second account of the same name is refused and not told of; the first token goes on."""
    token = await accounts.add("chief", Role.ADMINISTRATOR)
    with pytest.raises(AccountRefused, match="chief already"):
        await accounts.add("chief", Role.AGENT)
    assert await accounts.of_token(token) == Account("chief", Role.ADMINISTRATOR)
    assert len(await _told(database)) == 1


async def test_a_unit_clerk_has_a_unit(accounts: Accounts) -> None:
    """A clerk without unit is refused, and so is a unit for anybody else."""
    await accounts.add("chief", Role.ADMINISTRATOR)
    with pytest.raises(AccountRefused, match="unit"):
        await accounts.add("clerk", Role.UNIT_CLERK)
    with pytest.raises(AccountRefused, match="unit"):
        await accounts.add("agent", Role.AGENT, "gas")
    token = await accounts.add("clerk", Role.UNIT_CLERK, "gas")
    assert await accounts.of_token(token) == Account("clerk", Role.UNIT_CLERK, "gas")


@pytest.mark.parametrize("name", sorted(RESERVED))
async def test_nobody_is_named_like_an_actor_of_the_log(accounts: Accounts, name: str) -> None:
    """Who is told of as the command line or the clock is no person."""
    with pytest.raises(AccountRefused, match=name):
        await accounts.add(name, Role.ADMINISTRATOR)


async def test_a_disabled_account_cannot_sign_in(accounts: Accounts) -> None:
    """Its token stops working at once, and it cannot be changed any more."""
    token = await accounts.add("chief", Role.ADMINISTRATOR)
    await accounts.disable("chief")
    assert await accounts.of_token(token) is None
    for change in (accounts.disable("chief"), accounts.enrol("chief"),
                   accounts.set_password("nobody", "hash")):  # fmt: skip
        with pytest.raises(AccountRefused, match="there is no account"):
            await change


async def test_the_database_does_not_hold_the_secrets(
    accounts: Accounts, database: Database
) -> None:
    """Whoever reads the table cannot sign in with what is there."""
    token = await accounts.add("chief", Role.ADMINISTRATOR)
    uri = await accounts.enrol("chief")
    secret = uri.split("secret=")[1].split("&")[0]
    assert uri.startswith("otpauth://totp/Jiesu:chief?")
    async with database.read() as connection:
        [row] = await connection.execute(select(table))
    for hidden in (token, secret):
        assert hidden not in str(tuple(row))
        assert hidden.encode() not in row.token_digest + row.sealed_totp


async def test_what_is_listed(accounts: Accounts) -> None:
    """The list tells how each one signs in, and nothing secret."""
    await accounts.add("chief", Role.ADMINISTRATOR)
    await accounts.add("clerk", Role.UNIT_CLERK, "gas")
    await accounts.set_password("clerk", "hash")
    await accounts.enrol("chief")
    await accounts.disable("chief")
    common = {"created_at": START}
    assert await accounts.listed() == [
        common | {"name": "chief", "role": "administrator", "unit": None, "disabled_at": START,
                  "password": False, "second_factor": True},
        common | {"name": "clerk", "role": "unit-clerk", "unit": "gas", "disabled_at": None,
                  "password": True, "second_factor": False},
    ]  # fmt: skip


async def test_each_change_is_told_of(accounts: Accounts, database: Database) -> None:
    """Making, changing and disabling stand in the audit log, with who did it."""
    await accounts.add("chief", Role.ADMINISTRATOR)
    await accounts.set_password("chief", "hash", by="other")
    await accounts.enrol("chief")
    await accounts.disable("chief")
    told = [(line["event"], line["actor"], line["detail"]) for line in await _told(database)]
    of_chief = {"account": "chief"}
    assert told == [
        ("account_made", "command line", of_chief | {"role": "administrator", "unit": None}),
        ("account_changed", "other", of_chief | {"changed": "password"}),
        ("account_changed", "command line", of_chief | {"changed": "second_factor"}),
        ("account_disabled", "command line", of_chief),
    ]
