"""An agent confirms, corrects and undoes; what was published follows as new versions."""

from datetime import timedelta

import pytest

from gateway.tickets.refusal import Refused
from gateway.tickets.store import TicketNotFound
from gateway.tickets.workflow import Confirmation, Status
from tests.dispatch.line import START, Line


async def test_a_confirmation_is_held_and_then_published(line: Line) -> None:
    """What an agent confirms can be undone for ten seconds, and only then goes out."""
    number = await line.triaged("楼道里堆满了旧家具")
    before = await line.ticket(number)
    await line.desk.confirm(number, "agent-07", before.version, {})
    line.later(seconds=9)
    await line.publish()
    assert await line.all_entries() == []
    line.later(seconds=1)
    await line.publish()
    [entry] = await line.entries("general")
    assert (entry["confirmation"], entry["change"]) == ("agent", "new")
    ticket = await line.ticket(number)
    assert (ticket.confirmed_by, ticket.confirmed_at) == ("agent-07", START)
    assert ticket.status is Status.DISPATCHED


async def test_an_undone_confirmation_leaves_the_ticket_as_it_was(line: Line) -> None:
    """Undone in time, nothing is published, and the ticket waits as before, its clock running."""
    number = await line.triaged("楼道里堆满了旧家具")
    before = await line.ticket(number)
    choice = {"unit": "fire-rescue", "tier": "livelihood", "supporting_units": ["housing"]}
    await line.desk.confirm(number, "agent-07", before.version, choice)
    line.later(seconds=9)
    after = await line.desk.undo(number, "agent-07")
    assert after.version == before.version + 2
    for name in ("unit", "tier", "supporting_units", "confirmation", "confirmed_by", "publish_at"):
        assert getattr(after, name) == getattr(before, name), name
    line.later(hours=1)
    await line.look()
    assert await line.all_entries() == []
    line.later(hours=21)
    await line.look()
    [entry] = await line.entries("general")
    assert (entry["confirmation"], entry["unit"]) == ("clock", "housing")


async def test_after_the_hold_undoing_is_too_late(line: Line) -> None:
    """What the relay has let out cannot be taken back; the agent corrects it instead."""
    number = await line.triaged("楼道里堆满了旧家具")
    await line.desk.confirm(number, "agent-07", 2, {})
    line.later(seconds=10)
    await line.publish()
    with pytest.raises(Refused) as refused:
        await line.desk.undo(number, "agent-07")
    assert refused.value.problem == "too-late-to-undo"


async def test_without_a_confirmation_there_is_nothing_to_undo(line: Line) -> None:
    """Undoing twice, or undoing nothing, is refused."""
    number = await line.triaged("楼道里堆满了旧家具")
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            await line.desk.undo(number, "agent-07")
        assert refused.value.problem == "nothing-to-undo"
        version = (await line.ticket(number)).version
        await line.desk.confirm(number, "agent-07", version, {})
        await line.desk.undo(number, "agent-07")


async def test_a_correction_after_the_clock_is_a_new_version(line: Line) -> None:
    """What the clock let out stays with the agents; their correction follows as `changed`."""
    number = await line.triaged("楼道里堆满了旧家具")
    line.later(hours=22)
    await line.look()
    version = (await line.ticket(number)).version
    await line.desk.confirm(number, "agent-07", version, {"unit": "fire-rescue"})
    line.later(seconds=11)
    await line.publish()
    first, second = await line.entries("general")
    assert (first["unit"], second["unit"]) == ("housing", "fire-rescue")
    assert (first["change"], second["change"]) == ("new", "changed")
    assert int(first["version"]) < int(second["version"])
    assert second["confirmation"] == "agent"


async def test_a_units_clock_starts_anew_only_for_another_unit(line: Line) -> None:
    """A correction that leaves the unit leaves its due time; a new unit has its full span."""
    number = await line.triaged("楼道里堆满了旧家具")
    line.later(hours=22)
    await line.look()
    due = START + timedelta(hours=22 + 24)
    assert (await line.ticket(number)).acknowledge_due_at == due
    line.later(hours=1)
    version = (await line.ticket(number)).version
    await line.desk.confirm(
        number, "agent-07", version, {"topic": "城乡建设", "kind": "assistance"}
    )
    line.later(seconds=11)
    await line.publish()
    ticket = await line.ticket(number)
    assert (ticket.acknowledge_due_at, ticket.version) == (due, version + 1)
    assert (await line.entries("general"))[-1]["acknowledge_due_at"] == "2026-11-24T23:00:00Z"
    await line.desk.confirm(number, "agent-07", ticket.version, {"unit": "fire-rescue"})
    line.later(seconds=11)
    await line.publish()
    ticket = await line.ticket(number)
    assert ticket.dispatched_at == line.clock.now()
    assert ticket.acknowledge_due_at == line.clock.now() + timedelta(hours=24)
    assert ticket.dispatched_unit == "fire-rescue"


