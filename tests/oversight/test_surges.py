"""A surge moves the general dispatch clock of what is accepted while it runs, and nothing else."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from gateway.accounts.audit import AuditEvent, read_audit
from gateway.oversight.hours import HourKeeper
from gateway.oversight.inflow import SurgeRule, measure_inflow
from gateway.oversight.surges import SurgeSwitch
from gateway.tickets.refusal import Refused
from tests.dispatch.line import START, Line
from tests.oversight.conftest import counted


async def test_only_what_is_accepted_while_it_runs_has_48_hours(
    line: Line, switch: SurgeSwitch
) -> None:
    """Tickets before, during and after keep the clock of their acceptance; the history says why."""
    before = await line.triaged("楼道里堆满了旧家具")
    await switch.open("chen", "暴雨")
    during = await line.triaged("楼道里又堆满了旧家具")
    await switch.close("chen", "雨停")
    after = await line.triaged("楼道里还堆满了旧家具")
    spans = [(await line.ticket(number)).dispatch_due_at for number in (before, during, after)]
    hours = [(due - START) / timedelta(hours=1) for due in spans if due]
    assert hours == [24, 48, 24]
    told = [(await line.history(number))[0]["detail"] for number in (before, during, after)]
    rule = {"by": "chen", "since": START.isoformat(), "general_dispatch_hours": 48,
            "instead_of": 24}  # fmt: skip
    assert told == [{}, {"surge": rule}, {}]


async def test_what_is_urgent_stays_urgent(line: Line, switch: SurgeSwitch) -> None:
    """An emergency has its hour whether calls surge or not."""
    await switch.open("chen", "暴雨")
    line.triage.finds["冒烟"] = {"tier": "emergency"}
    number = await line.triaged("配电箱冒烟")
    assert (await line.ticket(number)).dispatch_due_at == START + timedelta(hours=1)


async def test_one_surge_runs_at_a_time(line: Line, switch: SurgeSwitch) -> None:
    """Of several that open one at the same moment one succeeds; the others hear that it runs."""
    outcomes = await asyncio.gather(
        *(switch.open(f"chen-{number}", "暴雨") for number in range(4)), return_exceptions=True
    )
    refused = [error.problem for error in outcomes if isinstance(error, Refused)]
    assert refused == ["surge-running"] * 3
    await switch.close("wu")
    with pytest.raises(Refused) as error:
        await switch.close("wu")
    assert error.value.problem == "no-surge"
    [kept] = await switch.spans()
    assert (kept.running, kept.grounds, kept.closed_by) == (False, "暴雨", "wu")


async def test_both_switches_are_told_in_the_audit_log(line: Line, switch: SurgeSwitch) -> None:
    """Who opened and who closed it, and on what grounds, stays."""
    await switch.open("chen", "暴雨")
    await switch.close("wu", "雨停")
    async with line.database.read() as connection:
        entries = await read_audit(connection, event=AuditEvent.SURGE_SET, limit=9)
    assert [(entry["actor"], entry["detail"]) for entry in entries] == [
        ("wu", {"open": False, "grounds": "雨停"}),
        ("chen", {"open": True, "grounds": "暴雨"}),
    ]


async def test_a_surge_is_proposed_against_the_same_hour_of_past_weeks(
    line: Line, keeper: HourKeeper
) -> None:
    """Twice the normal inflow proposes one, but never few tickets; its end needs clearly less."""
    for accepted in (2, 4, 3):
        for _ in range(accepted):
            await line.accept("灯不亮")
        line.later(days=7)
    await counted(keeper)
    rule = SurgeRule(factor=2, least=5)

    async def proposed(*, running: bool) -> tuple[Any, ...]:
        async with line.database.read() as connection:
            inflow = await measure_inflow(connection, line.clock.now() + timedelta(seconds=1), rule)
        return inflow.accepted, inflow.bar, inflow.proposal(running=running)

    line.later(hours=1, seconds=-1)
    for _ in range(4):
        await line.accept("灯又不亮")
    assert await proposed(running=False) == (4, pytest.approx(6, abs=0.1), None)
    assert await proposed(running=True) == (4, pytest.approx(6, abs=0.1), "close")
    await line.accept("灯还不亮")
    assert (await proposed(running=True))[2] is None
    await line.accept("灯一直不亮")
    assert (await proposed(running=False))[2] == "open"


async def test_without_past_weeks_nothing_is_proposed(line: Line) -> None:
    """A new installation does not know what is normal, and says so."""
    for _ in range(9):
        await line.accept("灯不亮")
    async with line.database.read() as connection:
        now = line.clock.now() + timedelta(seconds=1)
        inflow = await measure_inflow(connection, now, SurgeRule(factor=2, least=1))
    assert (inflow.accepted, inflow.normal, inflow.proposal(running=False)) == (9, None, None)
