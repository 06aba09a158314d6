"""Who looked at which ticket's files: told in the audit log, once for each piece of work.

Pictures and voices are people's data. An agent at work sees them without ceremony, for a route is
often told by the picture alone; that they did is kept all the same, before the first byte is sent.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.audit import AuditEvent, AuditLog, Detail
from gateway.accounts.permissions import Account
from gateway.clock import Clock
from gateway.tickets.database import Database

ONE_LOOK: Final = timedelta(minutes=10)
"""A player asks for a file in dozens of pieces, a page for all pictures: these are one look."""
REASON: Final = "at work on the ticket"
_MOST_REMEMBERED: Final = 10_000


class Looking:
    """Tells the audit log of looks; what is told already, a process remembers for ten minutes."""

    def __init__(self, database: Database, audit: AuditLog, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock
        self._lock = asyncio.Lock()
        self._until: dict[tuple[str, str], datetime] = {}

    async def tell(self, ticket_id: str, account: Account) -> None:
        """Commit the entry that the account looks at the ticket's files, unless it stands."""
        # A page asks for all its pictures at once: the first tells, the others find it told.
        async with self._lock:
            await self._tell(ticket_id, account)

    async def _tell(self, ticket_id: str, account: Account) -> None:
        look, now = (account.name, ticket_id), self._clock.now()
        if self._until.get(look, now) > now:
            return
        detail: Detail = {"ticket_id": ticket_id, "fields": ["files"], "reason": REASON}

        async def work(connection: AsyncConnection) -> None:
            await self._audit.append(connection, AuditEvent.PEOPLE_SHOWN, account.name, detail)

        await self._database.write(work)
        if len(self._until) >= _MOST_REMEMBERED:
            self._until.clear()
        self._until[look] = now + ONE_LOOK
