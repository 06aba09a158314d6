"""Whatever happens in whatever order, consumers end with each ticket's last word, and only once."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from gateway.dispatch.consumer import Consumer, Entry, SqliteLedger
from gateway.dispatch.streams import STREAMS
from gateway.tickets.refusal import Refused
from gateway.tickets.workflow import ALLOWED, CLOSED, Status
from tests.dispatch.line import Line
from tests.dispatch.test_relay import DiesBeforeRecording, Killed

GROUPS = ("dispatch", "handling")
UNITS = ("housing", "fire-rescue", "district-haidian")
TEXTS = ("旧家具", "停水了", "起火了", "坏掉的模型")
SPANS = (1, 11, 1_000, 50_000, 100_000)
WHICH = st.integers(0, 2)
STEP = st.one_of(
    st.tuples(st.just("accept"), st.sampled_from(TEXTS)),
    st.tuples(st.just("add"), WHICH, st.sampled_from(TEXTS)),
    st.tuples(st.just("confirm"), WHICH, st.sampled_from(UNITS)),
    st.tuples(st.just("undo"), WHICH),
    st.tuples(st.just("wait"), st.sampled_from(SPANS)),
    st.tuples(st.just("consume"), st.sampled_from(GROUPS)),
    st.tuples(st.sampled_from(("triage", "look", "relay", "crash", "duplicate", "lose"))),
)


@dataclass
class World:
    """One line with two consumers, and what each of them has seen take effect."""

    line: Line
    mine: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    told: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    seen: dict[str, dict[str, list[Entry]]] = field(default_factory=dict)
    consumers: dict[str, Consumer[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.line.triage.finds |= {
            "停水": {"tier": "livelihood", "unit": "water-supply"},
            "起火": {"tier": "emergency", "unit": "fire-rescue"},
        }
        self.line.triage.fails_on.add("坏掉")
        for group in GROUPS:
            self.seen[group] = {}
            self.consumers[group] = Consumer(
                self.line.redis, group, "desk", SqliteLedger(":memory:"), self._effect(group),
                sleep=self.line.clock.sleep, monotonic=self.line.clock.monotonic,
            )  # fmt: skip

    def _effect(self, group: str) -> Callable[[Entry, Any], Awaitable[None]]:
        async def effect(entry: Entry, _: Any) -> None:
            self.seen[group].setdefault(entry.ticket_id, []).append(entry)

        return effect

    async def accept(self, text: str) -> None:
        """A citizen tells of something."""
        key = f"key-of-{self.line._count}"
        self.mine.append(await self.line.accept(text, key))
        self.keys.append(key)

    async def add(self, which: int, text: str) -> None:
        """The same citizen adds to it."""
        if self.keys:
            await self.line.accept(text, edits=self.keys[which % len(self.keys)])

    async def confirm(self, which: int, unit: str) -> None:
        """An agent confirms the ticket for a unit, if that can be done now."""
        if self.mine:
            number = self.mine[which % len(self.mine)]
            version = (await self.line.ticket(number)).version
            try:
                await self.line.desk.confirm(number, "agent-07", version, {"unit": unit})
            except Refused as refused:
                note(refused.problem)

    async def undo(self, which: int) -> None:
        """The agent takes it back, if that can be done now."""
        if self.mine:
            try:
                await self.line.desk.undo(self.mine[which % len(self.mine)], "agent-07")
            except Refused as refused:
                note(refused.problem)

    async def wait(self, seconds: int) -> None:
        """Time passes."""
        self.line.later(seconds=seconds)

    async def consume(self, group: str) -> None:
        """A consumer does what is there."""
        await self.consumers[group].run_once()

    async def triage(self) -> None:
        """Triage opens what waits for it."""
        await self.line.triage_all()

    async def look(self) -> None:
        """The clock role looks."""
        await self.line.deadlines.step()

    async def relay(self) -> None:
        """The relay publishes, and sweeps when it is time."""
        await self.line.relay.step()

    async def crash(self) -> None:
        """The relay dies after XADD, before the database knows; another is started."""
        try:
            await self.line.another_relay(DiesBeforeRecording).step()
        except Killed:
            note("killed")
        self.line.relay = self.line.another_relay()

    async def duplicate(self) -> None:
        """Some entries come a second time, behind all others."""
        for stream in STREAMS.values():
            found: Any = await self.line.redis.xrange(stream, count=2)
            for _, raw in found:
                await self.line.redis.xadd(stream, raw)

    async def lose(self) -> None:
        """Redis loses everything that it has."""
        await self.line.redis.flushall()
        self.line.relay = self.line.another_relay()

    async def remember(self) -> None:
        """Check that every history only grew."""
        for number in self.mine:
            before, now = self.told.get(number, []), await self.line.history(number)
            assert now[: len(before)] == before
            self.told[number] = now

    async def settle(self) -> None:
        """Let everything go its way to the end."""
        await self.triage()
        for _ in range(3):
            self.line.later(days=3)
            await self.line.look()
            for group in GROUPS:
                await self.consume(group)
        await self.line.relay.sweep()


def check_end(world: World, number: str, ticket: Any) -> None:
    """Check one ticket after everything has settled."""
    history = world.told[number]
    published = [line["detail"]["version"] for line in history if line["event"] == "published"]
    statuses = [Status(line["status"]) for line in history]
    for before, after in pairwise(statuses):
        assert after is before or after in ALLOWED[before]
    assert ticket.status is Status.DISPATCHED
    assert ticket.status not in CLOSED
    for group in GROUPS:
        entries = world.seen[group][number]
        versions = [entry.version for entry in entries]
        assert versions == sorted(set(versions)), "no version takes effect twice, none goes back"
        assert versions[-1] == max(published)
        last = entries[-1]
        told = [last.ticket[name] for name in ("tier", "unit", "kind", "confirmation")]
        assert told == [ticket.tier, ticket.unit, ticket.kind, ticket.confirmation]
        assert (last.unit, last.tier) == (ticket.dispatched_unit, ticket.tier)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(STEP, min_size=5, max_size=25))
async def test_consumers_end_with_the_last_word_of_every_ticket(
    line: Line, steps: list[tuple[Any, ...]]
) -> None:
    """Additions, corrections, undoing, crashes, repeats and losses in any order change nothing."""
    world = World(line)
    await world.accept(TEXTS[0])
    for name, *arguments in steps:
        await getattr(world, name)(*arguments)
        await world.remember()
    await world.settle()
    await world.remember()
    for number in world.mine:
        check_end(world, number, await line.ticket(number))
    assert await line.outbox() == []
    assert await line.all_entries() == []