async def test_a_tier_rises_by_what_a_citizen_adds(line: Line) -> None:
    """An addition that makes it urgent moves the ticket to the more urgent stream at once."""
    line.triage.finds["起火"] = {"tier": "emergency", "unit": "fire-rescue"}
    number = await line.triaged("楼道里堆满了旧家具", key="first-message")
    line.later(hours=22)
    await line.look()
    assert await line.triaged("现在起火了", edits="first-message") == number
    await line.publish()
    [old] = await line.entries("general")
    [new] = await line.entries("emergency")
    assert (old["ticket_id"], new["ticket_id"]) == (number, number)
    assert int(new["version"]) > int(old["version"])
    assert (new["change"], new["unit"]) == ("changed", "fire-rescue")
    assert [message["text"] for message in new["ticket"]["messages"]] == [
        "楼道里堆满了旧家具", "现在起火了",
    ]  # fmt: skip


async def test_an_addition_to_a_waiting_ticket_lets_an_emergency_out(line: Line) -> None:
    """A ticket that nobody has confirmed yet goes out at once when it turns out urgent."""
    line.triage.finds["起火"] = {"tier": "emergency"}
    await line.triaged("楼道里堆满了旧家具", key="first-message")
    await line.triaged("现在起火了", edits="first-message")
    await line.publish()
    [entry] = await line.all_entries()
    assert (entry["tier"], entry["change"], entry["confirmation"]) == (
        "emergency", "new", "emergency",
    )  # fmt: skip


async def test_a_tier_never_falls_by_itself(line: Line) -> None:
    """Only an agent makes a ticket less urgent; what is added, or read anew, does not."""
    line.triage.finds |= {"起火": {"tier": "emergency"}, "已经灭了": {"tier": "general"}}
    number = await line.triaged("起火了", key="first-message")
    await line.triaged("火已经灭了", edits="first-message")
    ticket = await line.ticket(number)
    assert ticket.tier == "emergency"
    await line.desk.confirm(number, "agent-07", ticket.version, {"tier": "general"})
    assert (await line.ticket(number)).tier == "general"


async def test_an_agents_choice_stays_when_triage_reads_again(line: Line) -> None:
    """Triage may raise the tier of what an agent has confirmed, and changes nothing else."""
    line.triage.finds["更正"] = {"unit": "water", "tier": "livelihood", "kind": "inquiry"}
    number = await line.triaged("楼道里堆满了旧家具", key="first-message")
    await line.desk.confirm(number, "agent-07", 2, {"unit": "fire-rescue"})
    line.later(seconds=11)
    await line.publish()
    await line.triaged("更正一下", edits="first-message")
    await line.publish()
    ticket = await line.ticket(number)
    assert (ticket.unit, ticket.kind, ticket.tier) == ("fire-rescue", "complaint", "livelihood")
    assert (ticket.confirmation, ticket.confirmed_by) == (Confirmation.AGENT, "agent-07")
    [entry] = await line.entries("livelihood")
    assert (entry["unit"], entry["confirmation"]) == ("fire-rescue", "agent")


async def test_local_governments_business_goes_to_the_district_that_the_agent_names(
    line: Line,
) -> None:
    """`district` is completed by the agent's district; without one the agent is asked for it."""
    line.triage.finds["村里"] = {"unit": "district", "route": "district"}
    number = await line.triaged("村里的事情")
    with pytest.raises(Refused) as refused:
        await line.desk.confirm(number, "agent-07", 2, {})
    assert refused.value.problem == "unit-missing"
    after = await line.desk.confirm(number, "agent-07", 2, {"district": "district-yanqing"})
    assert after.unit == "district-yanqing"


