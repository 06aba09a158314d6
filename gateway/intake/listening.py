"""Channels that wait for messages by themselves: one process listens, another takes over."""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from channels.channel import Channel, Listens
from gateway.clock import Clock
from gateway.intake.receiving import Receiving
from gateway.leases import SPAN, Lease

log = structlog.get_logger(__name__)
_LOOK_EVERY: Final = SPAN.total_seconds() / 3
_AGAIN_AFTER: Final = 5.0


@dataclass(slots=True)
class Listening:
    """Keeps one channel listening as long as this process holds the lease for it."""

    channel: Channel
    ears: Listens
    receiving: Receiving
    lease: Lease
    clock: Clock

    async def run(self) -> None:
        """Listen until cancelled; a channel that fails is listened to again."""
        try:
            while True:
                await self._while_held()
                await self.clock.sleep(_AGAIN_AFTER)
        finally:
            await self.lease.release()

    async def _while_held(self) -> None:
        if not await self._is_held():
            return
        take = partial(self.receiving.take, self.channel)
        listening = asyncio.create_task(self.ears.listen(take), name=f"{self.channel.name} listens")
        try:
            while not listening.done() and await self._is_held():
                pause = asyncio.ensure_future(self.clock.sleep(_LOOK_EVERY))
                await asyncio.wait({listening, pause}, return_when=asyncio.FIRST_COMPLETED)
                pause.cancel()
        finally:
            listening.cancel()
            await asyncio.wait({listening})
        if not listening.cancelled() and (error := listening.exception()) is not None:
            log.error("a channel fails", channel=self.channel.name, error=type(error).__name__)

    async def _is_held(self) -> bool:
        try:
            return await self.lease.hold()
        except Exception as error:
            log.error("a lease cannot be held", job=self.channel.name, error=type(error).__name__)
            return False
