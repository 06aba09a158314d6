"""Over PostgreSQL a new version migrates while the old one serves: expand, then contract."""

import asyncio
import statistics
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import text

from gateway.tickets.database import open_database
from gateway.tickets.migrate import applied_steps
from tests import servers
from tests.gateway_process import GatewayProcess
from tests.loss.attacks import Attack
from tests.loss.evidence import Place
from tests.loss.proof import GROUPS, Run, ledger_path, settings
from tests.loss.reader import ReaderProcess
from tests.prove.versions import CONTRACT, EXPAND, next_version

pytestmark = pytest.mark.prove
_A_SECOND: Final = 40
_STORIES: Final = 2_400
_CURED: Final = {"200", "201", "ClientConnectorError", "ClientOSError", "ServerDisconnectedError"}
"""Answers, and what happens to a connection to a gateway that is leaving."""


class HandOver:
    """Two gateways of the old version, then two of the new, and the steps from here to there."""

    def __init__(self, folder: Path, new_code: Path, database_url: str, redis_url: str) -> None:
        common = {
            **settings(confirmed=False),
            "JIESU_DATABASE_URL": database_url,
            "JIESU_REDIS_URL": redis_url,
        }
        newer = {**common, "PYTHONPATH": str(new_code)}
        self.database_url = database_url
        self.old = [GatewayProcess(folder, **common) for _ in range(2)]
        self.new = [GatewayProcess(folder, **newer) for _ in range(2)]
        self.serving: list[GatewayProcess] = []
        self.said = ""

    async def join(self, process: GatewayProcess) -> None:
        """Start a gateway, then let citizens find it."""
        await asyncio.to_thread(process.start, 60)
        self.serving.append(process)

    async def leave(self, process: GatewayProcess) -> None:
        """Let a gateway drain; whoever still finds it tries another one."""
        assert await asyncio.to_thread(process.terminate) == 0
        self.serving.remove(process)

    async def applied(self) -> set[str]:
        """Return which of the new version's steps the database has had."""
        database = open_database(self.database_url)
        try:
            return set(await applied_steps(database)) & {EXPAND, CONTRACT}
        finally:
            await database.close()

    async def start_new(self) -> None:
        """Start the new version beside the old: that expands the schema."""
        assert await self.applied() == set()
        await self.join(self.new[0])
        assert await self.applied() == {EXPAND}

    async def contract(self) -> None:
        """Take away what only the old version used, now that none of it serves."""
        done = await asyncio.to_thread(self.new[0].command, "migrate", "--contract")
        self.said = done.stdout
        assert await self.applied() == {EXPAND, CONTRACT}

    def steps(self) -> list[Attack]:
        """Return the hand-over as it goes on under load."""
        return [
            Attack(0.15, "new version started", self.start_new),
            Attack(0.30, "old gateway ended", lambda: self.leave(self.old[0])),
            Attack(0.45, "new gateway started", lambda: self.join(self.new[1])),
            Attack(0.60, "old gateway ended", lambda: self.leave(self.old[1])),
            Attack(0.75, "schema contracted", self.contract),
        ]

    async def stop(self) -> None:
        """End what serves."""
        for process in list(self.serving):
            await self.leave(process)

    def kill(self) -> None:
        """End whatever is still there."""
        for process in (*self.old, *self.new):
            process.kill()


@pytest.fixture
def hand_over(tmp_path: Path, postgres_url: str) -> Iterator[HandOver]:
    """Both versions, not started yet, over PostgreSQL and Redis."""
    with ExitStack() as stack:
        folder = stack.enter_context(servers.short_folder())
        node = stack.enter_context(servers.redis_server())
        found = HandOver(folder, next_version(tmp_path / "next"), postgres_url, node.url)
        stack.callback(found.kill)
        yield found


async def test_a_new_version_migrates_while_the_old_one_serves(
    hand_over: HandOver, tmp_path: Path
) -> None:
    """Under steady load no request fails but for refused connections, and no ticket is lost."""
    old = hand_over.old[0]
    redis_url = old.settings["JIESU_REDIS_URL"]
    readers = [
        ReaderProcess(ledger_path(tmp_path, group), redis_url, group, group) for group in GROUPS
    ]
    try:
        await hand_over.join(old)
        await hand_over.join(hand_over.old[1])
        for reader in readers:
            reader.start()
        run = Run(
            "new version under load",
            Place(old.folder, hand_over.database_url, redis_url),
            hand_over.serving,
            readers,
            hand_over.steps(),
            hand_over.stop,
            stories=_STORIES,
            seed=99,
            pace=_A_SECOND,
            keep_alive=False,
        )
        await run.prove()
    finally:
        for reader in readers:
            reader.end()
    told = statistics.quantiles(run.journal.seconds, n=100)
    print(f"answered in {told[49] * 1000:.0f} ms (median), {told[98] * 1000:.0f} ms (p99)")
    assert set(run.journal.answers) <= _CURED, run.journal.summary()
    await _has_both_versions_rows(hand_over.database_url)
    with pytest.raises(AssertionError, match="to where this one cannot serve"):
        old.start()


async def _has_both_versions_rows(database_url: str) -> None:
    """Check that both versions wrote tickets, and that none was left without the new column."""
    database = open_database(database_url)
    query = text("SELECT language, count(*) FROM tickets GROUP BY language")
    try:
        async with database.read() as connection:
            rows: dict[str | None, int] = {
                row[0]: row[1] for row in await connection.execute(query)
            }
    finally:
        await database.close()
    assert set(rows) == {"old", "new"}, rows
    assert min(rows.values()) > _STORIES / 10, rows
