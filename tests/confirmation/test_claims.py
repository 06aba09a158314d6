"""Claims: a ticket is one agent's at a time, for a lease, and nobody else acts on it meanwhile."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gateway.accounts.accounts import Accounts
from gateway.accounts.permissions import Account, Role
from gateway.confirmation.claiming import ClaimDesk
from gateway.intake.masking import mask
from gateway.knowledge.answering import AnswerDesk, Said
from gateway.tickets.refusal import Refused
from gateway.tickets.store import TicketNotFound
from tests.dispatch.line import START, Line

LEASE, HANDED = timedelta(minutes=2), timedelta(minutes=15)
AGENTS = ("li", "wang", "zhao")
LI, SENIOR, CHIEF = (
    Account("li", Role.AGENT), Account("zhao", Role.SENIOR_AGENT), Account("he", Role.SUPERVISOR),
)  # fmt: skip


@pytest.fixture
async def claims(line: Line) -> ClaimDesk:
    """Where tickets are claimed, with two agents, a senior agent, and some who may not confirm."""
    accounts = Accounts(line.database, line.vault, line.clock)
    await accounts.add("root", Role.ADMINISTRATOR)
    for name, role in (("li", Role.AGENT), ("wang", Role.AGENT), ("gone", Role.AGENT)):
        await accounts.add(name, role)
    await accounts.add("zhao", Role.SENIOR_AGENT)
    await accounts.add("he", Role.SUPERVISOR)
    await accounts.disable("gone")
    return ClaimDesk(line.database, line.clock, LEASE, HANDED, lambda text: mask(text).text)


async def refused(work: Awaitable[Any]) -> str:
    """The kind of problem with which something is refused."""
    with pytest.raises(Refused) as found:
        await work
    return found.value.problem


async def test_a_claimed_ticket_is_nobody_elses(line: Line, claims: ClaimDesk) -> None:
    """Another agent can neither take, let go, confirm, undo nor answer it, and hears who has it."""
    number = await line.triaged("楼道里堆满了旧家具")
    claim = await claims.claim(number, "li")
    assert (claim.agent, claim.until) == ("li", START + LEASE)
    answers = AnswerDesk(
        line.database, line.vault, line.clock, line.rules, line.decided, lambda text: text
    )
    for work in (
        claims.claim(number, "wang"),
        claims.let_go(number, "wang"),
        claims.hand_over(number, Account("wang", Role.AGENT), "wang", None),
        line.desk.confirm(number, "wang", 2, {}),
        line.desk.undo(number, "wang"),
        answers.answer(number, "wang", 2, Said("已转物业。")),
    ):
        assert await refused(work) == "claimed-by-another"
    with pytest.raises(Refused, match="li is at work on the ticket until 09:02:00"):
        await claims.claim(number, "wang")
    assert (await line.ticket(number)).version == 2
    assert await claims.of(number) == claim


async def test_a_claim_ends_by_itself_unless_it_is_renewed(line: Line, claims: ClaimDesk) -> None:
    """Who goes away holds up nobody for longer than a lease; who stays renews it."""
    number = await line.triaged("楼道里堆满了旧家具")
    await claims.claim(number, "li")
    line.later(seconds=100)
    assert (await claims.claim(number, "li")).until == line.clock.now() + LEASE
    line.later(seconds=119)
    assert await refused(claims.claim(number, "wang")) == "claimed-by-another"
    line.later(seconds=1)
    assert await claims.of(number) is None
    assert (await claims.claim(number, "wang")).agent == "wang"
    assert await refused(line.desk.confirm(number, "li", 2, {})) == "claimed-by-another"


async def test_acting_lets_the_ticket_go(line: Line, claims: ClaimDesk) -> None:
    """What is confirmed or let go is nobody's; without any claim an agent acts all the same."""
    number = await line.triaged("楼道里堆满了旧家具")
    await claims.claim(number, "li")
    await line.desk.confirm(number, "li", 2, {})
    assert await claims.of(number) is None
    await line.desk.undo(number, "wang")
    await claims.claim(number, "wang")
    await claims.let_go(number, "wang")
    await claims.let_go(number, "li")
    assert await claims.of(number) is None
    assert (await line.desk.confirm(number, "li", 4, {})).confirmed_by == "li"


async def test_a_closed_ticket_is_not_claimed(line: Line, claims: ClaimDesk) -> None:
    """What is closed, or no ticket at all, is nobody's."""
    number = await line.triaged("今年几号来暖气")
    answers = AnswerDesk(
        line.database, line.vault, line.clock, line.rules, line.decided, lambda text: text
    )
    await claims.claim(number, "li")
    await answers.answer(number, "li", 2, Said("11月15日。"))
    assert await claims.of(number) is None
    assert await refused(claims.claim(number, "li")) == "ticket-closed"
    assert await refused(claims.hand_over(number, LI, "wang", None)) == "ticket-closed"
    with pytest.raises(TicketNotFound):
        await claims.claim("261123000000000", "li")


