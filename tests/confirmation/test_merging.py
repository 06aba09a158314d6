"""Merging by hand: one ticket follows another, nobody's matter is lost, and it can be undone."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from gateway.confirmation.merging import MergeDesk
from gateway.intake.own_tickets import OwnTickets
from gateway.knowledge.answering import AnswerDesk, Said
from gateway.repeats.merging import followed
from gateway.tickets.claims import living_claim
from gateway.tickets.refusal import Refused
from gateway.tickets.store import TicketNotFound
from gateway.tickets.workflow import Confirmation, Status
from tests.confirmation.test_claims import refused
from tests.conversation.test_replies import Desk
from tests.dispatch.line import Line, reporter

LAMP, LIGHT = "枫林苑小区北门的路灯坏了一个星期", "北门外面晚上一片漆黑,路灯不亮"
ME, YOU = reporter("13800000001"), reporter("13800000002")


@pytest.fixture
def merging(line: Line) -> MergeDesk:
    """Where agents merge."""
    return MergeDesk(line.database, line.clock, line.rules, line.decided)


async def _pair(line: Line, **fields: Any) -> tuple[str, str]:
    first = await line.triaged(LAMP, reporter=ME)
    return first, await line.triaged(LIGHT, reporter=YOU, **fields)


async def _first(line: Line, number: str) -> str | None:
    async with line.database.read() as connection:
        found = await followed(connection, number)
    return found.first if found else None


async def _problem(work: Awaitable[Any]) -> str:
    with pytest.raises(Refused) as found:
        await work
    assert found.value.problem == "cannot-be-merged"
    return str(found.value)


async def test_a_merged_ticket_follows_the_other(line: Line, merging: MergeDesk) -> None:
    """It closes, its clocks stand, the other counts it, and both histories say who did it."""
    first, second = await _pair(line)
    await line.compare_all()
    after = await merging.merge(second, "li", 2, first)
    assert after == await line.ticket(second)
    assert (after.status, after.version, after.publish_at) == (Status.MERGED, 3, None)
    told = (await line.history(second))[-1]
    assert (told["event"], told["actor"], told["detail"]) == ("merged", "li", {"into": first})
    other = await line.ticket(first)
    assert (other.repeats, other.version) == (1, 2)
    told = (await line.history(first))[-1]
    assert (told["event"], told["detail"]) == ("repeat_merged", {"repeat": second})
    assert await _first(line, second) == first
    line.later(hours=22)
    await line.look()
    assert [entry["ticket_id"] for entry in await line.all_entries()] == [first]
    # Nobody added words: comparing leaves it as it is.
    await line.compare_all()
    assert await _first(line, second) == first


async def test_merged_before_it_was_compared(line: Line, merging: MergeDesk) -> None:
    """An agent who is quicker than the comparing is not overruled by it."""
    first, second = await _pair(line)
    await merging.merge(second, "li", 2, first)
    await line.compare_all()
    assert (await line.ticket(second)).status is Status.MERGED
    assert await _first(line, second) == first


async def test_units_that_had_it_hear_of_it(line: Line, merging: MergeDesk) -> None:
    """A published ticket goes out once more as merged; a confirmation still held goes nowhere."""
    first, second = await _pair(line)
    held = await line.triaged("北门的灯不亮,走路摔跤")
    line.later(hours=22)
    await line.look()
    await line.desk.confirm(held, "li", 3, {})
    await merging.merge(held, "li", 4, first)
    await merging.merge(second, "li", 3, first)
    line.later(minutes=1)
    await line.publish()
    entries = [
        (entry["ticket_id"], entry["ticket"]["status"]) for entry in await line.all_entries()
    ]
    assert entries.count((second, "merged")) == 1
    assert entries.count((held, "merged")) == 1
    assert len(entries) == 5


async def test_the_reporter_is_told_and_hears_the_answer(line: Line, merging: MergeDesk) -> None:
    """Who was merged in learns so at once, and the answer later, under their own number."""
    desk = Desk(line)
    first = await line.triaged(LAMP, reporter=ME)
    second = (await desk.accept(LIGHT)).ticket_id
    await line.triage_all()
    while await desk.send():
        pass
    await merging.merge(second, "li", 2, first)
    assert await desk.send()
    assert "已并案办理" in desk.chat.sent[-1].text
    answers = AnswerDesk(
        line.database, line.vault, line.clock, line.rules, line.decided, lambda text: text
    )
    await answers.answer(first, "li", 2, Said("路灯今晚修复。"))
    assert await desk.send()
    assert "路灯今晚修复。" in desk.chat.sent[-1].text
    assert first[:6] in desk.chat.sent[-1].text.replace("-", "")


async def test_what_cannot_be_merged_says_why(line: Line, merging: MergeDesk) -> None:
    """Itself, none, closed, less urgent, being read, a report: each is refused with its reason."""
    line.triage.finds |= {"漏电": {"tier": "livelihood"}, "举报": {"kind": "report"}}
    first, second = await _pair(line)
    urgent = await line.triaged("北门路灯漏电")
    report = await line.triaged("举报北门路灯偷工减料")
    other = await line.triaged("北门路灯的事,谁来管")
    for into in (second, "261123000000000"):
        assert "another ticket" in await _problem(merging.merge(second, "li", 2, into))
    assert "more urgent" in await _problem(merging.merge(urgent, "li", 2, first))
    for one, into in ((report, first), (first, report)):
        assert "举报" in await _problem(merging.merge(one, "li", 2, into))
    unread = await line.accept("还没有读的")
    assert "reading" in await _problem(merging.merge(second, "li", 2, unread))
    await merging.merge(second, "li", 2, first)
    assert "merge with that one" in await _problem(merging.merge(other, "li", 2, second))
    assert await refused(merging.merge(second, "li", 3, first)) == "ticket-closed"
    assert await refused(merging.merge(other, "li", 1, first)) == "version-conflict"
    with pytest.raises(TicketNotFound):
        await merging.merge("261123000000000", "li", 1, first)


async def test_a_reporter_may_be_merged_with_themselves(line: Line, merging: MergeDesk) -> None:
    """Two reports (举报) of one person become one: nobody else learns of it by that."""
    line.triage.finds["举报"] = {"kind": "report"}
    first = await line.triaged("举报北门路灯偷工减料", reporter=ME)
    second = await line.triaged("举报北门路灯,补充一点", reporter=ME)
    assert (await merging.merge(second, "li", 2, first)).status is Status.MERGED


async def test_what_follows_follows_on(line: Line, merging: MergeDesk) -> None:
    """A ticket with others in it takes them along, and the last one counts them all."""
    first, second = await _pair(line)
    third = await line.triaged("北门路灯的事,谁来管")
    await merging.merge(third, "li", 2, second)
    await merging.merge(second, "li", 2, first)
    assert [await _first(line, number) for number in (second, third)] == [first, first]
    assert (await line.ticket(first)).repeats == 2
    await merging.take_back(third, "li")
    assert [(await line.ticket(number)).repeats for number in (first, second)] == [1, 0]
    await merging.take_back(second, "li")
    assert [(await line.ticket(number)).repeats for number in (first, second)] == [0, 0]


async def test_a_merge_can_be_taken_back(line: Line, merging: MergeDesk) -> None:
    """It is a ticket of its own again: read by triage, waiting for an agent, its clocks running."""
    first, second = await _pair(line)
    await line.desk.confirm(second, "wang", 2, {})
    await merging.merge(second, "wang", 3, first)
    after = await merging.take_back(second, "li")
    assert (after.status, after.confirmation) == (Status.AWAITING_CONFIRMATION, Confirmation.NONE)
    assert after.publish_at is not None
    assert await _first(line, second) is None
    assert (await line.ticket(first)).repeats == 0
    assert (await line.history(second))[-1]["actor"] == "li"
    assert await refused(merging.take_back(second, "li")) == "nothing-to-undo"
    await line.triage_all()
    line.later(hours=22)
    await line.look()
    published = {entry["ticket_id"] for entry in await line.all_entries()}
    assert published == {first, second}


async def test_words_added_make_it_a_ticket_again(line: Line, merging: MergeDesk) -> None:
    """What its reporter edits after the merge is read, not lost in somebody else's ticket."""
    first = await line.triaged(LAMP, reporter=ME)
    second = await line.triaged(LIGHT, key="first-message", reporter=YOU)
    await line.compare_all()
    await merging.merge(second, "li", 2, first)
    await line.accept("其实是南门,而且电线掉下来了", edits="first-message", reporter=YOU)
    await line.compare_all()
    await line.triage_all()
    assert (await line.ticket(second)).status is Status.AWAITING_CONFIRMATION
    assert (await line.ticket(first)).repeats == 0


