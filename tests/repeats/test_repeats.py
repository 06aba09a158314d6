"""The same words again from the same sender follow the first ticket; nothing urgent is lost."""

from typing import Any

import pytest
from sqlalchemy import func, select

from channels.message import Reporter
from gateway.repeats import comparing
from gateway.tickets import schema
from gateway.tickets.reading import ticket_with_history
from gateway.tickets.workflow import Confirmation, Status
from tests.dispatch.line import Line, reporter
from triage.decision import Tier

LAMP = "枫林苑小区3号楼门口的路灯坏了一个星期,晚上老人出门很不方便,请尽快修理。"
LAMP_AGAIN = "枫林苑小区3号楼门口的路灯坏了一个星期!晚上老人出门很不方便,请尽快修理"
GAS = "危急:枫林苑小区3号楼楼道里有很浓的燃气味"
ME, YOU = reporter("13800000001"), reporter("13800000002")


async def count(line: Line, table: Any) -> int:
    """How many rows a table has."""
    async with line.database.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


async def test_the_same_words_within_a_day_are_merged(line: Line) -> None:
    """The repeat keeps its number, is merged, and the first ticket counts it."""
    first = await line.triaged(LAMP, reporter=ME)
    await line.compare_all()
    line.later(hours=23)
    again = await line.accept(LAMP_AGAIN, reporter=ME)
    await line.compare_all()
    assert again != first
    merged = await line.ticket(again)
    assert (merged.status, merged.needs_triage, merged.publish_at) == (Status.MERGED, False, None)
    assert (await line.ticket(first)).repeats == 1
    assert (await line.history(again))[-1]["detail"] == {"into": first}
    assert await line.events(first) == ["received", "triaged", "repeat_merged"]
    async with line.database.read() as connection:
        document = await ticket_with_history(connection, first)
    assert (document["repeats"], document["cluster"]) == (1, None)


async def test_the_next_day_it_is_a_ticket_of_its_own(line: Line) -> None:
    """After 24 hours the same words are a new ticket, linked with the first."""
    first = await line.triaged(LAMP, reporter=ME)
    await line.compare_all()
    line.later(hours=24, seconds=1)
    again = await line.triaged(LAMP, reporter=ME)
    await line.compare_all()
    assert (await line.ticket(again)).status is Status.AWAITING_CONFIRMATION
    assert {(await line.ticket(number)).cluster for number in (first, again)} == {first}


@pytest.mark.parametrize(("one", "other"), [(ME, YOU), (None, None), (ME, None)])
async def test_different_senders_are_linked_and_never_merged(
    line: Line, one: Reporter | None, other: Reporter | None
) -> None:
    """Others with the same words, and anonymous ones, keep tickets of their own, as a cluster."""
    first = await line.triaged(LAMP, reporter=one)
    second = await line.triaged(LAMP_AGAIN, reporter=other)
    await line.compare_all()
    tickets = [await line.ticket(number) for number in (first, second)]
    assert [ticket.status for ticket in tickets] == [Status.AWAITING_CONFIRMATION] * 2
    assert [ticket.cluster for ticket in tickets] == [first, first]
    assert await count(line, schema.repeats) == 0


@pytest.mark.parametrize("known_by", ["conversation", "email"])
async def test_a_sender_is_known_by_chat_and_mail_too(line: Line, known_by: str) -> None:
    """The same chat and the same mail address, however it is written, are the same sender."""
    fields: list[dict[str, Any]] = [{"conversation": "chat-1"}] * 2
    if known_by == "email":
        fields = [
            {"reporter": Reporter(email=address)} for address in ("Li@a.example", " li@A.example")
        ]
    await line.triaged(LAMP, **fields[0])
    # Later than a chat goes on telling of the same matter.
    line.later(hours=1)
    again = await line.accept(LAMP, **fields[1])
    await line.compare_all()
    assert (await line.ticket(again)).status is Status.MERGED


async def test_in_a_rush_deciding_goes_first(line: Line) -> None:
    """While many tickets wait for triage nothing is compared, but for a minute at most."""
    first = await line.accept(LAMP, reporter=ME)
    for number in range(70):
        await line.accept(f"第{number}件事,各不相同")
    again = await line.accept(LAMP, reporter=ME)
    await line.compare_all()
    assert await count(line, schema.to_compare) == 72
    line.later(seconds=61)
    await line.compare_all()
    assert await count(line, schema.to_compare) == 0
    await line.triage_all()
    await line.compare_all()
    statuses = [(await line.ticket(number)).status for number in (first, again)]
    assert statuses == [Status.AWAITING_CONFIRMATION, Status.MERGED]


async def test_another_house_is_another_matter(line: Line) -> None:
    """One digit makes it another ticket, though all other words are the same."""
    await line.triaged(LAMP, reporter=ME)
    other = await line.triaged(LAMP.replace("3号楼", "5号楼"), reporter=ME)
    await line.compare_all()
    assert (await line.ticket(other)).status is Status.AWAITING_CONFIRMATION


