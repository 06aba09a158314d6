"""Who may act on tickets: accounts with a bearer token and a role."""

import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.keys import Vault
from gateway.clock import Clock
from gateway.tickets.database import Database
from gateway.tickets.schema import accounts

_TOKEN_BYTES: Final = 32


class Role(StrEnum):
    """What an account is for."""

    AGENT = "agent"
    ADMINISTRATOR = "administrator"


class Permission(StrEnum):
    """What a route asks for."""

    READ_TICKETS = "tickets:read"
    CONFIRM_TICKETS = "tickets:confirm"
    EDIT_KNOWLEDGE = "knowledge:edit"


PERMISSIONS: Final[dict[Permission, frozenset[Role]]] = {
    Permission.READ_TICKETS: frozenset({Role.AGENT, Role.ADMINISTRATOR}),
    Permission.CONFIRM_TICKETS: frozenset({Role.AGENT}),
    Permission.EDIT_KNOWLEDGE: frozenset({Role.ADMINISTRATOR}),
}
"""The one table of permissions: who may do what."""


class AccountRefused(Exception):
    """The account cannot be made; the message says why."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who has signed in."""

    name: str
    role: Role

    def may(self, permission: Permission) -> bool:
        """Return whether the role has the permission."""
        return self.role in PERMISSIONS[permission]


class Accounts:
    """Accounts in the database; a token is shown once and kept as a keyed hash."""

    def __init__(self, database: Database, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock

    async def add(self, name: str, role: Role) -> str:
        """Make an account and return its token; the first account must be an administrator's.

        Raises `AccountRefused`.
        """
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        row = {
            "name": name,
            "role": role,
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

        try:
            await self._database.write(work)
        except IntegrityError:
            raise AccountRefused(f"there is an account {name} already") from None
        return token

    async def of_token(self, token: str) -> Account | None:
        """Return whose token this is; None where it is nobody's."""
        statement = select(accounts.c.name, accounts.c.role).where(
            accounts.c.token_digest == self._digest(token), accounts.c.disabled_at.is_(None)
        )
        async with self._database.read() as connection:
            row = (await connection.execute(statement)).first()
        return Account(row.name, Role(row.role)) if row else None

    def _digest(self, token: str) -> bytes:
        # A keyed hash is looked up as a whole: there is nothing to compare step by step.
        return self._vault.digest("token", token)
