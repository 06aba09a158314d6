"""Answered on the spot: the ticket closes, units and the citizen are told, nothing twice."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from gateway.intake.masking import mask
from gateway.knowledge.answering import AnswerDesk, Said
from gateway.knowledge.store import EntryStore
from gateway.tickets import schema
from gateway.tickets.database import Database
from gateway.tickets.refusal import Refused
from gateway.tickets.store import Happening, TicketNotFound, save
from gateway.tickets.workflow import Confirmation, Status
from tests.confirmation.conftest import line
from tests.conversation.test_replies import Desk
from tests.dispatch.line import Line
from tests.knowledge.conftest import content

__all__ = ["line"]
SAID = Said("采暖期一般从11月15日开始,到次年3月15日结束。")


@pytest.fixture
async def answers(line: Line) -> AnswerDesk:
    """Where agents answer."""
    return AnswerDesk(
        line.database, line.vault, line.clock, line.rules, line.decided, lambda t: mask(t).text
    )


@pytest.fixture
def desk(line: Line) -> Desk:
    """The same line with a chat that answers."""
    return Desk(line)


async def test_an_answer_closes_the_ticket(line: Line, answers: AnswerDesk) -> None:
    """It is a new version, confirmed by the agent, whose clocks stand."""
    number = await line.triaged("今年几号来暖气")
    before = await line.ticket(number)
    after = await answers.answer(number, "agent-07", before.version, SAID)
    assert after == await line.ticket(number)
    assert (after.status, after.version) == (Status.ANSWERED, before.version + 1)
    assert (after.confirmation, after.confirmed_by) == (Confirmation.AGENT, "agent-07")
    assert (after.warn_at, after.publish_at) == (None, None)


async def test_units_that_know_nothing_of_it_are_told_nothing(
    line: Line, answers: AnswerDesk
) -> None:
    """A ticket that was not published is not published by its answer, nor by a clock later."""
    number = await line.triaged("今年几号来暖气")
    await answers.answer(number, "agent-07", 2, SAID)
    line.later(days=2)
    await line.look()
    assert await line.all_entries() == []


async def test_a_confirmation_that_is_still_held_is_taken_back(
    line: Line, answers: AnswerDesk
) -> None:
    """Who confirms, and answers within the ten seconds, sends no unit on its way."""
    number = await line.triaged("今年几号来暖气")
    await line.desk.confirm(number, "agent-07", 2, {})
    await answers.answer(number, "agent-07", 3, SAID)
    line.later(minutes=1)
    await line.look()
    assert await line.all_entries() == []
    assert (await line.ticket(number)).status is Status.ANSWERED


async def test_units_that_have_it_hear_that_it_is_answered(line: Line, answers: AnswerDesk) -> None:
    """A ticket that is out gets another version on its stream, with its new status."""
    number = await line.triaged("今年几号来暖气")
    await line.desk.confirm(number, "agent-07", 2, {})
    line.later(minutes=1)
    await line.look()
    await answers.answer(number, "agent-08", 3, SAID)
    await line.publish()
    entries = await line.all_entries()
    assert [entry["change"] for entry in entries] == ["new", "changed"]
    assert [entry["ticket"]["status"] for entry in entries] == ["dispatched", "answered"]
    assert int(entries[1]["version"]) == 4
    assert (await line.ticket(number)).status is Status.ANSWERED


async def test_what_was_let_out_but_not_sent_yet_goes_out_as_answered(
    line: Line, answers: AnswerDesk, database: Database
) -> None:
    """A version that the relay may already have in its hands is followed by the answered one."""
    number = await line.triaged("今年几号来暖气")
    await line.desk.confirm(number, "agent-07", 2, {})
    let_out = schema.outbox.update().values(released=True)
    await database.write(lambda connection: connection.execute(let_out))
    await answers.answer(number, "agent-07", 3, SAID)
    await line.publish()
    assert [entry["ticket"]["status"] for entry in await line.all_entries()] == ["answered"]
    assert (await line.ticket(number)).status is Status.ANSWERED


async def test_the_same_answer_again_changes_nothing(line: Line, answers: AnswerDesk) -> None:
    """Who did not hear that it was stored may send it again; another answer is refused."""
    number = await line.triaged("今年几号来暖气")
    first = await answers.answer(number, "agent-07", 2, SAID)
    assert await answers.answer(number, "agent-07", 2, SAID) == first
    assert (await line.events(number)).count("answered") == 1
    with pytest.raises(Refused, match="version 3") as refused:
        await answers.answer(number, "agent-07", 2, Said("别的答复"))
    assert refused.value.problem == "version-conflict"
    with pytest.raises(Refused) as refused:
        await answers.answer(number, "agent-08", 2, SAID)
    assert refused.value.problem == "version-conflict"


async def test_what_cannot_be_answered_is_refused(line: Line, answers: AnswerDesk) -> None:
    """A ticket that triage reads, that is closed, that a unit has taken over, or that is none."""
    number = await line.accept("今年几号来暖气")
    with pytest.raises(Refused) as unread:
        await answers.answer(number, "agent-07", 1, SAID)
    await line.triage_all()
    await answers.answer(number, "agent-07", 2, SAID)
    with pytest.raises(Refused) as closed:
        await answers.answer(number, "agent-07", 3, SAID)
    taken = await line.triaged("楼道里堆满了旧家具")
    await _acknowledge(line, taken)
    with pytest.raises(Refused) as with_unit:
        await answers.answer(taken, "agent-07", 2, SAID)
    problems = [refused.value.problem for refused in (unread, closed, with_unit)]
    assert problems == ["not-yet-triaged", "ticket-closed", "with-unit"]
    with pytest.raises(TicketNotFound):
        await answers.answer("261123000000000", "agent-07", 1, SAID)


async def _acknowledge(line: Line, number: str) -> None:
    """Let a unit have taken the ticket over."""
    ticket = replace(await line.ticket(number), status=Status.ACKNOWLEDGED)
    happening = Happening(ticket, "acknowledged", "unit", line.clock.now())
    await line.database.write(lambda connection: save(connection, [happening]))


async def test_the_history_has_entry_version_and_masked_words(
    line: Line, answers: AnswerDesk
) -> None:
    """Which version of which entry was told, and in what words, without people's numbers."""
    store = EntryStore(line.database, line.clock)
    entry = await store.add(content("几号供暖"), "chief")
    number = await line.triaged("今年几号来暖气")
    said = Said("11月15日。张师傅的电话是13911112222", entry.id, entry.version)
    await answers.answer(number, "agent-07", 2, said)
    happened = (await line.history(number))[-1]
    assert (happened["event"], happened["actor"]) == ("answered", "agent-07")
    assert happened["detail"] == {
        "entry": entry.id,
        "entry_version": 1,
        "text": "11月15日。张师傅的电话是[电话]",
    }
    assert await answers.last(number) == said.text


