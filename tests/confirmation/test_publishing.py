"""When a ticket is published, and to whom: nobody's ticket waits on nobody."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import update

from gateway.accounts.keys import Vault
from gateway.leases import Lease
from gateway.supervision import end
from gateway.tickets import schema
from gateway.tickets.database import Database
from gateway.tickets.workflow import Confirmation, Status
from tests.dispatch.line import START, Line, running_line
from tests.servers import QueueServer

GAS = "真实判断:厨房的燃气管一直嘶嘶响,满屋子煤气味,老人还在屋里"
BROKEN = "坏掉的模型"


async def test_an_emergency_is_published_at_once(line: Line) -> None:
    """An emergency goes out without an agent, on the emergencies' stream, and says so."""
    number = await line.triaged(GAS)
    await line.publish()
    [entry] = await line.entries("emergency")
    assert entry["ticket_id"] == number
    assert entry["change"] == "new"
    assert entry["confirmation"] == "emergency"
    assert entry["unit"] == "gas"
    assert entry["addressed_as"] == "unit"
    assert entry["dispatch_due_at"] == "2026-11-23T02:00:00Z"
    assert entry["acknowledge_due_at"] == "2026-11-23T01:15:00Z"
    ticket = await line.ticket(number)
    assert (ticket.status, ticket.dispatched_at) == (Status.DISPATCHED, START)


async def test_the_payload_is_the_ticket_as_it_is_after_publishing(line: Line) -> None:
    """The payload says that the ticket is dispatched, when, to whom, and on what decision."""
    await line.triaged(GAS)
    await line.publish()
    [entry] = await line.entries("emergency")
    told = entry["ticket"]
    assert told["schema"] == "ticket.v1"
    assert told["status"] == "dispatched"
    assert told["dispatched_at"] == "2026-11-23T01:00:00Z"
    assert told["addressed_unit"] == entry["unit"]
    assert told["messages"][0]["text"] == GAS
    assert told["decision"]["matter"] == "gas-leak"
    for reason in told["decision"]["reasons"]:
        assert 0 <= reason["start"] <= reason["end"] <= len(GAS)


async def test_a_general_ticket_waits_is_warned_of_and_is_let_out_by_the_clock(line: Line) -> None:
    """It waits, is warned of once at half of its clock, and goes out at nine tenths of it."""
    number = await line.triaged("楼道里堆满了旧家具")
    await line.look()
    assert await line.all_entries() == []
    line.later(hours=11, minutes=59)
    await line.look()
    assert "waiting_warned" not in await line.events(number)
    line.later(minutes=2)
    await line.look()
    await line.look()
    assert (await line.events(number)).count("waiting_warned") == 1
    line.later(hours=9, minutes=34)
    await line.look()
    assert await line.all_entries() == []
    line.later(minutes=2)
    await line.look()
    [entry] = await line.entries("general")
    assert (entry["confirmation"], entry["unit"]) == ("clock", "housing")
    assert entry["dispatch_due_at"] == "2026-11-24T01:00:00Z"
    assert (await line.ticket(number)).status is Status.DISPATCHED


FALLBACKS: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "a unit is named": ({}, ("housing", "unit")),
    "a unit is named and the district known": (
        {"district": "district-haidian"}, ("housing", "unit"),
    ),
    "local government's business, place plain": (
        {"unit": "district", "route": "district", "district": "district-haidian"},
        ("district-haidian", "unit"),
    ),
    "local government's business, nobody knows where": (
        {"unit": "district", "route": "district"}, ("gov-services", "duty_desk"),
    ),
    "no unit, but the district is known": (
        {"unit": None, "route": "person", "district": "district-haidian"},
        ("district-haidian", "district_fallback"),
    ),
    "neither unit nor district": (
        {"unit": None, "route": "person"}, ("gov-services", "duty_desk"),
    ),
}  # fmt: skip


async def test_what_is_published_without_a_person_says_how_it_was_addressed(line: Line) -> None:
    """The suggested unit, else the district's government, else the duty desk; never a guess."""
    expected = {}
    for place, (found, addressed) in enumerate(FALLBACKS.values()):
        line.triage.finds[f"第{place}种"] = found
        expected[await line.triaged(f"第{place}种情况")] = addressed
    line.later(hours=22)
    await line.look()
    entries = await line.entries("general")
    assert {item["ticket_id"]: (item["unit"], item["addressed_as"]) for item in entries} == expected


async def test_a_share_of_zero_publishes_at_once(
    database: Database, vault: Vault, valkey: QueueServer
) -> None:
    """Where the setting is 0 no ticket waits for an agent, and says that the clock let it out."""
    async with running_line(database, vault, valkey.url, share=0) as line:
        await line.triaged("楼道里堆满了旧家具")
        await line.publish()
        [entry] = await line.entries("general")
        assert entry["confirmation"] == "clock"


async def test_an_automatic_decision_needs_no_agent(line: Line) -> None:
    """A decision that may skip the agent is published at once."""
    line.triage.finds["自动"] = {"automatic": True}
    await line.triaged("自动派单的事项")
    await line.publish()
    [entry] = await line.entries("general")
    assert entry["confirmation"] == "automatic"


async def test_when_triage_fails_the_tier_is_that_of_the_rules(line: Line) -> None:
    """A failing model hides no emergency: the rules' tier stands, with no unit, untriaged."""
    line.triage.fails_on.add(BROKEN)
    number = await line.triaged(f"{BROKEN},楼下着火了,浓烟已经进了楼道")
    await line.publish()
    [entry] = await line.entries("emergency")
    assert (entry["unit"], entry["addressed_as"]) == ("gov-services", "duty_desk")
    assert (entry["ticket"]["unit"], entry["ticket"]["untriaged"]) == (None, True)
    assert await line.events(number) == ["received", "triage_failed", "published"]


