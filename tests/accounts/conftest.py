"""People who sign in, on a clock that stands until it is advanced."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.accounts.accounts import Accounts
from gateway.accounts.audit import AuditLog
from gateway.accounts.keys import Vault
from gateway.accounts.lockout import Lockout
from gateway.accounts.passwords import Passwords
from gateway.accounts.sessions import Sessions
from gateway.accounts.sign_in import SignIn
from gateway.clock import SimulatedClock
from gateway.tickets.database import Database

START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> SimulatedClock:
    """A clock that stands still."""
    return SimulatedClock(START)


@pytest.fixture
def log(vault: Vault, clock: SimulatedClock) -> AuditLog:
    """The audit log."""
    return AuditLog(vault, clock)


@pytest.fixture
def accounts(database: Database, vault: Vault, clock: SimulatedClock) -> Accounts:
    """Accounts over an empty table."""
    return Accounts(database, vault, clock)


@pytest.fixture(scope="session")
def passwords() -> Passwords:
    """What hashes passwords."""
    return Passwords()


@pytest.fixture
def door(
    database: Database, vault: Vault, clock: SimulatedClock, log: AuditLog, passwords: Passwords
) -> SignIn:
    """Where people come in: three free tries, sessions of half an hour idle, eight at most."""
    sessions = Sessions(
        database, vault, clock, idle=timedelta(minutes=30), lasting=timedelta(hours=8)
    )
    lockout = Lockout(vault, clock, 3)
    return SignIn(database, vault, clock, log, sessions, passwords, lockout, "privileged")