async def test_a_repeat_waits_until_the_first_is_decided(line: Line) -> None:
    """While triage has not read the first, nobody knows whether it is urgent: nothing is merged."""
    await line.accept(LAMP, reporter=ME)
    again = await line.accept(LAMP, reporter=ME)
    await line.compare_all()
    assert (await line.ticket(again)).status is Status.RECEIVED
    await line.triage_all()
    await line.compare_all()
    assert (await line.ticket(again)).status is Status.MERGED


async def test_an_emergency_is_not_merged_before_the_first_is_published(line: Line) -> None:
    """A repeated emergency goes out as well where the first has not gone out yet."""
    line.triage.finds["危急"] = {"tier": "emergency"}
    first = await line.triaged(GAS, reporter=ME)
    again = await line.accept(GAS, reporter=ME)
    await line.compare_all()
    assert (await line.ticket(again)).status is Status.RECEIVED
    await line.triage_all()
    await line.compare_all()
    await line.publish()
    told = {entry["ticket_id"] for entry in await line.entries(Tier.EMERGENCY)}
    assert told == {first, again}
    kept = await line.ticket(again)
    assert (kept.status, kept.confirmation) == (Status.DISPATCHED, Confirmation.EMERGENCY)
    assert kept.cluster == first


async def test_a_published_emergency_takes_its_repeat(line: Line) -> None:
    """Once the first is with its unit, the same words again need no second alarm."""
    line.triage.finds["危急"] = {"tier": "emergency"}
    first = await line.triaged(GAS, reporter=ME)
    await line.publish()
    again = await line.accept(GAS, reporter=ME)
    await line.compare_all()
    await line.triage_all()
    await line.publish()
    assert (await line.ticket(again)).status is Status.MERGED
    assert [entry["ticket_id"] for entry in await line.entries(Tier.EMERGENCY)] == [first]


async def test_a_repeat_that_is_published_already_stays(line: Line) -> None:
    """What a unit has been sent is never taken back; it is linked with the first."""
    first = await line.triaged(LAMP, reporter=ME)
    line.triage.finds["路灯"] = {"automatic": True}
    again = await line.triaged(LAMP, reporter=ME)
    await line.publish()
    await line.compare_all()
    assert (await line.ticket(again)).status is Status.DISPATCHED
    assert (await line.ticket(again)).cluster == first
    assert (await line.ticket(first)).repeats == 0


async def test_new_words_make_a_merged_ticket_its_own_again(line: Line) -> None:
    """What is added to a merged ticket is read by triage like any other words."""
    first = await line.triaged(LAMP, reporter=ME)
    again = await line.accept(LAMP, key="vendor-1", reporter=ME)
    await line.compare_all()
    assert (await line.ticket(again)).status is Status.MERGED
    await line.accept(GAS, key="vendor-1-edit", reporter=ME, edits="vendor-1")
    line.triage.finds["危急"] = {"tier": "emergency"}
    await line.compare_all()
    await line.triage_all()
    await line.publish()
    assert (await line.ticket(again)).status is Status.DISPATCHED
    assert (await line.ticket(first)).repeats == 0
    assert await count(line, schema.repeats) == 0


async def test_an_agent_cannot_confirm_a_merged_ticket(line: Line) -> None:
    """A merged ticket is closed, and neither triage nor the clock publishes it."""
    await line.triaged(LAMP, reporter=ME)
    again = await line.accept(LAMP, reporter=ME)
    await line.compare_all()
    await line.triage_all()
    line.later(days=3)
    await line.look()
    assert (await line.ticket(again)).status is Status.MERGED
    assert again not in {entry["ticket_id"] for entry in await line.all_entries()}


class Killed(Exception):
    """The process ended here."""


@pytest.mark.parametrize("at", ["separate", "note_repeats", "link", "forget_waiting", "settle"])
async def test_a_kill_between_steps_loses_and_doubles_nothing(
    line: Line, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever step a process dies in, the next one finds everything, once."""
    first = await line.triaged(LAMP, reporter=ME)
    other = await line.triaged(LAMP_AGAIN, reporter=YOU)
    again = await line.accept(LAMP, reporter=ME)
    real = getattr(comparing, at)

    async def dies(*given: Any) -> None:
        await real(*given)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(comparing, at, dies)
        with pytest.raises(Killed):
            await line.compare_all()
    await line.compare_all()
    assert (await line.ticket(again)).status is Status.MERGED
    assert (await line.ticket(first)).repeats == 1
    assert {(await line.ticket(number)).cluster for number in (first, other)} == {first}
    rows = [await count(line, table) for table in (schema.repeats, schema.cluster_links)]
    assert rows == [1, 1]
    assert await count(line, schema.to_compare) == 0
    assert await count(line, schema.sketches) == 3
