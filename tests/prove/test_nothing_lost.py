"""Nothing is lost over PostgreSQL and Redis with two gateways and two workers, nor on a cluster."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from gateway.dispatch.streams import DEAD
from tests import servers
from tests.loss.evidence import Place
from tests.loss.proof import GROUPS, Run, agent_token, ledger_path
from tests.loss.reader import ReaderProcess
from tests.prove.fleet import (
    Fleet,
    Strike,
    crash_of,
    loss_of_all_entries,
    planned,
    queue_strikes,
)

pytestmark = pytest.mark.prove


@pytest.fixture(scope="module")
def durable_postgres() -> Iterator[servers.PostgresServer]:
    """A PostgreSQL that flushes what it commits, so that it may crash."""
    with servers.postgres(durable=True) as server:
        yield server


class Proof:
    """A fleet with its readers, two of which share the first group's work."""

    def __init__(self, name: str, stack: ExitStack, redis_url: str, database_url: str) -> None:
        self.name = name
        self.database_url = database_url
        self.redis_url = redis_url
        self._stack = stack
        self._folder = stack.enter_context(servers.short_folder())
        ledgers = stack.enter_context(servers.short_folder())
        self.readers = [
            ReaderProcess(ledger_path(ledgers, group), redis_url, group, f"reader-{number}")
            for number, group in enumerate((GROUPS[0], *GROUPS))
        ]

    async def run(self, strikes: list[tuple[float, str, Strike]], *, confirmed: bool) -> None:
        """Raise where anything is lost, with all out at once or confirmed by agents."""
        fleet = Fleet(self._folder, self.database_url, self.redis_url, confirmed=confirmed)
        self._stack.callback(fleet.kill)
        await fleet.start()
        for reader in self.readers:
            reader.start()
            self._stack.callback(reader.end)
        seed = 54321 + confirmed
        dice = random.Random(seed)

        async def kill_reader() -> None:
            await asyncio.to_thread(self.readers[0].kill_before_it_acknowledges)
            self.readers[0].start()

        await Run(
            f"{self.name}, " + ("confirmed by agents" if confirmed else "published at once"),
            Place(fleet.folder, self.database_url, self.redis_url),
            fleet.gateways,
            self.readers,
            planned([*strikes, *fleet.strikes(dice), (0.37, "reader killed", kill_reader)], dice),
            fleet.stop,
            seed=seed,
            token=agent_token(fleet.gateways[0]) if confirmed else None,
        ).prove()


@pytest.mark.parametrize("confirmed", [False, True], ids=["at once", "confirmed by agents"])
async def test_nothing_is_lost_over_postgresql_and_redis(
    durable_postgres: servers.PostgresServer, confirmed: bool
) -> None:
    """No ticket is missing, doubled or undone when processes, Redis and PostgreSQL are killed.

    Redis also comes back empty once, and the relay by itself sends again what is missing.
    """
    with ExitStack() as stack:
        node = stack.enter_context(servers.redis_server())
        proof = Proof("PostgreSQL and Redis", stack, node.url, durable_postgres.create())
        loss = loss_of_all_entries(node, proof.readers)
        strikes = [*queue_strikes(node), crash_of(durable_postgres), loss]
        await proof.run(strikes, confirmed=confirmed)


@pytest.mark.parametrize("confirmed", [False, True], ids=["at once", "confirmed by agents"])
async def test_nothing_is_lost_over_a_redis_cluster(
    durable_postgres: servers.PostgresServer, confirmed: bool
) -> None:
    """No ticket is missing, doubled or undone when the node that holds the streams is killed."""
    with ExitStack() as stack:
        nodes = stack.enter_context(servers.redis_cluster())
        proof = Proof("Redis cluster", stack, nodes.url, durable_postgres.create())
        await proof.run(queue_strikes(nodes.holder(DEAD)), confirmed=confirmed)
