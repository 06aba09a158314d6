"""Two gateways and two workers over one database and one queue, as a larger site runs them."""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from tests import servers
from tests.gateway_process import GatewayProcess
from tests.loss import attacks
from tests.loss.attacks import Attack
from tests.loss.evidence import stream_lengths
from tests.loss.proof import settings
from tests.loss.reader import ReaderProcess

_WORK: Final = ("triage", "relay", "clock")
Strike = Callable[[], Awaitable[None]]


class Fleet:
    """The processes; all share one data folder for keys and attachments."""

    def __init__(self, folder: Path, database_url: str, redis_url: str, *, confirmed: bool) -> None:
        self.folder = folder
        common = {
            **settings(confirmed=confirmed),
            "JIESU_DATABASE_URL": database_url,
            "JIESU_REDIS_URL": redis_url,
        }
        self.gateways = [GatewayProcess(folder, "web", **common) for _ in range(2)]
        self.workers = [GatewayProcess(folder, *_WORK, **common) for _ in range(2)]

    async def start(self) -> None:
        """Start one process, which makes the keys and the tables, then the others together."""
        first, *others = (*self.gateways, *self.workers)
        await asyncio.to_thread(first.start, 60)
        await asyncio.gather(*(asyncio.to_thread(process.start, 60) for process in others))

    async def stop(self) -> None:
        """Let all of them drain and end."""
        statuses = await asyncio.gather(
            *(asyncio.to_thread(process.terminate) for process in (*self.gateways, *self.workers))
        )
        assert statuses == [0, 0, 0, 0], "a process did not end as it was asked to"

    def kill(self) -> None:
        """End whatever is still there."""
        for process in (*self.gateways, *self.workers):
            process.kill()

    def strikes(self, dice: random.Random) -> list[tuple[float, str, Strike]]:
        """Return what is done to each process, with the share of stories at which it is done."""
        first, second = self.gateways
        worker, other = self.workers

        def kill(process: GatewayProcess) -> Strike:
            return lambda: attacks.kill_and_start(process, dice.uniform(0.1, 0.6))

        async def pause_worker() -> None:
            """Longer than the relay's lease lasts: the other takes over, then there are two."""
            assert worker.child is not None
            await attacks.stop_for([worker.child.pid], 8)

        return [
            (0.06, "gateway killed", kill(first)),
            (0.13, "worker killed", kill(worker)),
            (0.33, "gateway killed", kill(second)),
            (0.42, "triage killed", partial(attacks.kill_triage_child, other)),
            (0.49, "worker killed", kill(other)),
            (0.70, "worker paused beyond its lease", pause_worker),
            (0.92, "gateway killed", kill(first)),
        ]


def queue_strikes(node: servers.QueueServer) -> list[tuple[float, str, Strike]]:
    """Return what is done to the Redis that holds the streams."""

    async def kill() -> None:
        node.kill()
        await asyncio.sleep(1)
        await asyncio.to_thread(node.start)

    async def stop() -> None:
        node.signal(signal.SIGSTOP)
        await asyncio.sleep(10)
        node.signal(signal.SIGCONT)

    return [
        (0.20, "Redis killed", kill),
        (0.56, "Redis out of reach for 10 s", stop),
        (0.85, "Redis killed", kill),
    ]


def crash_of(postgres: servers.PostgresServer) -> tuple[float, str, Strike]:
    """Return PostgreSQL's crash, from which it comes back after two seconds."""

    async def crash() -> None:
        await asyncio.to_thread(postgres.stop, "immediate")
        await asyncio.sleep(2)
        await asyncio.to_thread(postgres.start)

    return 0.27, "PostgreSQL crashed", crash


def loss_of_all_entries(
    node: servers.QueueServer, readers: Sequence[ReaderProcess]
) -> tuple[float, str, Strike]:
    """Return the blow after which Redis comes back without entries that nobody has handled."""

    async def lose() -> None:
        for reader in readers:
            reader.kill()
        await _wait_for_entries(node)
        node.kill()
        await asyncio.to_thread(node.forget)
        await asyncio.sleep(1)
        await asyncio.to_thread(node.start)
        for reader in readers:
            reader.start()

    return 0.76, "Redis came back empty", lose


async def _wait_for_entries(node: servers.QueueServer) -> None:
    """Return when the relay has published more than a few entries."""
    for _ in range(300):
        if sum((await stream_lengths(node.url)).values()) >= 20:
            return
        await asyncio.sleep(0.2)
    raise AssertionError("nothing is published: there is nothing to lose")


def planned(strikes: list[tuple[float, str, Strike]], dice: random.Random) -> list[Attack]:
    """Return the attacks at somewhat random moments."""
    return [Attack(at + dice.uniform(0, 0.04), name, strike) for at, name, strike in strikes]
