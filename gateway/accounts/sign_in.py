"""Signing in with name, password and, where it is asked for, a one-time code."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.audit import NOBODY, AuditEvent, AuditLog
from gateway.accounts.keys import Vault
from gateway.accounts.lockout import Attempt, Lockout
from gateway.accounts.passwords import Passwords
from gateway.accounts.permissions import PRIVILEGED, Role
from gateway.accounts.second_factor import step_of, totp_context
from gateway.accounts.sessions import Sessions
from gateway.clock import Clock
from gateway.tickets.database import Database
from gateway.tickets.schema import accounts

SecondFactor = Literal["off", "privileged", "all"]


class SignInRefused(Exception):
    """Name, password and code do not go together; which of them is wrong is not told."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """Where people come in; `second_factor` says who must have one.

    An account that has a second factor is asked for it whatever the setting.
    """

    database: Database
    vault: Vault
    clock: Clock
    audit: AuditLog
    sessions: Sessions
    passwords: Passwords
    lockout: Lockout
    second_factor: SecondFactor

    async def sign_in(
        self, name: str, password: str, code: str | None, address: str, before: str | None = None
    ) -> str:
        """Return the token of a new session; the session `before`, if there was one, ends.

        Raises `SignInRefused`, and `TooManyTries` where one has to wait.
        """
        attempt = await self.database.write(lambda c: self.lockout.begin(c, name, address))
        row = await self._account(name)
        kept = row.password_hash if row and row.disabled_at is None else None
        fits = await self.passwords.fits(password, kept)
        step = await self._step(row, code)
        if row is not None and fits and step is not None:
            token = await self.database.write(lambda c: self._open(c, row, step, attempt, before))
            if token is not None:
                return token
        known = name if row is not None else None
        await self.database.write(lambda c: self._note_failure(c, known, attempt))
        raise SignInRefused

    async def sign_out(self, token: str) -> None:
        """End the session of that token, if there is one."""

        async def work(connection: AsyncConnection) -> None:
            name = await self.sessions.end(connection, token)
            if name is not None:
                await self.audit.append(connection, AuditEvent.SIGNED_OUT, name, {})

        await self.database.write(work)

    async def _account(self, name: str) -> Any:
        table = accounts.c
        statement = select(
            table.name, table.role, table.password_hash, table.sealed_totp, table.disabled_at
        ).where(table.name == name)
        async with self.database.read() as connection:
            return (await connection.execute(statement)).first()

    async def _step(self, row: Any, code: str | None) -> int | None:
        """Return the step of the code, 0 where none is asked for; None where it is not right."""
        if row is None:
            return None
        if row.sealed_totp is None:
            return None if self._must_have_one(Role(row.role)) else 0
        secret = await self.vault.open(row.sealed_totp, totp_context(row.name))
        return step_of(secret.decode(), code or "", self.clock.now())

    def _must_have_one(self, role: Role) -> bool:
        if self.second_factor == "privileged":
            return role in PRIVILEGED
        return self.second_factor == "all"

    async def _open(
        self,
        connection: AsyncConnection,
        row: Any,
        step: int,
        attempt: Attempt,
        before: str | None,
    ) -> str | None:
        """Begin the session; None where the code was used, or the account changed just now."""
        table = accounts.c
        same = (
            table.name == row.name,
            table.disabled_at.is_(None),
            table.password_hash == row.password_hash,
            table.sealed_totp.is_not_distinct_from(row.sealed_totp),
        )
        if step:
            fresh = or_(table.totp_step.is_(None), table.totp_step < step)
            used = update(accounts).where(*same, fresh).values(totp_step=step)
            if not (await connection.execute(used)).rowcount:
                return None
        elif (
            await connection.execute(select(table.name).where(*same).with_for_update())
        ).first() is None:
            return None
        if before is not None:
            await self.sessions.end(connection, before)
        await self.lockout.forgive(connection, attempt)
        token = await self.sessions.open(connection, row.name)
        detail = {"role": row.role, "second_factor": bool(step)}
        await self.audit.append(connection, AuditEvent.SIGNED_IN, row.name, detail)
        return token

    async def _note_failure(
        self, connection: AsyncConnection, name: str | None, attempt: Attempt
    ) -> None:
        """Tell of it; a name that is no account's is not told, for it may be a password."""
        actor = name or NOBODY
        await self.lockout.sweep(connection)
        await self.audit.append(connection, AuditEvent.SIGN_IN_FAILED, actor, {})
        if attempt.waits:
            await self.audit.append(connection, AuditEvent.LOCKED_OUT, actor, {})
