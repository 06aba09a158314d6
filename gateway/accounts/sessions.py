"""Sessions of people who signed in with a password: a random token in a cookie, hashed here."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.keys import Vault
from gateway.accounts.permissions import Account, Role
from gateway.clock import Clock
from gateway.tickets.database import Database
from gateway.tickets.schema import accounts, sessions

_TOKEN_BYTES: Final = 32
_SEEN_EVERY: Final = timedelta(minutes=1)
"""How exactly it is known when a session was last used; not every request writes."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """The sessions in the database; one ends when it was idle, or is old, for too long."""

    database: Database
    vault: Vault
    clock: Clock
    idle: timedelta
    lasting: timedelta

    async def open(self, connection: AsyncConnection, name: str) -> str:
        """Begin a session of the account and return its token, always a new one."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        now = self.clock.now()
        await connection.execute(
            delete(sessions).where(
                or_(sessions.c.seen_at < now - self.idle, sessions.c.opened_at < now - self.lasting)
            )
        )
        row = {"digest": self._digest(token), "account": name, "opened_at": now, "seen_at": now}
        await connection.execute(insert(sessions).values(row))
        return token

    async def account_of(self, token: str) -> Account | None:
        """Return whose session this is, and note that it was used; None where it has ended."""
        now = self.clock.now()
        row = await self._row(token, now)
        if row is None:
            return None
        if now - row.seen_at >= _SEEN_EVERY:
            await self._note_use(token, now)
        return Account(row.name, Role(row.role), row.unit)

    async def _row(self, token: str, now: datetime) -> Any:
        statement = (
            select(accounts.c.name, accounts.c.role, accounts.c.unit, sessions.c.seen_at)
            .join(accounts, accounts.c.name == sessions.c.account)
            .where(
                sessions.c.digest == self._digest(token),
                sessions.c.seen_at >= now - self.idle,
                sessions.c.opened_at >= now - self.lasting,
                accounts.c.disabled_at.is_(None),
            )
        )
        async with self.database.read() as connection:
            return (await connection.execute(statement)).first()

    async def lives(self, token: str) -> bool:
        """Return whether the session goes on; to ask is not to use it."""
        return await self._row(token, self.clock.now()) is not None

    async def end(self, connection: AsyncConnection, token: str) -> str | None:
        """End the session and return whose it was; None where there was none."""
        mine = sessions.c.digest == self._digest(token)
        name = await connection.scalar(select(sessions.c.account).where(mine))
        await connection.execute(delete(sessions).where(mine))
        return name

    def csrf_token(self, token: str) -> str:
        """Return what a page of this session must send with each change, and no other site knows.

        Derived from the session's token: it lives and ends with it.
        """
        return self.vault.digest("csrf", token).hex()

    async def _note_use(self, token: str, now: datetime) -> None:
        used = update(sessions).where(sessions.c.digest == self._digest(token))
        await self.database.write(lambda c: c.execute(used.values(seen_at=now)))

    def _digest(self, token: str) -> bytes:
        return self.vault.digest("session", token)


async def end_sessions_of(connection: AsyncConnection, name: str) -> None:
    """End all sessions of an account."""
    await connection.execute(delete(sessions).where(sessions.c.account == name))
