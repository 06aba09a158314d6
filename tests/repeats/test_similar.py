"""What an agent sees beside a ticket: others like it, and its reporter's earlier ones."""

import pytest
from sqlalchemy import update

from gateway.repeats.earlier import earlier_of
from gateway.repeats.similar import Similar, similar_to
from gateway.tickets import schema
from gateway.tickets.workflow import Status
from tests.dispatch.line import Line, reporter
from tests.repeats.test_clusters import ELSEWHERE, PARKING, PLANT

LIKE = "青檀苑小区旁边的水泥搅拌站又开工了"
"""Like the plant of the clusters, but too short to be linked by itself or not: a person looks."""


async def _similar(line: Line, number: str) -> dict[str, Similar]:
    async with line.database.read() as connection:
        found = await similar_to(connection, await line.ticket(number), line.clock.now())
    assert [item.score for item in found] == sorted((item.score for item in found), reverse=True)
    return {item.ticket.id: item for item in found}


async def _earlier(line: Line, number: str) -> list[str] | None:
    async with line.database.read() as connection:
        found = await earlier_of(connection, await line.ticket(number))
    return None if found is None else [item.ticket.id for item in found]


async def _close(line: Line, number: str) -> None:
    table = schema.tickets
    closed = update(table).where(table.c.id == number).values(status=Status.WITHDRAWN)
    await line.database.write(lambda c: c.execute(closed))


async def test_similar_tickets(line: Line) -> None:
    """Of one matter are those that are like it, with the words of both; what is not, is not."""
    first, second = [await line.triaged(text) for text in PLANT[:2]]
    others = [await line.triaged(text) for text in (PARKING, ELSEWHERE)]
    await line.compare_all()
    found = await _similar(line, second)
    assert set(found).isdisjoint(others)
    like = found[first]
    assert (like.same_matter, like.same_cluster, like.same_words) == (True, True, False)
    assert like.score > 310
    assert "青檀苑小区" in "".join(like.places)
    assert any("搅拌站" in word for word in like.words)
    assert like.excerpt.startswith("青檀苑小区旁边建了一座水泥搅拌站")


async def test_what_is_closed_or_old_is_not_similar(line: Line) -> None:
    """Nothing can be merged with what is closed, and nobody looks for what is a month old."""
    old, closed, new = [await line.triaged(text) for text in PLANT]
    await line.compare_all()
    await _close(line, closed)
    assert set(await _similar(line, new)) == {old}
    line.later(days=31)
    assert await _similar(line, new) == {}


async def test_a_repeat_that_waits_is_similar(line: Line) -> None:
    """The same words of the same sender, not merged yet, stand there as such, both ways."""
    line.triage.finds["搅拌站"] = {"tier": "emergency"}
    su = reporter("13800000001")
    first, again = [await line.triaged(PLANT[0], reporter=su) for _ in range(2)]
    await line.compare_all()
    for one, other in ((first, again), (again, first)):
        found = await _similar(line, one)
        assert found[other].same_words
        assert found[other].score == 1000


async def test_what_was_not_compared_yet_is_like_none(line: Line) -> None:
    """A ticket of this very moment has no kin yet, nor has one without words."""
    await line.triaged(PLANT[0])
    number = await line.triaged("")
    assert await _similar(line, number) == {}
    await line.compare_all()
    assert await _similar(line, number) == {}


async def test_earlier_tickets_of_the_same_reporter(line: Line) -> None:
    """By telephone or by chat, the newest first; not those of others, nor of numbers in a text."""
    su = reporter("13800000001")
    first = await line.triaged("路灯坏了", reporter=su)
    await line.triaged("电话13800000001的人说路灯坏了", reporter=reporter("13800000002"))
    await line.triaged("路灯坏了")
    line.later(minutes=1)
    second = await line.triaged("树枝断了", reporter=su, conversation="chat-1")
    line.later(days=1)
    third = await line.triaged("井盖丢了", conversation="chat-1")
    assert await _earlier(line, second) == [first]
    assert await _earlier(line, third) == [second]
    assert await _earlier(line, first) == []


@pytest.mark.parametrize("kind", ["report", None])
async def test_of_a_report_nothing_is_looked_up(line: Line, kind: str | None) -> None:
    """Who reports has no earlier tickets, nor is a report anybody's earlier ticket."""
    su = reporter("13800000001")
    if kind is not None:
        line.triage.finds["举报"] = {"kind": kind}
    else:
        line.triage.fails_on.add("举报")
    await line.triaged("路灯坏了", reporter=su)
    line.later(minutes=1)
    report = await line.triaged("举报工地夜间施工", reporter=su)
    line.later(minutes=1)
    last = await line.triaged("树枝断了", reporter=su)
    assert await _earlier(line, report) is None
    assert report not in (await _earlier(line, last) or [report])
