"""From the outbox to the streams, and off them when every group is done."""

from typing import Any

import pytest
from redis.exceptions import RedisError

from gateway.dispatch.relay import Relay
from gateway.dispatch.streams import STREAMS
from gateway.tickets.store import find_tickets
from tests.dispatch.line import Line, running_line
from tests.servers import QueueServer
from triage.decision import Tier

GENERAL = STREAMS[Tier.GENERAL]


class Killed(Exception):
    """Stands for the end of the process."""


class DiesBeforeRecording(Relay):
    """A relay whose process ends when Redis has the entries and the database does not know."""

    async def _record(self, *_: object) -> None:
        raise Killed


async def published(line: Line, count: int = 1) -> list[str]:
    """Publish so many general tickets and return their numbers."""
    line.triage.finds["自动"] = {"automatic": True}
    numbers = [await line.accept("自动派单的事项") for _ in range(count)]
    await line.triage_all()
    await line.publish()
    return numbers


async def test_entries_go_out_in_the_order_of_their_due_times(line: Line) -> None:
    """What waited goes out soonest due first, in whatever order it was decided."""
    line.triage.finds |= {"自动": {"automatic": True}, "停水": {"tier": "livelihood"}}
    early = await line.accept("自动一")
    await line.database.write(line.opener._claim)
    line.later(seconds=14)
    late = await line.triaged("自动二")
    urgent = await line.triaged("自动停水三")
    line.later(seconds=2)
    await line.triage_all()
    assert [row.ticket_id for row in await line.outbox()] == [late, urgent, early]
    await line.publish()
    assert [entry["ticket_id"] for entry in await line.entries("general")] == [early, late]
    assert [entry["ticket_id"] for entry in await line.entries("livelihood")] == [urgent]


async def test_more_than_a_batch_drains_in_order(line: Line) -> None:
    """A long queue goes out in several batches, still by due time, and each entry once."""
    line.triage.finds["自动"] = {"automatic": True}
    for _ in range(3):
        for _ in range(50):
            await line.accept("自动派单的事项")
        line.later(seconds=1)
    await line.triage_all()
    await line.publish()
    due = [entry["dispatch_due_at"] for entry in await line.entries("general")]
    assert len(due) == 150
    assert due == sorted(due)


async def test_while_redis_is_away_nothing_is_lost(line: Line, valkey: QueueServer) -> None:
    """What is decided meanwhile waits in the outbox, and goes out in order when Redis is back."""
    await published(line)
    valkey.kill()
    line.triage.finds["自动"] = {"automatic": True}
    numbers = [await line.triaged("自动派单的事项") for _ in range(3)]
    with pytest.raises((RedisError, OSError)):
        await line.relay.step()
    for number in numbers:
        ticket = await line.ticket(number)
        assert (ticket.status, ticket.dispatched_at) == ("awaiting_confirmation", None)
    valkey.start()
    line.relay = line.another_relay()
    await line.publish()
    assert [entry["ticket_id"] for entry in await line.entries("general")][1:] == numbers


async def test_a_relay_that_dies_between_redis_and_the_database_sends_again(line: Line) -> None:
    """At least once: the version is the same, so that a consumer drops the second copy."""
    line.triage.finds["自动"] = {"automatic": True}
    number = await line.triaged("自动派单的事项")
    with pytest.raises(Killed):
        await line.another_relay(DiesBeforeRecording).step()
    assert (await line.ticket(number)).dispatched_at is None
    line.later(seconds=1)
    await line.publish()
    first, second = await line.entries("general")
    assert (first["ticket_id"], first["version"]) == (second["ticket_id"], second["version"])
    ticket = await line.ticket(number)
    assert (ticket.status, ticket.dispatched_at) == ("dispatched", line.clock.now())
    assert await line.events(number) == ["received", "triaged", "published"]


async def test_an_entry_stays_until_every_group_has_acknowledged_it(line: Line) -> None:
    """One group's acknowledgement deletes nothing; the last one's deletes entry and outbox row."""
    await published(line, 3)
    await line.read_all("dispatch")
    await line.relay.sweep()
    assert len(await line.entries("general")) == 3
    await line.read_all("handling", acknowledge=False)
    await line.relay.sweep()
    assert len(await line.entries("general")) == 3
    found = await line.redis.xpending_range(GENERAL, "handling", "-", "+", 10)
    await line.redis.xack(GENERAL, "handling", *(item["message_id"] for item in found))
    await line.relay.sweep()
    assert await line.entries("general") == []
    assert await line.outbox() == []


