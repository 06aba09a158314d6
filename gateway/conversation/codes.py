"""Sends one-time codes after the commit, while they are good; tried again with growing pauses."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import structlog
from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.channel import SendsCodes
from channels.errors import ReplyRefused
from channels.phrases import as_printed
from gateway.accounts.keys import Vault
from gateway.clock import Clock
from gateway.leases import Lease
from gateway.tickets import schema
from gateway.tickets.database import Database
from gateway.tickets.sealing import verification_context

log = structlog.get_logger(__name__)
LOOK_EVERY: Final = 1.0
_MOST_SECONDS: Final = 20.0
_BATCH: Final = 16
_PAUSES: Final = tuple(timedelta(seconds=seconds) for seconds in (5, 15, 60, 180))
_table = schema.verifications.c
_DUE: Final = (
    select(*(_table[name] for name in ("id", "sealed_phone", "sealed_code", "attempts")))
    .where(
        _table.sent_at.is_(None),
        _table.not_before <= bindparam("now"),
        _table.expires_at > bindparam("now"),
    )
    .order_by(_table.not_before)
    .limit(_BATCH)
)


@dataclass(slots=True)
class CodeSender:
    """Only the holder of the lease sends; the platform drops a repeat by its key."""

    database: Database
    vault: Vault
    clock: Clock
    sender: SendsCodes
    lease: Lease

    async def run(self) -> None:
        """Work until cancelled; what is away is tried again."""
        await self.lease.work(self.step, LOOK_EVERY, "codes cannot be sent")

    async def step(self) -> bool:
        """Send what is due; return whether there was anything."""
        async with self.database.read() as connection:
            due = (await connection.execute(_DUE, {"now": self.clock.now()})).all()
        notes = await asyncio.gather(*(self._send(row) for row in due))

        async def work(connection: AsyncConnection) -> None:
            for row, values in zip(due, notes, strict=True):
                table = schema.verifications
                await connection.execute(update(table).where(_table.id == row.id).values(values))

        if due:
            await self.database.write(work)
        return bool(due)

    async def _send(self, row: Any) -> dict[str, Any]:
        """Return what became of a code, to be noted; one that is refused is not tried again."""
        phone = await self.vault.open(row.sealed_phone, verification_context(row.id, "phone"))
        code = await self.vault.open(row.sealed_code, verification_context(row.id, "code"))
        text = as_printed(
            f"【12345】验证码 {code.decode()},十分钟内有效。如非本人操作请忽略,切勿告诉他人。"
        )
        now = self.clock.now()
        attempts = row.attempts + 1
        try:
            async with asyncio.timeout(_MOST_SECONDS):
                await self.sender.send_code(row.id, phone.decode(), text, now)
        except Exception as error:
            log.warning("a code was not sent", error=type(error).__name__)
            if isinstance(error, ReplyRefused) or attempts > len(_PAUSES):
                return {"attempts": attempts, "sent_at": now}
            return {"attempts": attempts, "not_before": now + _PAUSES[attempts - 1]}
        return {"attempts": attempts, "sent_at": now}
