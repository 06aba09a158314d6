"""Redis loses what it had: the relay notices, and sends again what not everybody has done."""

import shutil

from gateway.dispatch.outbox import publish_again
from gateway.dispatch.streams import NO_ENTRY, STREAMS
from tests.dispatch.line import Line
from tests.servers import QueueServer
from triage.decision import Tier


async def some_done(line: Line, count: int) -> tuple[list[str], list[str]]:
    """Publish tickets of which every group has done the first half; return done and open ones."""
    line.triage.finds["自动"] = {"automatic": True}
    done = [await line.triaged("自动派单的事项") for _ in range(count)]
    await line.publish()
    for group in ("dispatch", "handling"):
        await line.read_all(group)
    await line.relay.sweep()
    still = [await line.triaged("自动派单的事项") for _ in range(count)]
    await line.publish()
    return done, still


def tickets(entries: list[dict[str, str]]) -> list[str]:
    """The tickets of some entries."""
    return [entry["ticket_id"] for entry in entries]


async def test_after_flushall_exactly_what_is_open_is_sent_again(line: Line) -> None:
    """What every group has done does not come again; what lay on the streams does."""
    _, still = await some_done(line, 3)
    await line.redis.flushall()
    line.later(seconds=2)
    await line.look()
    await line.look()
    assert tickets(await line.entries("general")) == still
    assert line.metrics.republished._value.get() == 3


async def test_a_loss_is_noticed_although_nothing_new_is_published_there(line: Line) -> None:
    """An idle stream is looked at as well: an emergency is sent again without another one."""
    line.triage.finds |= {"起火": {"tier": "emergency"}, "自动": {"automatic": True}}
    lost = await line.triaged("起火了")
    await line.publish()
    await line.redis.delete(STREAMS[Tier.EMERGENCY])
    line.later(seconds=2)
    await line.triaged("自动派单的事项")
    await line.publish()
    await line.publish()
    assert tickets(await line.entries("emergency")) == [lost]


async def test_a_loss_just_before_a_new_entry_is_noticed(line: Line) -> None:
    """The new entry's id is higher than any before: its transaction shows what was there."""
    _, still = await some_done(line, 2)
    await line.redis.flushall()
    new = await line.triaged("自动派单的事项")
    await line.publish()
    assert sorted(tickets(await line.entries("general"))) == sorted([*still, new])


async def test_a_restart_from_an_older_file_brings_back_what_came_after_it(
    line: Line, valkey: QueueServer
) -> None:
    """From the copy on, everything that is open is sent again, and nothing else."""
    _, still = await some_done(line, 2)
    shutil.copytree(valkey.folder / "appendonlydir", valkey.folder / "copy")
    after = [await line.triaged("自动派单的事项") for _ in range(2)]
    await line.publish()
    valkey.kill()
    shutil.rmtree(valkey.folder / "appendonlydir")
    (valkey.folder / "copy").rename(valkey.folder / "appendonlydir")
    valkey.start()
    line.relay = line.another_relay()
    line.later(seconds=2)
    await line.publish()
    assert tickets(await line.entries("general")) == [*still, *after]
    assert line.metrics.republished._value.get() == 2


async def test_what_is_sent_again_says_what_it_said_first(line: Line) -> None:
    """The unit's clock goes on: the second copy tells the first dispatch and its due times."""
    await some_done(line, 1)
    [before] = await line.entries("general")
    await line.redis.flushall()
    line.later(hours=5)
    await line.look()
    await line.look()
    [after] = await line.entries("general")
    assert after == before


async def test_a_consumer_group_comes_back_with_the_entries(line: Line) -> None:
    """After a loss the listed groups are there again, reading from the first entry."""
    _, still = await some_done(line, 2)
    await line.redis.flushall()
    line.later(seconds=2)
    await line.look()
    await line.look()
    assert len(await line.read_all("handling")) == len(still)


async def test_a_restart_of_redis_with_its_file_sends_nothing_again(
    line: Line, valkey: QueueServer
) -> None:
    """A Redis that lost nothing is left alone."""
    _, still = await some_done(line, 2)
    valkey.kill()
    valkey.start()
    line.relay = line.another_relay()
    line.later(seconds=2)
    await line.publish()
    assert tickets(await line.entries("general")) == still
    assert line.metrics.republished._value.get() == 0


async def test_an_operator_can_send_everything_open_again(line: Line) -> None:
    """`jiesu outbox republish` sends what not every group has acknowledged, once more."""
    _, still = await some_done(line, 2)
    again = await line.database.write(lambda c: publish_again(c, None, NO_ENTRY))
    await line.publish()
    assert again == 2
    assert tickets(await line.entries("general")) == [*still, *still]
