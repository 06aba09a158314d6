"""Accounts: a token is shown once, and says who may do what."""

import pytest
from sqlalchemy import select, update

from gateway.accounts.accounts import (
    PERMISSIONS,
    AccountRefused,
    Accounts,
    Permission,
    Role,
)
from gateway.accounts.keys import Vault
from gateway.clock import SystemClock
from gateway.tickets.database import Database
from gateway.tickets.schema import accounts as table


@pytest.fixture
def accounts(database: Database, vault: Vault) -> Accounts:
    """Accounts over an empty table."""
    return Accounts(database, vault, SystemClock())


async def test_a_token_tells_whose_it_is(accounts: Accounts) -> None:
    """Each account is found by its own token, and by no other."""
    chief = await accounts.add("chief", Role.ADMINISTRATOR)
    agent = await accounts.add("agent-07", Role.AGENT)
    found = await accounts.of_token(agent)
    assert found is not None
    assert (found.name, found.role) == ("agent-07", Role.AGENT)
    assert chief != agent
    for wrong in ("", agent[:-1], agent + "x", agent.swapcase()):
        assert await accounts.of_token(wrong) is None


async def test_the_first_account_is_an_administrators(accounts: Accounts) -> None:
    """Nobody becomes an agent before somebody answers for it."""
    with pytest.raises(AccountRefused, match="administrator"):
        await accounts.add("agent-07", Role.AGENT)


async def test_a_name_is_given_once(accounts: Accounts) -> None:
    """A second account of the same name is refused; the first one's token goes on."""
    token = await accounts.add("chief", Role.ADMINISTRATOR)
    with pytest.raises(AccountRefused, match="chief already"):
        await accounts.add("chief", Role.AGENT)
    found = await accounts.of_token(token)
    assert found is not None
    assert found.role is Role.ADMINISTRATOR


async def test_a_disabled_account_cannot_sign_in(accounts: Accounts, database: Database) -> None:
    """Its token stops working at once."""
    token = await accounts.add("chief", Role.ADMINISTRATOR)
    now = SystemClock().now()
    await database.write(lambda c: c.execute(update(table).values(disabled_at=now)))
    assert await accounts.of_token(token) is None


async def test_the_database_does_not_hold_the_token(accounts: Accounts, database: Database) -> None:
    """Whoever reads the table cannot sign in with what is there."""
    token = await accounts.add("chief", Role.ADMINISTRATOR)
    async with database.read() as connection:
        [row] = await connection.execute(select(table))
    assert token.encode() not in row.token_digest
    assert token not in str(tuple(row))


def test_every_permission_is_somebodys() -> None:
    """The one table names every permission, and only agents confirm."""
    assert set(PERMISSIONS) == set(Permission)
    assert all(PERMISSIONS.values())
    assert PERMISSIONS[Permission.CONFIRM_TICKETS] == {Role.AGENT}