async def test_one_text_that_the_model_fails_on_harms_no_other(line: Line) -> None:
    """The neighbours in the batch are decided as if it had not been there."""
    line.triage.fails_on.add(BROKEN)
    good = [await line.accept("楼道里堆满了旧家具") for _ in range(3)]
    bad = await line.accept(f"{BROKEN}和旧家具")
    await line.triage_all()
    assert [(await line.ticket(number)).unit for number in good] == ["housing"] * 3
    ticket = await line.ticket(bad)
    assert (ticket.untriaged, ticket.unit, ticket.tier) == (True, None, "general")


async def test_when_the_rules_fail_too_a_ticket_is_general_and_due_like_an_emergency(
    line: Line,
) -> None:
    """Nobody knows how urgent it is: it goes out within the hour."""
    line.triage.fails_on.add(BROKEN)
    line.rules_fail = True
    number = await line.triaged(f"{BROKEN},随便什么事")
    ticket = await line.ticket(number)
    assert (ticket.tier, ticket.untriaged) == ("general", True)
    assert ticket.dispatch_due_at is not None
    assert (ticket.dispatch_due_at - START).total_seconds() == 3600
    line.later(minutes=55)
    await line.look()
    [entry] = await line.entries("general")
    assert entry["dispatch_due_at"] == "2026-11-23T02:00:00Z"


async def test_without_any_triage_a_ticket_is_published_within_the_hour(line: Line) -> None:
    """Where triage never comes, the clock publishes to the duty desk, in an emergency's time."""
    number = await line.accept("没有人分析的诉求")
    line.later(minutes=44)
    await line.look()
    assert await line.all_entries() == []
    line.later(minutes=2)
    await line.look()
    [entry] = await line.all_entries()
    assert (entry["unit"], entry["addressed_as"]) == ("gov-services", "duty_desk")
    assert (entry["confirmation"], entry["ticket"]["untriaged"]) == ("clock", True)
    await line.triage_all()
    await line.publish()
    newest = (await line.all_entries())[-1]
    assert (newest["ticket_id"], newest["change"], newest["unit"]) == (number, "changed", "housing")


async def test_a_ticket_that_triage_has_had_too_often_is_given_up(line: Line) -> None:
    """A text over which triage dies again and again is not tried for ever."""
    number = await line.accept("每次都让进程崩溃")
    for _ in range(5):
        await line.database.write(line.opener._claim)
        line.later(seconds=20)
    await line.triage_all()
    ticket = await line.ticket(number)
    assert (ticket.untriaged, ticket.needs_triage) == (True, False)


async def test_what_triage_claimed_and_never_finished_is_taken_up_again(line: Line) -> None:
    """The claim of a triage process that died runs out after its lease."""
    number = await line.accept("处理到一半进程没了")
    await line.database.write(line.opener._claim)
    assert not await line.opener.step()
    line.later(seconds=16)
    assert await line.opener.step()
    assert (await line.ticket(number)).unit == "housing"


@pytest.mark.parametrize(("tier", "minutes"), [("livelihood", 109), ("general", 1297)])
async def test_the_clock_lets_out_each_tier_by_its_own_clock(
    line: Line, tier: str, minutes: int
) -> None:
    """Livelihood goes out before its two hours are over, general before its twenty-four."""
    line.triage.finds["这一类"] = {"tier": tier}
    number = await line.triaged("这一类的事项")
    line.later(minutes=minutes - 2)
    await line.look()
    assert (await line.ticket(number)).confirmation is Confirmation.NONE
    line.later(minutes=2)
    await line.look()
    [entry] = await line.entries(tier)
    assert entry["confirmation"] == "clock"


async def test_a_ticket_that_cannot_be_opened_harms_no_other(line: Line) -> None:
    """A text that no key opens stays back alone, and the clock still lets its ticket out."""
    bad = await line.accept("读不出来的")
    table = schema.messages
    await line.database.write(lambda c: c.execute(update(table).values(sealed_text=b"broken")))
    good = [await line.accept("楼道里堆满了旧家具") for _ in range(3)]
    await line.triage_all()
    assert [(await line.ticket(number)).unit for number in good] == ["housing"] * 3
    line.later(minutes=46)
    await line.look()
    [entry] = await line.all_entries()
    assert (entry["ticket_id"], entry["addressed_as"]) == (bad, "duty_desk")


async def test_a_closed_ticket_is_neither_warned_of_nor_published(line: Line) -> None:
    """Whoever has withdrawn his appeal hears no more of it."""
    number = await line.triaged("楼道里堆满了旧家具")
    table = schema.tickets
    await line.database.write(lambda c: c.execute(update(table).values(status=Status.WITHDRAWN)))
    before = await line.history(number)
    line.later(days=3)
    await line.look()
    assert await line.all_entries() == []
    assert await line.history(number) == before


async def pass_a_second(line: Line) -> None:
    """Let a second pass for the roles, and let them work."""
    line.later(seconds=1)
    await asyncio.sleep(0.01)


async def test_the_roles_do_all_this_by_themselves(line: Line) -> None:
    """Triage, clock and relay run side by side; a ticket passes through them untouched by hand."""
    roles = [asyncio.create_task(role.run()) for role in (line.opener, line.deadlines, line.relay)]
    await line.accept(GAS)
    number = await line.accept("楼道里堆满了旧家具")

    async with asyncio.timeout(60):
        while not await line.entries("emergency") or not (await line.ticket(number)).tier:
            await pass_a_second(line)
        line.later(hours=22)
        while not await line.entries("general"):
            await pass_a_second(line)
    await asyncio.gather(*map(end, roles))
    assert all(role.cancelled() for role in roles)
    assert await Lease(line.database, line.clock, "relay").hold()