async def test_the_route_follows_what_the_agent_corrects(line: Line) -> None:
    """What had no unit is no longer a person's to read; with another unit beside it, one leads."""
    line.triage.finds["没头没尾"] = {"unit": None, "route": "person"}
    number = await line.triaged("没头没尾的话")
    after = await line.desk.confirm(number, "agent-07", 2, {"unit": "water-supply"})
    assert after.route == "direct"
    with_another = {"supporting_units": ["housing"]}
    after = await line.desk.confirm(number, "agent-07", after.version, with_another)
    assert after.route == "lead"
    untouched = await line.triaged("没头没尾的话")
    after = await line.desk.confirm(
        untouched, "agent-07", 2, {"unit": "water-supply", "route": "lead"}
    )
    assert after.route == "lead"


async def test_a_confirmation_by_the_clock_can_be_restored(line: Line) -> None:
    """Undoing a correction of what the clock let out sends nothing, and the clock's word stands."""
    number = await line.triaged("楼道里堆满了旧家具")
    line.later(hours=22)
    await line.look()
    version = (await line.ticket(number)).version
    await line.desk.confirm(number, "agent-07", version, {"unit": "fire-rescue"})
    after = await line.desk.undo(number, "agent-07")
    line.later(minutes=1)
    await line.look()
    assert (after.confirmation, after.unit, after.publish_at) == ("clock", "housing", None)
    assert len(await line.entries("general")) == 1


async def test_what_cannot_be_confirmed_says_why(line: Line) -> None:
    """A stale version, a ticket that triage reads, an unknown unit, no ticket: each its problem."""
    number = await line.accept("楼道里堆满了旧家具")
    with pytest.raises(Refused) as unread:
        await line.desk.confirm(number, "agent-07", 1, {})
    await line.triage_all()
    with pytest.raises(Refused) as stale:
        await line.desk.confirm(number, "agent-07", 1, {})
    with pytest.raises(Refused) as unknown:
        await line.desk.confirm(number, "agent-07", 2, {"unit": "moon-base"})
    with pytest.raises(Refused) as supporting:
        await line.desk.confirm(number, "agent-07", 2, {"supporting_units": ["moon-base"]})
    problems = [item.value.problem for item in (unread, stale, unknown, supporting)]
    assert problems == ["not-yet-triaged", "version-conflict", "unknown-unit", "unknown-unit"]
    with pytest.raises(TicketNotFound):
        await line.desk.confirm("261123000000000", "agent-07", 1, {})
    assert (await line.ticket(number)).version == 2


async def test_what_an_agent_chose_is_kept_beside_what_triage_had_found(line: Line) -> None:
    """The history names what was corrected, without a word of the citizen's."""
    number = await line.triaged("楼道里堆满了旧家具")
    await line.desk.confirm(number, "agent-07", 2, {"unit": "fire-rescue", "complex": True})
    happened = (await line.history(number))[-1]
    assert (happened["event"], happened["actor"]) == ("confirmed", "agent-07")
    assert happened["detail"] == {"corrected": ["complex", "unit"]}


async def test_a_second_confirmation_within_the_hold_replaces_the_first(line: Line) -> None:
    """Two corrections in ten seconds: units see the last one, and never the first after it."""
    number = await line.triaged("楼道里堆满了旧家具")
    await line.desk.confirm(number, "agent-07", 2, {"unit": "fire-rescue"})
    line.later(seconds=5)
    await line.desk.confirm(number, "agent-07", 3, {"unit": "urban-management"})
    line.later(seconds=11)
    await line.publish()
    [entry] = await line.entries("general")
    assert entry["unit"] == "urban-management"
    assert (await line.ticket(number)).dispatched_unit == "urban-management"


async def test_a_ticket_that_triage_failed_on_is_an_agents_decision_like_any_other(
    line: Line,
) -> None:
    """Confirmed by an agent it has a unit, and is no longer told as untriaged."""
    line.triage.fails_on.add("坏掉")
    number = await line.triaged("坏掉的模型")
    after = await line.desk.confirm(number, "agent-07", 2, {"unit": "housing", "tier": "general"})
    assert (after.untriaged, after.unit) == (False, "housing")
    line.later(seconds=11)
    await line.publish()
    [entry] = await line.entries("general")
    assert (entry["addressed_as"], entry["ticket"]["untriaged"]) == ("unit", False)
