"""The whole line of one ticket in one process, on a clock that stands until it is advanced.

Inbox, triage, clock, desk and relay are the real ones, over a real database and a real Valkey; the
model runs in this process, and a test may say what it finds or that it fails.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

import orjson
from redis.asyncio import Redis
from sqlalchemy import select

from channels.message import Message, Reporter
from gateway.accounts.keys import Vault
from gateway.bell import Bell
from gateway.clock import SimulatedClock
from gateway.confirmation.confirm import ConfirmationDesk
from gateway.confirmation.deadlines import Deadlines
from gateway.dispatch.relay import Relay
from gateway.dispatch.streams import STREAMS, Streams, connect
from gateway.intake.inbox import Inbox
from gateway.intake.open_ticket import TicketOpener
from gateway.intake.triage_processes import TriageFailed, TriageProcesses, assemble
from gateway.leases import Lease
from gateway.observability.metrics import Metrics
from gateway.repeats.comparing import Comparer, shipped_commonness
from gateway.tickets import schema
from gateway.tickets.database import Database
from gateway.tickets.store import find_tickets, history_of
from gateway.tickets.ticket import ClockRules, Ticket
from models.bundle import shipped_folder
from triage.appeal import Appeal
from triage.decision import Decision, Tier
from triage.pipeline import Pipeline, tier_by_rules
from triage.taxonomy import FILES

START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
ORDINARY: dict[str, Any] = {
    "kind": "complaint", "tier": "general", "route": "direct", "unit": "housing",
    "supporting_units": [], "district": None, "street": None,
}  # fmt: skip
"""What triage finds where a test says nothing else: a general matter with a unit."""


@cache
def shipped_texts() -> dict[str, str]:
    """The catalogue that ships."""
    return {name: (files("triage") / "taxonomy" / name).read_text("utf-8") for name in FILES}


@cache
def shipped_pipeline() -> Pipeline:
    """The shipped model over the shipped catalogue, loaded once."""
    return assemble(shipped_folder(), shipped_texts())


class TriageHere(TriageProcesses):
    """The real pipeline without child processes; `finds` sets fields of decisions by a marker."""

    def __init__(self) -> None:
        self.finds: dict[str, dict[str, Any]] = {}
        self.fails_on: set[str] = set()

    async def decide(self, appeals: Sequence[Appeal]) -> list[str]:
        """Decide, or fail on a whole batch in which a text has a marker that fails."""
        texts = ["".join(text.text for text in appeal.texts) for appeal in appeals]
        if any(marker in text for marker in self.fails_on for text in texts):
            raise TriageFailed("the marker was there")
        decided = shipped_pipeline().decide_all(appeals)
        return [self._said(*pair).model_dump_json() for pair in zip(texts, decided, strict=True)]

    def _said(self, text: str, decision: Decision) -> Decision:
        if "真实判断" in text:
            return decision
        found = {**ORDINARY}
        for marker, fields in self.finds.items():
            if marker in text:
                found |= fields
        return Decision.model_validate(decision.model_dump(mode="json") | found)


@dataclass
class Line:
    """What one test works with."""

    database: Database
    vault: Vault
    url: str
    clock: SimulatedClock
    rules: ClockRules
    groups: tuple[str, ...]
    redis: Redis
    triage: TriageHere = field(default_factory=TriageHere)
    metrics: Metrics = field(default_factory=Metrics)
    undo: timedelta = timedelta(seconds=10)

    def __post_init__(self) -> None:
        self.accepted, self.decided = Bell(self.clock), Bell(self.clock)
        self.inbox = Inbox(
            self.database, self.vault, self.clock, self.accepted, surge=False,
            joining=timedelta(minutes=30),
        )  # fmt: skip
        self.rules_fail = False
        self.opener = TicketOpener(
            self.database, self.vault, self.clock, self.triage, self._tier_by_rules, self.rules,
            self.accepted, self.decided, self.metrics,
        )  # fmt: skip
        self.desk = ConfirmationDesk(
            self.database, self.clock, self.rules, self.undo,
            frozenset(shipped_pipeline().catalogue.units), self.decided,
        )  # fmt: skip
        self.deadlines = Deadlines(
            self.database, self.clock, self.rules, Lease(self.database, self.clock, "clock"),
            self.decided, self.metrics,
        )  # fmt: skip
        self.comparer = Comparer(
            self.database, self.clock, self.rules, Lease(self.database, self.clock, "repeats"),
            shipped_commonness(),
        )  # fmt: skip
        self.lease = Lease(self.database, self.clock, "relay")
        self._streams: list[Streams] = []
        self.relay = self.another_relay()
        self._count = 0

    def another_relay(self, kind: type[Relay] = Relay, lease: Lease | None = None) -> Relay:
        """A relay as a process just started has it, which need not wait for a lease."""
        streams = Streams(lambda: connect(self.url), self.groups)
        self._streams.append(streams)
        return kind(
            self.database, streams, self.clock, self.rules, lease or self.lease, self.decided,
            self.metrics,
        )  # fmt: skip

    async def close(self) -> None:
        """Give all connections back."""
        for streams in self._streams:
            await streams.close()
        await self.redis.aclose()

    def message(self, text: str, key: str | None = None, **fields: Any) -> Message:
        """A message of the web form, with a key of its own unless one is given."""
        self._count += 1
        key = key or f"key-{self._count}"
        return Message("web", key, text, raw=f"raw {text}".encode(), **fields)

    async def accept(self, text: str, key: str | None = None, **fields: Any) -> str:
        """Accept an appeal and return its ticket's number."""
        return (await self.inbox.accept(self.message(text, key, **fields))).ticket_id

    async def triaged(self, text: str, **fields: Any) -> str:
        """Accept an appeal, let triage decide, and return the ticket's number."""
        number = await self.accept(text, **fields)
        await self.triage_all()
        return number

    async def triage_all(self) -> None:
        """Let triage work until nothing waits for it."""
        while await self.opener.step():
            pass

    async def compare_all(self) -> None:
        """Let tickets be compared until nothing waits for it, and merge what may be merged."""
        assert await self.comparer.lease.hold()
        while await self.comparer.step():
            pass
        await self.comparer.step()

    def later(self, **span: float) -> None:
        """Let time pass."""
        self.clock.advance(timedelta(**span))

    async def look(self) -> None:
        """Let the clock role look, and the relay publish what is to be published."""
        await self.deadlines.step()
        await self.publish()

    async def publish(self) -> None:
        """Let the relay work until the outbox holds nothing that it may send."""
        await self.relay.step()
        while await self.waiting():
            await self.relay.step()

    async def waiting(self) -> list[tuple[str, int]]:
        """Tickets and versions that the relay may send and has not sent."""
        rows = await self.outbox()
        return [(row.ticket_id, row.version) for row in rows if row.released and not row.entry_ms]

    async def outbox(self) -> list[Any]:
        """The outbox as it is."""
        async with self.database.read() as connection:
            return list(await connection.execute(select(schema.outbox).order_by("number")))

    async def ticket(self, number: str) -> Ticket:
        """The ticket as it is."""
        async with self.database.read() as connection:
            return (await find_tickets(connection, [number]))[number]

    async def history(self, number: str) -> list[dict[str, Any]]:
        """The ticket's history, oldest first."""
        async with self.database.read() as connection:
            return await history_of(connection, number)

    async def events(self, number: str) -> list[str]:
        """The names of what happened to the ticket."""
        return [line["event"] for line in await self.history(number)]

    async def entries(self, tier: Tier | str) -> list[dict[str, Any]]:
        """What is on the stream of a tier; `ticket` is the parsed payload."""
        found: Any = await self.redis.xrange(STREAMS[Tier(tier)])
        entries = [
            {name.decode(): value.decode() for name, value in raw.items()} for _, raw in found
        ]
        return [{**entry, "ticket": orjson.loads(entry["payload"])} for entry in entries]

    async def all_entries(self) -> list[dict[str, Any]]:
        """What is on all streams, the most urgent first."""
        return [entry for tier in Tier for entry in await self.entries(tier)]

    async def read_all(self, group: str, *, acknowledge: bool = True) -> list[bytes]:
        """Let a group read whatever is new to it; return the entries' ids."""
        found = []
        for stream in STREAMS.values():
            reply: Any = await self.redis.xreadgroup(group, "reader", {stream: ">"}, count=10_000)
            for _, rows in reply.items() if isinstance(reply, dict) else reply:
                for entry_id, _ in rows[0] if isinstance(rows[0], list) else rows:
                    found.append(entry_id)
                    if acknowledge:
                        await self.redis.xack(stream, group, entry_id)
        return found

    def _tier_by_rules(self, appeal: Appeal) -> Tier:
        if self.rules_fail:
            raise RuntimeError("the rules are broken")
        return tier_by_rules(shipped_pipeline().catalogue, appeal)


@asynccontextmanager
async def running_line(
    database: Database,
    vault: Vault,
    url: str,
    *,
    share: float = 0.9,
    groups: tuple[str, ...] = ("dispatch", "handling"),
) -> AsyncIterator[Line]:
    """Give a line over these servers."""
    rules = ClockRules(publish_share=share)
    clock = SimulatedClock(START)
    line = Line(database, vault, url, clock, rules, groups, Redis.from_url(url))
    try:
        yield line
    finally:
        await line.close()


def reporter(phone: str) -> Reporter:
    """A reporter of whom only the telephone is known."""
    return Reporter(phone=phone)