async def test_who_withdraws_withdraws_nobody_else(line: Line, merging: MergeDesk) -> None:
    """When the first is withdrawn, others that an agent let follow it wait for an agent again."""
    first, second = await _pair(line)
    await merging.merge(second, "li", 2, first)
    own = OwnTickets(line.database, line.vault, line.clock, line.decided, line.rules)
    after = await own.withdraw(first)
    assert (after.status, after.repeats) == (Status.WITHDRAWN, 0)
    assert (await line.ticket(second)).status is Status.AWAITING_CONFIRMATION
    assert await _first(line, second) is None


async def test_both_ways_at_once(line: Line, merging: MergeDesk) -> None:
    """Two agents merge two tickets into each other in one moment: one of them does."""
    first, second = await _pair(line)
    outcomes = await asyncio.gather(
        merging.merge(first, "li", 2, second),
        merging.merge(second, "wang", 2, first),
        return_exceptions=True,
    )
    assert sum(isinstance(item, Refused) for item in outcomes) == 1
    statuses = sorted([(await line.ticket(number)).status for number in (first, second)])
    assert statuses == [Status.AWAITING_CONFIRMATION, Status.MERGED]
    async with line.database.read() as connection:
        for number in (first, second):
            assert await living_claim(connection, number, line.clock.now()) is None
