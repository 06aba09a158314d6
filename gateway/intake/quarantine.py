"""What a genuine vendor sent and we could not read: kept encrypted, with the reason."""

import base64
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import insert, select, update

from channels.channel import Channel, Receipt, WireRequest
from channels.errors import Unparsable
from channels.registry import Channels
from gateway.accounts.keys import Vault
from gateway.clock import Clock
from gateway.tickets import schema
from gateway.tickets.database import Database

Read = Callable[[Channel, WireRequest], Awaitable[Sequence[Receipt]]]
"""Keeps what a request holds, or raises `Unparsable`."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One message in quarantine; its content is not told."""

    id: str
    channel: str
    received_at: datetime
    reason: str
    replayed_at: datetime | None


class Quarantine:
    """Keeps what cannot be parsed, so that it neither is lost nor blocks the next one."""

    def __init__(self, database: Database, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock

    async def keep(self, channel: str, request: WireRequest, reason: str) -> str:
        """Store the request for good and return its id in quarantine."""
        identity = uuid.uuid4().hex
        content = orjson.dumps(
            {
                "headers": dict(request.headers),
                "body": base64.b64encode(request.body).decode(),
                "method": request.method,
                "query": dict(request.query),
            }
        )
        row = {
            "id": identity,
            "channel": channel,
            "received_at": self._clock.now(),
            "reason": reason,
            "sealed_request": self._vault.seal(content, f"quarantine/{identity}"),
        }
        await self._database.write(lambda c: c.execute(insert(schema.quarantine).values(row)))
        return identity

    async def waiting(self, *, replayed: bool = False) -> Sequence[Quarantined]:
        """Return what is in quarantine, oldest first; what was replayed only if asked."""
        table = schema.quarantine.c
        statement = select(
            table.id, table.channel, table.received_at, table.reason, table.replayed_at
        ).order_by(table.number)
        if not replayed:
            statement = statement.where(table.replayed_at.is_(None))
        async with self._database.read() as connection:
            return [Quarantined(*row) for row in await connection.execute(statement)]

    async def replay(self, identity: str, channels: Channels, read: Read) -> Sequence[Receipt]:
        """Parse the message again, now that we know better, and accept it.

        Raises `Unparsable` where it still cannot be read, `NotAnAppeal` where it never was one,
        and `LookupError` where there is none.
        The signature was checked when it came.
        """
        table = schema.quarantine.c
        async with self._database.read() as connection:
            found = await connection.execute(
                select(table.channel, table.sealed_request).where(table.id == identity)
            )
            row = found.first()
        if row is None:
            raise LookupError(f"nothing in quarantine has the id {identity}")
        channel = channels.get(row.channel)
        if channel is None:
            raise Unparsable(f"the channel {row.channel} is not configured")
        stored = orjson.loads(await self._vault.open(row.sealed_request, f"quarantine/{identity}"))
        request = WireRequest(**{**stored, "body": base64.b64decode(stored["body"])})
        receipts = await read(channel, request)
        done = update(schema.quarantine).where(table.id == identity)
        now = self._clock.now()
        await self._database.write(lambda c: c.execute(done.values(replayed_at=now)))
        return receipts