async def test_handing_over(line: Line, claims: ClaimDesk) -> None:
    """A colleague has a quarter of an hour to notice, and reads who handed it over and why."""
    number = await line.triaged("楼道里堆满了旧家具")
    await claims.claim(number, "li")
    given = await claims.hand_over(number, LI, "wang", "请联系 13900001111 核实")
    assert (given.agent, given.until) == ("wang", START + HANDED)
    assert (given.handed_by, given.note) == ("li", "请联系 [电话] 核实")
    line.later(minutes=1)
    # Who takes up what was handed over has it no shorter.
    assert await claims.claim(number, "wang") == given
    assert await refused(line.desk.confirm(number, "li", 2, {})) == "claimed-by-another"
    told = (await line.history(number))[-1]
    assert (told["event"], told["actor"], told["version"]) == ("handed_over", "li", 2)
    assert told["detail"] == {"from": "li", "to": "wang", "note": "请联系 [电话] 核实"}


async def test_who_may_hand_over_what(line: Line, claims: ClaimDesk) -> None:
    """An agent hands over what no other has, seniors and supervisors anything; to agents only."""
    number = await line.triaged("楼道里堆满了旧家具")
    await claims.claim(number, "wang")
    assert await refused(claims.hand_over(number, LI, "zhao", None)) == "claimed-by-another"
    assert (await claims.hand_over(number, SENIOR, "zhao", None)).agent == "zhao"
    assert (await claims.hand_over(number, CHIEF, "li", None)).agent == "li"
    for nobody in ("he", "gone", "root", "nobody"):
        assert await refused(claims.hand_over(number, LI, nobody, None)) == "no-such-colleague"
    colleagues = [(item["name"], item["role"]) for item in await claims.colleagues()]
    assert colleagues == [("li", "agent"), ("wang", "agent"), ("zhao", "senior-agent")]


async def test_of_many_at_once_one_gets_it(line: Line, claims: ClaimDesk) -> None:
    """Agents who take or confirm one ticket in the same moment: one does, the others hear so."""
    number = await line.triaged("楼道里堆满了旧家具")
    names = [f"agent-{place}" for place in range(8)]
    took = await asyncio.gather(
        *(claims.claim(number, name) for name in names), return_exceptions=True
    )
    assert sum(not isinstance(item, Refused) for item in took) == 1
    held = await claims.of(number)
    assert held is not None
    line.later(minutes=2)
    # Half of them claim, half confirm without a claim: either way only one acts.
    works = [
        claims.claim(number, name) if place % 2 else line.desk.confirm(number, name, 2, {})
        for place, name in enumerate(names)
    ]
    await asyncio.gather(*works, return_exceptions=True)
    confirmed = [item for item in await line.history(number) if item["event"] == "confirmed"]
    held = await claims.of(number)
    assert len(confirmed) <= 1
    assert confirmed or held is not None
    later = await asyncio.gather(
        *(line.desk.confirm(number, name, 2, {}) for name in names), return_exceptions=True
    )
    confirmed = [item for item in await line.history(number) if item["event"] == "confirmed"]
    assert len(confirmed) == 1
    assert (await line.ticket(number)).confirmed_by == confirmed[0]["actor"]
    assert {item.problem for item in later if isinstance(item, Refused)} <= {
        "claimed-by-another", "version-conflict",
    }  # fmt: skip


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("claim", "let_go", "hand_over", "confirm", "wait")),
        st.sampled_from(AGENTS),
        st.integers(0, 200),
    ),
    min_size=1,
    max_size=12,
)
PLAYED = settings(
    max_examples=25,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@dataclass
class Play:
    """Agents around one ticket, and whose it ought to be."""

    line: Line
    claims: ClaimDesk
    number: str
    loop: asyncio.AbstractEventLoop
    agent: str | None = None
    until: datetime = START

    @property
    def holder(self) -> str | None:
        """Who ought to have the ticket now."""
        return self.agent if self.until > self.line.clock.now() else None

    def after(self, work: Awaitable[Any]) -> Any:
        """What comes of it in the loop; the problem where it is refused."""

        async def run() -> Any:
            try:
                return await work
            except Refused as error:
                return error.problem

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(30)

    def does(self, act: str, agent: str) -> Awaitable[Any]:
        """What an agent does with the ticket."""
        if act == "claim":
            return self.claims.claim(self.number, agent)
        if act == "let_go":
            return self.claims.let_go(self.number, agent)
        if act == "hand_over":
            return self.claims.hand_over(self.number, Account(agent, Role.AGENT), "li", None)
        version = self.after(self.line.ticket(self.number)).version
        return self.line.desk.confirm(self.number, agent, version, {})

    def step(self, act: str, agent: str, seconds: int) -> None:
        """Let it happen, and compare with what ought to come of it."""
        if act == "wait":
            self.line.later(seconds=seconds)
            return
        now, holder = self.line.clock.now(), self.holder
        outcome = self.after(self.does(act, agent))
        assert (outcome == "claimed-by-another") is (holder not in {None, agent})
        if outcome == "claimed-by-another":
            return
        if act == "claim":
            kept = self.until if holder == agent else now
            self.agent, self.until = agent, max(kept, now + LEASE)
        elif act == "hand_over":
            self.agent, self.until = "li", now + HANDED
        else:
            self.agent = None


async def test_two_never_have_it(line: Line, claims: ClaimDesk) -> None:
    """Whatever agents do in whatever order, who acts is who holds it, or nobody held it."""
    number = await line.triaged("楼道里堆满了旧家具")
    play = Play(line, claims, number, asyncio.get_running_loop())

    def check() -> None:
        @PLAYED
        @given(steps=STEPS)
        def examples(steps: list[tuple[str, str, int]]) -> None:
            for item in steps:
                play.step(*item)
                held = play.after(claims.of(number))
                assert (held.agent if held else None) == play.holder

        examples()

    await asyncio.to_thread(check)
