"""The measurements, one after the other, as rows of one table."""

import asyncio
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Final

from gateway.bench import floors
from gateway.bench.appeals import requests
from gateway.bench.consuming import ConsumingProcess
from gateway.bench.finding import measure_knowledge
from gateway.bench.harm import measure_harm
from gateway.bench.live import measure_live
from gateway.bench.load import Measured, keep_sending, pace, saturate
from gateway.bench.rows import Row
from gateway.bench.searching import measure_search
from gateway.bench.service import ServedGateway
from gateway.bench.triaging import measure_triage
from gateway.clock import Clock

GROUPS: Final = ("dispatch", "handling")
_AT_ONCE: Final = {"JIESU_PUBLISH_UNCONFIRMED_AT": "0", "JIESU_LOG_LEVEL": "info"}


class Bench:
    """Measures on this machine; `scale` shortens every run, for a quick look."""

    def __init__(self, clock: Clock, tell: Callable[[str], None], scale: float = 1.0) -> None:
        self._clock = clock
        self._tell = tell
        self._scale = scale
        self._empty_rate = 0.0

    async def run(self, only: str | None = None) -> list[Row]:
        """Return all rows, or those of one measurement."""
        parts = {
            "floors": self.floors,
            "start": self.start,
            "restart": self.restart,
            "triage": self.triage,
            "knowledge": self.knowledge,
            "search": self.search,
            "accepted": self.accepted,
            "latency": self.latency,
            "end-to-end": self.end_to_end,
            "memory": self.memory,
            "harm": self.harm,
            "live": self.live,
        }
        rows: list[Row] = []
        for name, measure in parts.items():
            if only in (None, name):
                self._tell(name)
                rows += await measure()
        return rows

    async def floors(self) -> list[Row]:
        """What the machine gives at best."""
        empty = await floors.empty_post(self._many(20_000), self._clock)
        self._empty_rate = empty.rate
        with tempfile.TemporaryDirectory(prefix="jiesu-") as name:
            folder = Path(name)
            commits = floors.sqlite_full_commit(folder, self._many(2_000), self._clock)
            async with ServedGateway(folder, self._clock) as service:
                one = await floors.xadd_always(
                    service.valkey_socket, self._many(2_000), self._clock, 1
                )
                hundred = await floors.xadd_always(
                    service.valkey_socket, self._many(20_000), self._clock, 100
                )
        return [
            Row("floor: empty aiohttp POST, 32 connections", f"{empty.rate:,.0f} /s"),
            Row("floor: one SQLite FULL commit", f"{commits:,.0f} /s"),
            Row("floor: XADD 2 KB with `always`, one at a time", f"{one:,.0f} /s"),
            Row("floor: XADD 2 KB with `always`, 100 in a pipeline", f"{hundred:,.0f} /s"),
        ]

    async def start(self) -> list[Row]:
        """From the command to ready, on a data folder that exists."""
        with tempfile.TemporaryDirectory(prefix="jiesu-") as name:
            service = ServedGateway(Path(name), self._clock)
            await service.start()
            await service.stop()
            seconds = await service.start()
            await service.stop()
        return [Row("second start, until ready", f"{seconds:.1f} s", "5 s")]

    async def restart(self) -> list[Row]:
        """How long citizens wait while the one process over SQLite is replaced under load."""
        answered: list[float] = []
        with tempfile.TemporaryDirectory(prefix="jiesu-") as name:
            async with ServedGateway(Path(name), self._clock, **_AT_ONCE) as service:
                prepared = requests(2_000, service.port)
                await saturate(service.port, prepared, self._many(5_000), self._clock)
                sending = asyncio.create_task(
                    keep_sending(service.port, prepared, self._clock, answered)
                )
                await self._clock.sleep(1)
                await service.stop()
                await service.start()
                await self._clock.sleep(1)
                sending.cancel()
        pause = max(after - before for before, after in pairwise(answered))
        return [Row("restart over SQLite under load: nobody accepted for", f"{pause:.1f} s")]

    async def triage(self) -> list[Row]:
        """One appeal at a time in one process, and batches on two."""
        return await measure_triage(self._clock, self._many)

    async def knowledge(self) -> list[Row]:
        """A search among as many entries as a country's hotline might have."""
        return await asyncio.to_thread(measure_knowledge, self._clock, self._many)

    async def search(self) -> list[Row]:
        """Searches over all tickets, and the day at a glance."""
        return await measure_search(self._clock, self._many)

    async def accepted(self) -> list[Row]:
        """Appeals a second answered with 201, while triage, relay and consumers work beside."""
        total = self._many(30_000)
        with tempfile.TemporaryDirectory(prefix="jiesu-") as name:
            folder = Path(name)
            async with ServedGateway(folder, self._clock, **_AT_ONCE) as service:
                prepared = requests(2_000, service.port)
                await saturate(service.port, prepared, self._many(1_000), self._clock)
                consumers = _consumers(service, folder)
                measured = await saturate(service.port, prepared, total, self._clock)
                for consumer in consumers:
                    consumer.stop()
        _check(measured, total)
        share = ""
        if self._empty_rate:
            share = f"{measured.rate / self._empty_rate:.2f} of the empty POST"
        return [
            Row(
                "accepted, 32 connections, everything running",
                f"{measured.rate:,.0f} /s",
                "1,500 /s",
                share,
            )
        ]

    async def latency(self) -> list[Row]:
        """How long the receipt takes at 200 a second."""
        total = self._many(6_000)
        with tempfile.TemporaryDirectory(prefix="jiesu-") as name:
            async with ServedGateway(Path(name), self._clock, **_AT_ONCE) as service:
                prepared = requests(2_000, service.port)
                await pace(service.port, prepared, 200, self._many(600), self._clock)
                measured = await pace(service.port, prepared, 200, total, self._clock)
        _check(measured, total)
        return [
            Row(
                "receipt at 200 a second, median / p99",
                f"{measured.percentile(0.5):.1f} / {measured.percentile(0.99):.1f} ms",
                "p99 25 ms",
            )
        ]

    async def end_to_end(self) -> list[Row]:
        """From the first POST to the last handler, as fast as it goes."""
        total = self._many(12_000)
        with tempfile.TemporaryDirectory(prefix="jiesu-") as name:
            folder = Path(name)
            async with ServedGateway(folder, self._clock, **_AT_ONCE) as service:
                warm = self._many(500)
                prepared = requests(total, service.port, warm)
                consumers = _consumers(service, folder)
                warming = requests(warm, service.port)
                await saturate(service.port, warming, warm, self._clock)
                await self._until(consumers, warm)
                started = self._clock.monotonic()
                measured = await saturate(service.port, prepared, total, self._clock)
                last = await self._until(consumers, warm + total)
                for consumer in consumers:
                    consumer.stop()
        _check(measured, total)
        return [
            Row(
                "end to end, POST to the consumer's handler (two groups)",
                f"{total / (last - started):,.0f} /s",
                "600 /s",
                f"accepted at {measured.rate:,.0f} /s meanwhile",
            )
        ]

    async def memory(self) -> list[Row]:
        """Memory of all processes while 100,000 appeals go through, consumers running."""
        total, step = self._many(100_000), self._many(10_000)
        seen: list[dict[str, float]] = []
        with tempfile.TemporaryDirectory(prefix="jiesu-") as name:
            folder = Path(name)
            async with ServedGateway(folder, self._clock, **_AT_ONCE) as service:
                consumers = _consumers(service, folder)
                for done in range(step, total + 1, step):
                    prepared = requests(step, service.port, done)
                    await saturate(service.port, prepared, step, self._clock)
                    await self._until(consumers, done)
                    seen.append(service.memory())
                    self._tell(f"  after {done:,}: {sum(seen[-1].values()):.0f} MiB")
                for consumer in consumers:
                    consumer.stop()
        last = seen[-1]
        parts = ", ".join(f"{name} {size:.0f}" for name, size in sorted(last.items()))
        curve = " → ".join(f"{sum(item.values()):.0f}" for item in seen[:: max(1, len(seen) // 5)])
        return [
            Row(
                f"memory after {total:,} appeals, all processes",
                f"{sum(last.values()):.0f} MiB ({parts})",
                "600 MB, flat",
                f"on the way: {curve}",
            )
        ]

    async def harm(self) -> list[Row]:
        """What others notice of forged posts and large files."""
        return await measure_harm(self._clock, self._many)

    async def live(self) -> list[Row]:
        """What watching the queue costs, and how late it is."""
        return await measure_live(self._clock, self._many)

    async def _until(self, consumers: list[ConsumingProcess], count: int) -> float:
        """Wait until every group has handled so many; return when the last one was handled."""
        while True:
            handled = [await asyncio.to_thread(consumer.handled) for consumer in consumers]
            if min(number for number, _ in handled) >= count:
                return max(at for _, at in handled)
            await self._clock.sleep(0.2)

    def _many(self, count: int) -> int:
        return max(10, int(count * self._scale))


def _consumers(service: ServedGateway, folder: Path) -> list[ConsumingProcess]:
    return [ConsumingProcess(service.valkey_socket, group, folder) for group in GROUPS]


def _check(measured: Measured, total: int) -> None:
    if measured.statuses != {201: total}:
        raise RuntimeError(f"not every appeal was accepted: {measured.statuses}")
