"""How much one sender may file: limits that never keep an emergency away."""

import asyncio
from collections.abc import Awaitable, Callable
from ipaddress import ip_address, ip_network
from typing import Final

from aiohttp import web
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from gateway.settings import Settings
from gateway.web.problems import Problem
from triage.decision import Tier

Judge = Callable[[str], Awaitable[Tier]]
_JUDGED_AT_ONCE: Final = 4
_APPEALS_OF_FILES: Final = 10
"""For how many appeals' files one sender may begin uploads in a minute."""
_FORWARDED: Final = "X-Forwarded-For"
_SCHEME: Final = "X-Forwarded-Proto"


class SenderLimits:
    """Counts in this process's memory what each address and each chat files.

    Who files more is asked to wait, unless the words tell of an emergency.
    """

    def __init__(self, settings: Settings, judge: Judge, by_rules: Callable[[str], Tier]) -> None:
        self._limit = RateLimitItemPerMinute(settings.appeals_per_minute or 1)
        self._upload_limit = RateLimitItemPerMinute(_APPEALS_OF_FILES * max(settings.max_files, 1))
        self._is_off = settings.appeals_per_minute == 0
        self._proxies = [ip_network(item) for item in settings.proxies]
        self._judge = judge
        self._by_rules = by_rules
        self._judging = asyncio.Semaphore(_JUDGED_AT_ONCE)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def address_of(self, request: web.Request) -> str:
        """Return where a request comes from: the last address that no proxy of ours has."""
        address = request.remote or "unknown"
        behind = request.headers.get(_FORWARDED, "").split(",")
        while behind and self._is_proxy(address):
            address = behind.pop().strip() or address
        return address

    def scheme_of(self, request: web.Request) -> str:
        """Return whether the sender speaks `https` or `http`, with us or with a proxy of ours."""
        told = request.headers.get(_SCHEME, "").strip().lower()
        if told in {"http", "https"} and self._is_proxy(request.remote or ""):
            return told
        return request.scheme

    async def check(self, sender: str, text: str) -> None:
        """Count one more; raise a `Problem` where it is too many and no emergency."""
        if self._is_off or await self._limiter.hit(self._limit, sender):
            return
        if await self._tier(text) is Tier.EMERGENCY:
            return
        raise Problem(
            "too-many-requests",
            f"wait a minute: {self._limit.amount} appeals a minute are taken from one sender; in "
            "danger call 110, 119 or 120",
            f"请一分钟后再试:每个来源每分钟最多受理 {self._limit.amount} 件;"
            "如有人身危险,请立即拨打 110、119 或 120",
            headers={"Retry-After": "60"},
        )

    async def check_upload(self, sender: str) -> None:
        """Count one more upload; raise a `Problem` where it is too many."""
        if self._is_off or await self._limiter.hit(self._upload_limit, "upload", sender):
            return
        raise Problem(
            "too-many-requests",
            "wait a minute, or send the files with the appeal itself",
            "请一分钟后再试,或随诉求直接提交文件",
            headers={"Retry-After": "60"},
        )

    async def _tier(self, text: str) -> Tier:
        """Judge by the model, or by rules alone while many are being judged."""
        if self._judging.locked():
            return self._by_rules(text)
        async with self._judging:
            return await self._judge(text)

    def _is_proxy(self, address: str) -> bool:
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._proxies)
