"""An agent asks: the citizen hears it where they wrote, and what they say next is the answer."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from gateway.accounts.audit import AuditLog
from gateway.accounts.retention import Retention
from gateway.confirmation.asking import AskDesk
from gateway.conversation.questions import Question, questions_of, words_of_question
from gateway.conversation.transcript import Place, Transcripts
from gateway.intake.masking import mask
from gateway.intake.own_tickets import OwnTickets
from gateway.tickets import schema
from tests.confirmation.test_claims import refused
from tests.conversation.test_replies import Desk
from tests.dispatch.line import Line

WHICH = "请问是几号楼?可拨 13900001111 告诉我们。"
CHAT = {"conversation": "chat-1"}


@pytest.fixture
def desk(line: Line) -> Desk:
    """The line with a chat that answers."""
    return Desk(line)


@pytest.fixture
def asking(line: Line) -> AskDesk:
    """Where agents ask."""
    return AskDesk(line.database, line.vault, line.clock, lambda text: mask(text).text)


async def _told(desk: Desk, text: str = "楼道灯坏了,家里老人出不了门", **fields: Any) -> str:
    number = (await desk.accept(text, **{**CHAT, **fields})).ticket_id
    await desk.line.triage_all()
    while await desk.send():
        pass
    desk.line.later(seconds=1)
    return number


async def _questions(line: Line, number: str) -> list[Question]:
    async with line.database.read() as connection:
        return await questions_of(connection, number)


async def test_a_question_reaches_the_citizen(desk: Desk, asking: AskDesk) -> None:
    """It is sent word for word where they wrote, stands in the chat, and masked in the history."""
    line = desk.line
    number = await _told(desk)
    before = await line.ticket(number)
    assert await asking.ask(number, "li", before.version, WHICH) == before
    assert await desk.send()
    assert WHICH in desk.chat.sent[-1].text
    assert "请直接在此回复" in desk.chat.sent[-1].text
    told = (await line.history(number))[-1]
    assert (told["event"], told["actor"]) == ("asked", "li")
    assert told["detail"] == {"text": "请问是几号楼?可拨 [电话] 告诉我们。"}
    [asked] = await _questions(line, number)
    assert (asked.agent, asked.channel, asked.state) == ("li", "chat", "sent")
    assert asked.answered_at is None
    pages = Transcripts(line.database, line.vault, line.clock, lambda code: code)
    said, _ = await pages.read("chat", "chat-1", Place())
    assert WHICH in said[-1].text
    assert await line.ticket(number) == before


async def test_the_same_question_is_asked_once(desk: Desk, asking: AskDesk) -> None:
    """Sent again it changes nothing, until the citizen has said something; another one is asked."""
    number = await _told(desk)
    for text in (WHICH, WHICH, "住几层?", "住几层?"):
        await asking.ask(number, "li", 2, text)
        desk.line.later(seconds=1)
    assert [item.text for item in await _questions(desk.line, number)][1:] == ["住几层?"]


async def test_what_is_said_next_is_the_answer(desk: Desk, asking: AskDesk) -> None:
    """Days later too the chat's next line goes to the ticket, and triage reads it."""
    line = desk.line
    number = await _told(desk)
    await asking.ask(number, "li", 2, WHICH)
    assert (await asking.open(number)) == (line.clock.now(), WHICH)
    line.later(days=2)
    assert (await desk.accept("三号楼", **CHAT)).ticket_id == number
    await line.triage_all()
    assert await asking.open(number) is None
    [asked] = await _questions(line, number)
    assert asked.answered_at is not None
    assert (await line.events(number))[-2:] == ["added", "triaged"]
    # It has been answered: what comes much later is of another matter.
    line.later(hours=1)
    assert (await desk.accept("小区里有人放鞭炮", **CHAT)).ticket_id != number


