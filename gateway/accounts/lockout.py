"""Who tries passwords waits: longer with each wrong one, by account and by address.

Names are counted whether there is such an account or not, so that waiting tells nothing. A try is
counted before the password is looked at and taken back if it was right: tries that come all at
once gain nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from typing import Final

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.keys import Vault
from gateway.clock import Clock
from gateway.tickets.schema import sign_in_failures

_FIRST_WAIT: Final = timedelta(seconds=30)
_LONGEST_WAIT: Final = timedelta(hours=1)
_DOUBLINGS: Final = 7
"""After so many the longest wait is reached."""
_REMEMBERED: Final = timedelta(days=1)
_ADDRESS_FACTOR: Final = 10
"""An office shares one address: it may err so many times as often as one account."""
_table = sign_in_failures.c


class TooManyTries(Exception):
    """There were too many wrong tries; the next one is taken after `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try, counted as wrong until it is `forgiven`; `waits` is what it costs if it stays so."""

    account: bytes
    address: bytes
    waits: bool


@dataclass(frozen=True, slots=True)
class Lockout:
    """Counts wrong tries in the database, for all processes together; `tries` are free."""

    vault: Vault
    clock: Clock
    tries: int

    async def begin(self, connection: AsyncConnection, name: str, address: str) -> Attempt:
        """Count a try; raise `TooManyTries` where one has still to wait."""
        keys = {
            self.vault.digest("tries of account", name): self.tries,
            self.vault.digest("tries of address", _network(address)): self.tries * _ADDRESS_FACTOR,
        }
        now = self.clock.now()
        rows = {key: await self._row(connection, key, now) for key in keys}
        until = max((row[1] for row in rows.values() if row[1] is not None), default=now)
        if until > now:
            raise TooManyTries(int((until - now).total_seconds()) + 1)
        waits = False
        for key, free in keys.items():
            failures = rows[key][0] + 1
            wait = _wait(failures - free)
            waits = waits or wait is not None
            await connection.execute(
                update(sign_in_failures)
                .where(_table.digest == key)
                .values(failures=failures, last_at=now, wait_until=now + wait if wait else None)
            )
        account, by_address = keys
        return Attempt(account, by_address, waits)

    async def forgive(self, connection: AsyncConnection, attempt: Attempt) -> None:
        """Forget the account's wrong tries, and this one of the address."""
        await connection.execute(delete(sign_in_failures).where(_table.digest == attempt.account))
        await connection.execute(
            update(sign_in_failures)
            .where(_table.digest == attempt.address)
            .values(failures=_table.failures - 1, wait_until=None)
        )

    async def sweep(self, connection: AsyncConnection) -> None:
        """Forget what is long past."""
        past = self.clock.now() - _REMEMBERED
        await connection.execute(delete(sign_in_failures).where(_table.last_at < past))

    async def _row(
        self, connection: AsyncConnection, key: bytes, now: datetime
    ) -> tuple[int, datetime | None]:
        """Return failures and the end of the wait, locked; those of a day ago are forgotten."""
        statement = (
            select(_table.failures, _table.wait_until, _table.last_at)
            .where(_table.digest == key)
            .with_for_update()
        )
        row = (await connection.execute(statement)).first()
        if row is None:
            first = {"digest": key, "failures": 0, "last_at": now, "wait_until": None}
            try:
                async with connection.begin_nested():
                    await connection.execute(insert(sign_in_failures).values(first))
            except IntegrityError:
                pass  # another try at the same moment
            row = (await connection.execute(statement)).one()
        return (0, None) if row.last_at < now - _REMEMBERED else (row.failures, row.wait_until)


def _wait(over: int) -> timedelta | None:
    """Return how long to wait after so many tries beyond the free ones; 0 is the last free one."""
    if over < 0:
        return None
    return min(_FIRST_WAIT * (1 << min(over, _DOUBLINGS)), _LONGEST_WAIT)


def _network(address: str) -> str:
    """Return what one sender has: an address, of IPv6 the /64 in which they choose freely."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return found.packed[:8].hex()
    return str(getattr(found, "ipv4_mapped", None) or found)
