"""Nothing is lost over PostgreSQL and Redis with two gateways and two workers, nor on a cluster."""

import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

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


async def prove_fleet(
    name: str,
    fleet: Fleet,
    strikes: list[tuple[float, str, Strike]],
    ledgers: Path,
    *,
    confirmed: bool,
) -> None:
    """Run the proof over a fleet; two readers share the first group's work."""
    common = fleet.gateways[0].settings
    redis_url = common["JIESU_REDIS_URL"]
    readers = [
        ReaderProcess(ledger_path(ledgers, group), redis_url, group, f"reader-{number}")
        for number, group in enumerate((GROUPS[0], *GROUPS))
    ]
    seed = 54321 + confirmed
    dice = random.Random(seed)

    async def kill_reader() -> None:
        readers[0].kill()
        readers[0].start()

    try:
        await fleet.start()
        for reader in readers:
            reader.start()
        await Run(
            f"{name}, " + ("confirmed by agents" if confirmed else "published at once"),
            Place(fleet.folder, common["JIESU_DATABASE_URL"], redis_url),
            fleet.gateways,
            readers,
            planned([*strikes, *fleet.strikes(dice), (0.37, "reader killed", kill_reader)], dice),
            fleet.stop,
            seed=seed,
            token=agent_token(fleet.gateways[0]) if confirmed else None,
        ).prove()
    finally:
        for reader in readers:
            reader.end()


@pytest.mark.parametrize("confirmed", [False, True], ids=["at once", "confirmed by agents"])
async def test_nothing_is_lost_over_postgresql_and_redis(
    durable_postgres: servers.PostgresServer, confirmed: bool, tmp_path: Path
) -> None:
    """No ticket is missing, doubled or undone when processes, Redis and PostgreSQL are killed.

    Redis also comes back empty once, and the relay by itself sends again what is missing.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(servers.short_folder())
        node = stack.enter_context(servers.redis_server())
        url = durable_postgres.create()
        fleet = Fleet(folder, url, node.url, confirmed=confirmed)
        stack.callback(fleet.kill)
        strikes = [*queue_strikes(node), crash_of(durable_postgres), loss_of_all_entries(node)]
        await prove_fleet("PostgreSQL and Redis", fleet, strikes, tmp_path, confirmed=confirmed)


@pytest.mark.parametrize("confirmed", [False, True], ids=["at once", "confirmed by agents"])
async def test_nothing_is_lost_over_a_redis_cluster(
    durable_postgres: servers.PostgresServer, confirmed: bool, tmp_path: Path
) -> None:
    """No ticket is missing, doubled or undone when the node that holds the streams is killed."""
    with ExitStack() as stack:
        folder = stack.enter_context(servers.short_folder())
        nodes = stack.enter_context(servers.redis_cluster())
        url = durable_postgres.create()
        fleet = Fleet(folder, url, nodes.url, confirmed=confirmed)
        stack.callback(fleet.kill)
        strikes = queue_strikes(nodes.holder(DEAD))
        await prove_fleet("Redis cluster", fleet, strikes, tmp_path, confirmed=confirmed)