async def test_a_later_matter_has_its_own_lines(desk: Desk, asking: AskDesk) -> None:
    """Who begins anew is not held to the question, and goes on with what they told of last."""
    line = desk.line
    number = await _told(desk)
    await asking.ask(number, "li", 2, WHICH)
    line.later(hours=1)
    other = (await desk.accept("小区里有人放鞭炮", anew=True, **CHAT)).ticket_id
    assert other != number
    assert (await desk.accept("在南门", **CHAT)).ticket_id == other


async def test_nobody_waits_for_an_answer_for_ever(desk: Desk, asking: AskDesk) -> None:
    """After a week, or once the ticket is closed, what is said is a new appeal."""
    line = desk.line
    number = await _told(desk)
    await asking.ask(number, "li", 2, WHICH)
    line.later(days=8)
    assert (await desk.accept("三号楼", **CHAT)).ticket_id != number
    second = await _told(desk, conversation="chat-2")
    await asking.ask(second, "li", 2, WHICH)
    own = OwnTickets(line.database, line.vault, line.clock, line.decided, line.rules)
    await own.withdraw(second)
    line.later(hours=1)
    assert (await desk.accept("三号楼", conversation="chat-2")).ticket_id != second


async def test_who_called_is_called_back(desk: Desk, asking: AskDesk) -> None:
    """A telephone cannot carry it: it waits among the call-backs."""
    number = await _told(desk, channel="voice", reply_to=None, conversation=None)
    await asking.ask(number, "li", 2, WHICH)
    [asked] = await _questions(desk.line, number)
    assert (asked.channel, asked.state) == ("voice", "callback")


async def test_who_cannot_be_told_reads_it_on_the_page(line: Line, asking: AskDesk) -> None:
    """Without a way back nothing is sent; the page of the appeal shows what is asked."""
    number = await line.triaged("楼道灯坏了")
    line.later(seconds=1)
    await asking.ask(number, "li", 2, WHICH)
    [asked] = await _questions(line, number)
    assert (asked.channel, asked.state) == (None, None)
    assert (await asking.open(number) or ("", ""))[1] == WHICH


async def test_it_is_not_asked_beside_the_programs_own(desk: Desk, asking: AskDesk) -> None:
    """After an agent's question triage's reading asks nothing more about the same line."""
    line = desk.line
    line.triage.finds["灯"] = {"district": None}
    number = await _told(desk, "灯坏了", conversation="chat-3")
    await asking.ask(number, "li", 2, WHICH)
    line.later(seconds=1)
    await desk.accept("三号楼", conversation="chat-3")
    await line.triage_all()
    table = schema.replies
    async with line.database.read() as connection:
        rows = await connection.execute(select(table.c.event).where(table.c.ticket_id == number))
    assert [event for event in rows.scalars() if event == "asked"] == ["asked"]


async def test_what_cannot_be_asked(desk: Desk, asking: AskDesk) -> None:
    """A stale version, or a closed ticket, is refused."""
    number = await _told(desk)
    assert await refused(asking.ask(number, "li", 1, WHICH)) == "version-conflict"
    line = desk.line
    own = OwnTickets(line.database, line.vault, line.clock, line.decided, line.rules)
    await own.withdraw(number)
    assert await refused(asking.ask(number, "li", 3, WHICH)) == "ticket-closed"


async def test_it_is_erased_with_the_rest(desk: Desk, asking: AskDesk) -> None:
    """When people's data has been kept long enough the question is left masked only."""
    line = desk.line
    number = await _told(desk)
    await asking.ask(number, "li", 2, WHICH)
    own = OwnTickets(line.database, line.vault, line.clock, line.decided, line.rules)
    await own.withdraw(number)
    line.later(days=31)
    log = AuditLog(line.vault, line.clock)
    await Retention(line.database, line.clock, log, timedelta(days=30)).step()
    [asked] = await _questions(line, number)
    assert asked.sealed_text == b""
    assert await words_of_question(line.vault, asked) == "请问是几号楼?可拨 [电话] 告诉我们。"
