"""Two relays over one PostgreSQL: one publishes, the other is ready to."""

from collections.abc import Sequence

import pytest

from gateway.dispatch.relay import Relay
from gateway.dispatch.streams import EntryId
from gateway.leases import Lease, LeaseLost
from tests.dispatch.line import Line
from triage.decision import Tier


def two_relays(line: Line) -> tuple[Relay, Relay]:
    """Two relays as two processes have them, each with a lease of its own."""
    first, second = (
        line.another_relay(lease=Lease(line.database, line.clock, "relay")) for _ in range(2)
    )
    return first, second


async def test_a_shared_database_has_one_holder_of_a_job(line: Line) -> None:
    """Over an embedded database nobody else is there, and holding costs nothing."""
    first = Lease(line.database, line.clock, "relay")
    second = Lease(line.database, line.clock, "relay")
    assert await first.hold()
    assert await second.hold() is line.database.is_embedded


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_only_the_holder_publishes_and_the_other_takes_over(line: Line) -> None:
    """The second relay waits as long as the first renews, and goes on when the first is gone."""
    first, second = two_relays(line)
    line.triage.finds["自动"] = {"automatic": True}
    for _ in range(4):
        await line.triaged("自动派单的事项")
        await first.step()
        await second.step()
        assert not await second.lease.hold()
        line.later(seconds=3)
    assert len(await line.entries("general")) == 4
    await line.triaged("自动派单的事项")
    line.later(seconds=4)
    await second.step()
    assert len(await line.entries("general")) == 5
    assert not await first.lease.hold()


async def test_a_relay_that_ends_hands_its_lease_over_at_once(line: Line) -> None:
    """Released, the lease is free for the next one without any wait."""
    first = Lease(line.database, line.clock, "relay")
    second = Lease(line.database, line.clock, "relay")
    assert await first.hold()
    await first.release()
    assert await second.hold()


async def test_each_job_has_a_lease_of_its_own(line: Line) -> None:
    """The relay's holder need not be the clock's."""
    assert await Lease(line.database, line.clock, "relay").hold()
    assert await Lease(line.database, line.clock, "clock").hold()


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_a_relay_held_up_beyond_its_lease_notes_nothing(line: Line) -> None:
    """What Redis took late is not noted over the higher version that went out meanwhile."""
    slow, other = two_relays(line)
    line.triage.finds["自动"] = {"automatic": True, "unit": "water-supply"}
    number = await line.triaged("自动派单的事项")
    to_redis = slow.streams.publish

    async def held_up(
        tier: Tier, entries: Sequence[dict[str, str]]
    ) -> tuple[EntryId, list[EntryId]]:
        line.later(seconds=7)
        await line.desk.confirm(number, "agent-07", 2, {"unit": "gas"})
        line.later(seconds=11)
        await other.step()
        return await to_redis(tier, entries)

    slow.streams.publish = held_up  # type: ignore[method-assign]
    with pytest.raises(LeaseLost):
        await slow.step()
    ticket = await line.ticket(number)
    assert ticket.dispatched_unit == "gas"
