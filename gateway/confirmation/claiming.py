"""Agents take tickets, let them go, and hand them to colleagues (转交)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.permissions import PERMISSIONS, Account, Permission, Role
from gateway.clock import Clock
from gateway.tickets.claims import Claim, check_free, let_go, living_claim, put_claim
from gateway.tickets.database import Database
from gateway.tickets.refusal import Refused, check_open
from gateway.tickets.schema import accounts
from gateway.tickets.store import Happening, append_history, lock_ticket

HAND_OVER_ANY: Final = frozenset({Role.SENIOR_AGENT, Role.SUPERVISOR})
"""Who may also hand over what another agent has."""
_COLLEAGUES: Final = (
    select(accounts.c.name, accounts.c.role)
    .where(
        accounts.c.disabled_at.is_(None),
        accounts.c.role.in_(sorted(PERMISSIONS[Permission.CONFIRM_TICKETS])),
    )
    .order_by(accounts.c.name)
)


@dataclass(slots=True)
class ClaimDesk:
    """Whose a ticket is; none is anybody's for longer than a lease that nobody renews."""

    database: Database
    clock: Clock
    lease: timedelta
    handed_lease: timedelta
    """How long a colleague has to notice what was handed over."""
    mask: Callable[[str], str]
    """Returns a text with tokens in place of people's numbers."""

    async def claim(self, ticket_id: str, agent: str) -> Claim:
        """Take the ticket, or hold on to it for another lease.

        Raises `Refused` where it is closed or another's, and `TicketNotFound`.
        """
        return await self.database.write(lambda c: self._claim(c, ticket_id, agent))

    async def let_go(self, ticket_id: str, agent: str) -> None:
        """Let the ticket be nobody's; one that is nobody's stays so.

        Raises `Refused` where it is another's, and `TicketNotFound`.
        """
        await self.database.write(lambda c: self._let_go(c, ticket_id, agent))

    async def hand_over(self, ticket_id: str, account: Account, to: str, note: str | None) -> Claim:
        """Make the ticket a colleague's; senior agents and supervisors may also take another's.

        Raises `Refused` and `TicketNotFound`.
        """
        return await self.database.write(lambda c: self._hand_over(c, ticket_id, account, to, note))

    async def of(self, ticket_id: str) -> Claim | None:
        """Return whose the ticket is now; None where it is nobody's."""
        async with self.database.read() as connection:
            return await living_claim(connection, ticket_id, self.clock.now())

    async def colleagues(self) -> list[dict[str, Any]]:
        """Return `name` and `role` of everybody who may confirm tickets, by name."""
        async with self.database.read() as connection:
            return [
                {"name": row[0], "role": row[1]} for row in await connection.execute(_COLLEAGUES)
            ]

    async def _claim(self, connection: AsyncConnection, ticket_id: str, agent: str) -> Claim:
        now = self.clock.now()
        check_open(await lock_ticket(connection, ticket_id))
        mine = await check_free(connection, ticket_id, agent, now)
        until = now + self.lease
        if mine is None:
            claim = Claim(ticket_id, agent, until)
        else:
            # What was handed over lasts longer than a lease: it is not made shorter.
            claim = replace(mine, until=max(mine.until, until))
        await put_claim(connection, claim)
        return claim

    async def _let_go(self, connection: AsyncConnection, ticket_id: str, agent: str) -> None:
        await lock_ticket(connection, ticket_id)
        await check_free(connection, ticket_id, agent, self.clock.now())
        await let_go(connection, ticket_id)

    async def _hand_over(
        self,
        connection: AsyncConnection,
        ticket_id: str,
        account: Account,
        to: str,
        note: str | None,
    ) -> Claim:
        now = self.clock.now()
        ticket = await lock_ticket(connection, ticket_id)
        check_open(ticket)
        if account.role in HAND_OVER_ANY:
            held = await living_claim(connection, ticket_id, now)
        else:
            held = await check_free(connection, ticket_id, account.name, now)
        known = {row.name for row in await connection.execute(_COLLEAGUES)}
        if to not in known:
            raise Refused(
                "no-such-colleague",
                "name an agent or senior agent whose account is not disabled",
                "请选择一位在用账号的坐席或班长坐席",
            )
        masked = self.mask(note) if note else None
        claim = Claim(ticket_id, to, now + self.handed_lease, account.name, masked)
        await put_claim(connection, claim)
        detail = {"from": held.agent if held else None, "to": to, "note": masked}
        await append_history(
            connection, [Happening(ticket, "handed_over", account.name, now, detail)]
        )
        return claim
