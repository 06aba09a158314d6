"""Accounts: who may sign in, with a bearer token or a password, and what for."""

import secrets
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.audit import COMMAND_LINE, RESERVED, AuditEvent, AuditLog
from gateway.accounts.keys import Vault
from gateway.accounts.permissions import Account, Role
from gateway.accounts.second_factor import enrolment_uri, new_secret, totp_context
from gateway.accounts.sessions import end_sessions_of
from gateway.clock import Clock
from gateway.tickets.database import Database
from gateway.tickets.schema import accounts

_TOKEN_BYTES: Final = 32


class AccountRefused(Exception):
    """The account cannot be made or changed; the message says why."""


class Accounts:
    """Accounts in the database; a token is shown once and kept as a keyed hash.

    Each change is told in the audit log; `by` is who made it.
    """

    def __init__(self, database: Database, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._audit = AuditLog(vault, clock)

    async def add(
        self, name: str, role: Role, unit: str | None = None, *, by: str = COMMAND_LINE
    ) -> str:
        """Make an account and return its token; the first account must be an administrator's.

        A unit clerk has a `unit`, and nobody else. Raises `AccountRefused`.
        """
        if name in RESERVED:
            raise AccountRefused(f"{name} is what the audit log calls somebody else")
        if (role is Role.UNIT_CLERK) != (unit is not None):
            raise AccountRefused("a unit clerk has a unit, and nobody else has one")
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        row = {
            "name": name,
            "role": role,
            "unit": unit,
            "created_at": self._clock.now(),
            "token_digest": self._digest(token),
        }

        async def work(connection: AsyncConnection) -> None:
            count = (await connection.execute(select(func.count()).select_from(accounts))).scalar()
            if not count and role is not Role.ADMINISTRATOR:
                raise AccountRefused(
                    "the first account must be an administrator's: add one with "
                    "--role administrator"
                )
            await connection.execute(insert(accounts).values(row))
            detail = {"account": name, "role": str(role), "unit": unit}
            await self._audit.append(connection, AuditEvent.ACCOUNT_MADE, by, detail)

        try:
            await self._database.write(work)
        except IntegrityError:
            raise AccountRefused(f"there is an account {name} already") from None
        return token

    async def set_password(self, name: str, kept: str, *, by: str = COMMAND_LINE) -> None:
        """Keep the hash of a new password and end all sessions; raise `AccountRefused`."""
        await self._change(name, {"password_hash": kept}, "password", by)

    async def enrol(self, name: str, *, by: str = COMMAND_LINE) -> str:
        """Give the account a new second factor, end all sessions, and return its URI.

        The vault must seal. Raises `AccountRefused`.
        """
        secret = new_secret()
        sealed = self._vault.seal(secret.encode(), totp_context(name))
        await self._change(name, {"sealed_totp": sealed, "totp_step": None}, "second_factor", by)
        return enrolment_uri(secret, name)

    async def disable(self, name: str, *, by: str = COMMAND_LINE) -> None:
        """Let the account sign in no more, and end all of its sessions; raise `AccountRefused`."""

        async def work(connection: AsyncConnection) -> None:
            await self._update(connection, name, {"disabled_at": self._clock.now()})
            await self._audit.append(connection, AuditEvent.ACCOUNT_DISABLED, by, {"account": name})

        await self._database.write(work)

    async def listed(self) -> list[dict[str, Any]]:
        """Return all accounts by name, without anything secret."""
        table = accounts.c
        statement = select(
            table.name,
            table.role,
            table.unit,
            table.created_at,
            table.disabled_at,
            table.password_hash.is_not(None).label("password"),
            table.sealed_totp.is_not(None).label("second_factor"),
        ).order_by(table.name)
        async with self._database.read() as connection:
            return [dict(row) for row in (await connection.execute(statement)).mappings()]

    async def of_token(self, token: str) -> Account | None:
        """Return whose token this is; None where it is nobody's."""
        statement = select(accounts.c.name, accounts.c.role, accounts.c.unit).where(
            accounts.c.token_digest == self._digest(token), accounts.c.disabled_at.is_(None)
        )
        async with self._database.read() as connection:
            row = (await connection.execute(statement)).first()
        return Account(row.name, Role(row.role), row.unit) if row else None

    async def _change(self, name: str, values: Mapping[str, Any], what: str, by: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            await self._update(connection, name, values)
            detail = {"account": name, "changed": what}
            await self._audit.append(connection, AuditEvent.ACCOUNT_CHANGED, by, detail)

        await self._database.write(work)

    async def _update(
        self, connection: AsyncConnection, name: str, values: Mapping[str, Any]
    ) -> None:
        mine = accounts.c.name == name, accounts.c.disabled_at.is_(None)
        changed = await connection.execute(update(accounts).where(*mine).values(dict(values)))
        if not changed.rowcount:
            raise AccountRefused(f"there is no account {name}, or it is disabled")
        await end_sessions_of(connection, name)

    def _digest(self, token: str) -> bytes:
        # A keyed hash is looked up as a whole: there is nothing to compare step by step.
        return self._vault.digest("token", token)
