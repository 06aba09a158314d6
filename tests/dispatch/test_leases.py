"""Two relays over one PostgreSQL: one publishes, the other is ready to."""

import pytest

from gateway.leases import Lease
from tests.dispatch.line import Line


async def test_a_shared_database_has_one_holder_of_a_job(line: Line) -> None:
    """Over an embedded database nobody else is there, and holding costs nothing."""
    first = Lease(line.database, line.clock, "relay")
    second = Lease(line.database, line.clock, "relay")
    assert await first.hold()
    assert await second.hold() is line.database.is_embedded


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_only_the_holder_publishes_and_the_other_takes_over(line: Line) -> None:
    """The second relay waits as long as the first renews, and goes on when the first is gone."""
    first, second = line.another_relay(), line.another_relay()
    line.triage.finds["自动"] = {"automatic": True}
    for _ in range(4):
        await line.triaged("自动派单的事项")
        assert await first.lease.hold()
        assert not await second.lease.hold()
        await first.step()
        line.later(seconds=3)
    assert len(await line.entries("general")) == 4
    await line.triaged("自动派单的事项")
    line.later(seconds=4)
    assert await second.lease.hold()
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
