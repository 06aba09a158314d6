"""Limits on wrong query codes, per ticket and per address, in this process's memory."""

from typing import Final

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from gateway.web.problems import Problem

_WINDOW_MINUTES: Final = 15
_PER_TICKET: Final = RateLimitItemPerMinute(10, _WINDOW_MINUTES)
_PER_ADDRESS: Final = RateLimitItemPerMinute(60, _WINDOW_MINUTES)


class Attempts:
    """Counts wrong codes; a right one costs nothing."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def check(self, ticket_id: str, address: str) -> None:
        """Raise a `Problem` where there were too many wrong attempts already."""
        free = await self._limiter.test(_PER_TICKET, "ticket", ticket_id)
        free = free and await self._limiter.test(_PER_ADDRESS, "address", address)
        if not free:
            raise Problem(
                "too-many-attempts",
                f"wait {_WINDOW_MINUTES} minutes, then try again with the code of the receipt",
                f"请于 {_WINDOW_MINUTES} 分钟后使用回执上的查询码重试",
                headers={"Retry-After": str(_WINDOW_MINUTES * 60)},
            )

    async def count(self, ticket_id: str, address: str) -> None:
        """Count one wrong attempt."""
        await self._limiter.hit(_PER_TICKET, "ticket", ticket_id)
        await self._limiter.hit(_PER_ADDRESS, "address", address)