async def test_only_versions_that_there_are_can_be_named(line: Line, answers: AnswerDesk) -> None:
    """An entry that is none, or a version that it never had, changes nothing."""
    store = EntryStore(line.database, line.clock)
    entry = await store.add(content("几号供暖"), "chief")
    number = await line.triaged("今年几号来暖气")
    for named in (("unknown", 1), (entry.id, 2), (entry.id, None)):
        with pytest.raises(Refused) as refused:
            await answers.answer(number, "agent-07", 2, Said("好的", *named))
        assert refused.value.problem == "unknown-entry"
    assert (await line.ticket(number)).version == 2
    assert await answers.last(number) is None


async def test_the_citizen_is_told_where_they_asked(
    line: Line, answers: AnswerDesk, desk: Desk
) -> None:
    """The chat gets the answer word for word, after what was said before; it is stored sealed."""
    receipt = await desk.accept("今年几号来暖气")
    await line.triage_all()
    while await desk.send():
        pass
    sent = len(desk.chat.sent)
    text = "11月15日开始,详情可拨13911112222"
    await answers.answer(receipt.ticket_id, "agent-07", 2, Said(text))
    assert await desk.send()
    [reply] = desk.chat.sent[sent:]
    assert text in reply.text
    assert not await desk.send()
    async with line.database.read() as connection:
        rows = (await connection.execute(select(schema.answers))).all()
    assert [text.encode() in row.sealed_text for row in rows] == [False]
