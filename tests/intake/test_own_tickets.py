"""Whoever has the query code withdraws their ticket, and says how it was dealt with."""

import asyncio

import pytest
from sqlalchemy import select, update

from gateway.intake.own_tickets import NotYetClosed, OwnTickets, Rating
from gateway.tickets import schema
from gateway.tickets.store import TicketNotFound
from gateway.tickets.workflow import ALLOWED, Status, StatusChangeRefused
from tests.dispatch.conftest import line
from tests.dispatch.line import Line

__all__ = ["line"]
GAS = "真实判断:厨房的燃气管一直嘶嘶响,满屋子煤气味,老人还在屋里"
FURNITURE = "楼道里堆满了旧家具"
PHONE = "13987650123"


@pytest.fixture
def own(line: Line) -> OwnTickets:
    """What citizens may do, over the line's database."""
    return OwnTickets(line.database, line.vault, line.clock, line.decided, line.rules)


async def _set(line: Line, number: str, status: Status) -> None:
    table = schema.tickets
    change = update(table).where(table.c.id == number).values(status=status)
    await line.database.write(lambda connection: connection.execute(change))


async def test_withdrawn_before_anybody_has_it_nothing_is_published(
    line: Line, own: OwnTickets
) -> None:
    """A ticket that waits is closed by it: neither triage nor the clock lets it out any more."""
    number = await line.triaged(FURNITURE)
    unread = await line.accept(FURNITURE)
    for one in (number, unread):
        assert (await own.withdraw(one)).status is Status.WITHDRAWN
    await line.triage_all()
    line.later(days=3)
    await line.look()
    assert await line.all_entries() == []
    assert (await line.events(number))[-1] == "withdrawn"


async def test_withdrawn_after_dispatch_the_unit_is_told(line: Line, own: OwnTickets) -> None:
    """What is on a stream is followed by an entry `withdrawn`, with the status in its payload."""
    number = await line.triaged(GAS)
    await line.publish()
    await own.withdraw(number)
    await line.publish()
    first, second = await line.entries("emergency")
    assert (first["change"], second["change"]) == ("new", "withdrawn")
    assert int(second["version"]) > int(first["version"])
    assert second["unit"] == first["unit"]
    assert second["ticket"]["status"] == "withdrawn"
    assert (await line.ticket(number)).status is Status.WITHDRAWN


async def test_withdrawn_while_the_relay_may_be_sending_it_is_told_too(
    line: Line, own: OwnTickets
) -> None:
    """Released and not yet noted as sent, it may be on a stream: only the withdrawal goes out."""
    number = await line.triaged(GAS)
    await own.withdraw(number)
    await line.publish()
    [entry] = await line.entries("emergency")
    assert (entry["change"], entry["ticket_id"]) == ("withdrawn", number)
    assert (await line.ticket(number)).status is Status.WITHDRAWN


async def test_a_confirmation_that_is_held_goes_with_the_withdrawal(
    line: Line, own: OwnTickets
) -> None:
    """Within the ten seconds of an agent's confirmation nobody has seen it, and nobody does."""
    number = await line.triaged(FURNITURE)
    await line.desk.confirm(number, "agent-07", 2, {})
    await own.withdraw(number)
    line.later(minutes=1)
    await line.look()
    assert await line.all_entries() == []


async def test_withdrawing_again_changes_nothing(line: Line, own: OwnTickets) -> None:
    """A second withdrawal gives the same ticket and no line of history."""
    number = await line.triaged(FURNITURE)
    first = await own.withdraw(number)
    assert await own.withdraw(number) == first
    assert (await line.events(number)).count("withdrawn") == 1
    with pytest.raises(TicketNotFound):
        await own.withdraw("260301481770352")


@pytest.mark.parametrize("status", [item for item in Status if item is not Status.WITHDRAWN])
async def test_only_what_the_workflow_allows_is_withdrawn(
    line: Line, own: OwnTickets, status: Status
) -> None:
    """From each status it is as the one table says."""
    number = await line.triaged(FURNITURE)
    await _set(line, number, status)
    if Status.WITHDRAWN in ALLOWED[status]:
        assert (await own.withdraw(number)).status is Status.WITHDRAWN
    else:
        with pytest.raises(StatusChangeRefused):
            await own.withdraw(number)
        assert (await line.ticket(number)).status is status


async def test_a_closed_ticket_is_rated_once_and_the_rating_can_be_changed(
    line: Line, own: OwnTickets
) -> None:
    """The last rating counts, alone; its words are sealed, and masked where they stand in plain."""
    number = await line.triaged(FURNITURE)
    await _set(line, number, Status.RESOLVED)
    assert await own.rating_of(number) is None
    await own.rate(number, Rating(2, None))
    await own.rate(number, Rating(5, f"办得很好,请打 {PHONE}"))
    assert await own.rating_of(number) == Rating(5, f"办得很好,请打 {PHONE}")
    async with line.database.read() as connection:
        [row] = await connection.execute(select(schema.ratings))
    assert row.stars == 5
    assert PHONE not in row.masked_words
    assert PHONE.encode() not in row.sealed_words
    rated = [item for item in await line.history(number) if item["event"] == "rated"]
    assert [item["detail"] for item in rated] == [{"stars": 2}, {"stars": 5}]


async def test_ratings_at_once_leave_one(line: Line, own: OwnTickets) -> None:
    """Two pages that rate at the same moment leave one of the two ratings."""
    number = await line.triaged(FURNITURE)
    await _set(line, number, Status.ANSWERED)
    await asyncio.gather(*(own.rate(number, Rating(stars, None)) for stars in range(1, 6)))
    found = await own.rating_of(number)
    assert found is not None
    assert found.stars in range(1, 6)


@pytest.mark.parametrize("status", [Status.DISPATCHED, Status.WITHDRAWN, Status.MERGED])
async def test_what_nobody_has_answered_cannot_be_rated(
    line: Line, own: OwnTickets, status: Status
) -> None:
    """There must have been somebody to rate."""
    number = await line.triaged(FURNITURE)
    await _set(line, number, status)
    with pytest.raises(NotYetClosed):
        await own.rate(number, Rating(1, None))