async def test_acknowledging_out_of_order_leaves_what_is_open(line: Line) -> None:
    """An entry behind one that hangs is deleted when it is done; the one that hangs stays."""
    await published(line, 3)
    ids = await line.read_all("dispatch", acknowledge=False)
    await line.read_all("handling")
    await line.redis.xack(GENERAL, "dispatch", ids[2], ids[0])
    await line.relay.sweep()
    left: Any = await line.redis.xrange(GENERAL)
    assert [entry_id for entry_id, _ in left] == [ids[1]]
    assert len(await line.outbox()) == 1


async def test_what_a_group_has_never_read_is_not_deleted(line: Line) -> None:
    """A group that is listed and never came keeps everything for the day it comes."""
    numbers = await published(line, 2)
    await line.read_all("dispatch")
    later = await published(line)
    await line.read_all("dispatch")
    await line.relay.sweep()
    assert len(await line.read_all("handling")) == 3
    await line.relay.sweep()
    assert await line.entries("general") == []
    assert numbers != later


async def test_a_group_that_is_not_listed_holds_nothing_up(line: Line) -> None:
    """Only `JIESU_GROUPS` count: somebody who looks in keeps no entry alive."""
    await published(line)
    await line.redis.xgroup_create(GENERAL, "visitor", id="0")
    await line.read_all("dispatch")
    await line.read_all("handling")
    await line.relay.sweep()
    assert await line.entries("general") == []


async def test_a_new_group_reads_from_the_first_entry_that_is_there(line: Line) -> None:
    """A group that is added to the list gets what lies on the streams, not only what comes."""
    await published(line, 2)
    await line.lease.release()
    async with running_line(
        line.database, line.vault, line.url, groups=("dispatch", "handling", "statistics")
    ) as later:
        await later.relay.step()
        assert len(await later.read_all("statistics")) == 2


async def test_no_entry_follows_a_higher_version_of_its_ticket(line: Line) -> None:
    """A version that a newer one overtook while it waited is not sent: all would drop it."""
    line.triage.finds |= {
        "自动": {"automatic": True}, "起火": {"tier": "emergency", "unit": "fire-rescue"},
    }  # fmt: skip
    number = await line.triaged("自动派单的事项", key="first-message")
    await line.triaged("起火了", edits="first-message")
    await line.publish()
    [entry] = await line.all_entries()
    assert (entry["ticket_id"], entry["unit"]) == (number, "fire-rescue")
    ticket = await line.ticket(number)
    assert ticket.dispatched_unit == "fire-rescue"
    assert [row.version for row in await line.outbox()] == [int(entry["version"])]


async def test_what_overtakes_a_held_confirmation_replaces_it(line: Line) -> None:
    """An addition within the ten seconds goes out with the agent's choice, and that once."""
    line.triage.finds["起火"] = {"tier": "emergency", "unit": "fire-rescue"}
    number = await line.triaged("旧家具", key="first-message")
    await line.desk.confirm(number, "agent-07", 2, {"unit": "urban-management"})
    await line.triaged("起火了", edits="first-message")
    await line.publish()
    await line.read_all("dispatch")
    await line.read_all("handling")
    await line.relay.sweep()
    line.later(seconds=11)
    await line.publish()
    assert await line.all_entries() == []
    assert await line.outbox() == []
    assert (await line.ticket(number)).dispatched_unit == "urban-management"


async def test_the_outbox_holds_no_row_of_a_version_that_was_overtaken(line: Line) -> None:
    """When the newest version is done with, older ones would only be dropped: they are too."""
    line.triage.finds |= {"自动": {"automatic": True}, "起火": {"tier": "emergency"}}
    await line.triaged("自动派单的事项", key="first-message")
    await line.publish()
    await line.triaged("起火了", edits="first-message")
    await line.publish()
    for group in ("dispatch", "handling"):
        ids = await line.read_all(group, acknowledge=False)
        await line.redis.xack(STREAMS[Tier.EMERGENCY], group, ids[0])
    await line.relay.sweep()
    assert await line.outbox() == []
    assert len(await line.entries("general")) == 1


async def test_the_relay_waits_out_a_redis_that_is_away(line: Line, valkey: QueueServer) -> None:
    """The role goes on by itself: it counts the failure, waits, and publishes what waited."""
    line.triage.finds["自动"] = {"automatic": True}
    valkey.kill()
    number = await line.triaged("自动派单的事项")
    with pytest.raises((RedisError, OSError)) as away:
        await line.relay.step()
    waits = line.relay._pause(away.value)
    waits.send(None)
    assert line.metrics.redis_failures._value.get() == 1
    valkey.start()
    line.later(seconds=2)
    with pytest.raises(StopIteration):
        waits.send(None)
    await line.publish()
    async with line.database.read() as connection:
        assert (await find_tickets(connection, [number]))[number].status == "dispatched"
