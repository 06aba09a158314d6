"""One run of the proof: feed, attack, let it come to rest, stop, look at what is there."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from gateway.tickets.workflow import Status
from tests.gateway_process import GatewayProcess
from tests.loss import generator
from tests.loss.agent import Agents
from tests.loss.attacks import Attack, Siege, in_order, processes_of
from tests.loss.checks import Checks
from tests.loss.evidence import Evidence, Place, gather_evidence, open_work, stream_lengths
from tests.loss.feeder import SECRET, Feeder, Journal, Receipt
from tests.loss.generator import Story
from tests.loss.reader import ReaderProcess

STORIES: Final = 5_000
GROUPS: Final = ("dispatch", "handling")
SETTINGS: Final = {
    "JIESU_GROUPS": ",".join(GROUPS),
    "JIESU_WEBHOOK_SECRETS": f'{{"{generator.SOURCE}": "{SECRET}"}}',
    "JIESU_LOG_LEVEL": "warning",
}
_AT_ONCE: Final = {"JIESU_PUBLISH_UNCONFIRMED_AT": "0"}
_CONFIRMED: Final = {"JIESU_UNDO_SECONDS": "1"}


def settings(*, confirmed: bool) -> dict[str, str]:
    """Return the settings of a run: everything out at once, or confirmed by agents."""
    return SETTINGS | (_CONFIRMED if confirmed else _AT_ONCE)


@dataclass(slots=True)
class Run:
    """One run over an installation that serves; `stop` ends all its processes cleanly."""

    name: str
    place: Place
    gateways: Sequence[GatewayProcess]
    readers: Sequence[ReaderProcess]
    attacks: Sequence[Attack]
    stop: Callable[[], Awaitable[None]]
    stories: int = STORIES
    seed: int = 1
    pace: float = 0.0
    """Stories a second at most; 0 is as fast as they are taken."""
    keep_alive: bool = True
    """Whether citizens keep their connections, or take a new one for each request."""
    token: str | None = None
    """An agent's; None where nobody confirms."""
    patience: float = 40.0
    """Seconds without any progress after which the service is taken to be stuck."""
    journal: Journal = field(default_factory=Journal)

    async def prove(self) -> Evidence:
        """Run it all and raise `AssertionError` where anything was lost, doubled or undone."""
        told = list(generator.stories(self.stories, self.seed))
        started = time.monotonic()
        agents = self._agents()
        await self._feed(told, agents)
        fed = time.monotonic()
        streams = await self._come_to_rest()
        rested = time.monotonic()
        for accepted in random.Random(self.seed).sample(self.journal.accepted, 30):
            await asyncio.to_thread(self._look_up, accepted.receipt)
        for reader in self.readers:
            await asyncio.to_thread(reader.stop)
        await self.stop()
        ledgers = {reader.group: reader.database for reader in self.readers}
        evidence = await gather_evidence(self.place, ledgers)
        evidence.streams = streams
        effects = sum(map(len, evidence.effects.values()))
        print(
            f"\n{self.name}: {len(evidence.tickets)} tickets, {effects} effects in "
            f"{len(evidence.effects)} groups; fed in {fed - started:.0f} s, at rest after "
            f"{rested - fed:.0f} s more; {self.journal.summary()}"
            + (f"; agents: {agents.minutes.summary()}" if agents else "")
            + f"; attacks: {', '.join(a.name for a in in_order(self.attacks))}"
        )
        Checks(told, self.journal, evidence, agents.minutes if agents else None).all()
        left = processes_of(self.place.folder)
        assert not left, f"processes that nobody ended: {left}"
        return evidence

    def _look_up(self, receipt: Receipt) -> None:
        """Ask where an appeal stands, with what its citizen was given."""
        path = f"/api/v1/appeals/{receipt['ticket_id']}"
        code = {"Authorization": f"Bearer {receipt['query_code']}"}
        status, body = self.gateways[0].request("GET", path, headers=code)
        assert (status, body["status"]) == (200, Status.DISPATCHED), (receipt, status, body)

    def _agents(self) -> Agents | None:
        if self.token is None:
            return None
        return Agents(self._urls, self.token, random.Random(self.seed))

    @property
    def _urls(self) -> list[str]:
        return [f"http://127.0.0.1:{gateway.port}" for gateway in self.gateways]

    async def _feed(self, told: Sequence[Story], agents: Agents | None) -> None:
        """Feed under attack; the agents go on until everything is confirmed."""
        siege = Siege(self.attacks, len(told))
        began = time.monotonic()

        async def gate(number: int) -> None:
            await siege.gate(number)
            if self.pace:
                await asyncio.sleep(began + number / self.pace - time.monotonic())

        feeder = Feeder(
            lambda: self._urls,
            self.journal,
            random.Random(self.seed),
            gate,
            keep_alive=self.keep_alive,
        )
        working = asyncio.create_task(agents.work()) if agents else None
        try:
            async with asyncio.timeout(600), asyncio.TaskGroup() as group:
                group.create_task(feeder.feed(told))
                group.create_task(siege.run())
            if agents is not None:
                await self._wait_until_confirmed(agents)
        finally:
            if working is not None:
                working.cancel()
                with suppress(asyncio.CancelledError):
                    await working
        assert len(siege.names) == len(self.attacks), siege.names

    async def _wait_until_confirmed(self, agents: Agents) -> None:
        async def unconfirmed() -> dict[str, int]:
            return {"unconfirmed": (await open_work(self.place))["unconfirmed"]}

        left = await self._wait_until_done(unconfirmed)
        assert not any(left.values()), f"agents cannot confirm {left}: {agents.minutes.summary()}"

    async def _come_to_rest(self) -> dict[str, int]:
        """Wait until nothing is left to do; return what the streams hold then.

        When it never rests the checks tell what is left, so this gives up without a failure.
        """
        streams: dict[str, int] = {}

        async def all_work() -> dict[str, int]:
            streams.update(await stream_lengths(self.place.redis_url))
            work = await open_work(self.place)
            del work["unconfirmed"]
            return work | streams

        await self._wait_until_done(all_work)
        return streams

    async def _wait_until_done(
        self, look: Callable[[], Awaitable[dict[str, int]]]
    ) -> dict[str, int]:
        """Wait until all counts are zero, or stand still for too long; return the last ones."""
        last, since = {"unknown": 1}, time.monotonic()
        while any(last.values()) and time.monotonic() - since < self.patience:
            await asyncio.sleep(0.3)
            with suppress(SQLAlchemyError, RedisError, OSError):
                counts = await look()
                if counts != last:
                    last, since = counts, time.monotonic()
        return last


def ledger_path(folder: Path, group: str) -> Path:
    """Return where a group's readers keep their store, apart from the service's data."""
    return folder / f"ledger-{group}.sqlite3"


def agent_token(gateway: GatewayProcess) -> str:
    """Make an agent's account and return its token."""
    gateway.command("accounts", "add", "root", "--role", "administrator")
    return gateway.command("accounts", "add", "desk-1").stdout.strip()
