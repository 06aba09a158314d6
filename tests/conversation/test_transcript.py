"""What a page of the web chat reads: everything once, in the order in which it is told."""

from datetime import timedelta

from gateway.conversation.transcript import Place, Transcripts
from tests.conversation.test_replies import Desk, desk

__all__ = ["desk"]

CHAT = {"conversation": "one"}


async def _heard(desk: Desk, after: Place) -> tuple[list[str], Place]:
    line = desk.line
    transcripts = Transcripts(
        line.database, line.vault, line.clock, {"housing": "住建委"}.__getitem__
    )
    lines, place = await transcripts.read("chat", "one", after)
    return [item.text for item in lines if item.by == "hotline"], place


async def test_a_question_does_not_overtake_the_receipt(desk: Desk) -> None:
    """While the receipt waits for its second nothing that comes after it is shown, nor skipped."""
    await desk.line.inbox.accept(desk.message("楼道灯坏了", **CHAT))
    await desk.line.triage_all()
    heard, place = await _heard(desk, Place())
    assert heard == []
    desk.line.clock.advance(timedelta(seconds=1.5))
    heard, place = await _heard(desk, place)
    assert ["查询码" in heard[0], "请问" in heard[1]] == [True, True]
    assert (await _heard(desk, place))[0] == []


async def test_a_page_reads_on_from_where_it_was(desk: Desk) -> None:
    """What was read is not read again, and a place that is none is the beginning."""
    await desk.accept("楼道灯坏了", **CHAT)
    lines, place = await _heard(desk, Place())
    assert len(lines) == 1
    assert await _heard(desk, Place.read(str(place))) == ([], place)
    for nonsense in ("", "1", "1.x", "-1.2", "9" * 99):
        assert Place.read(nonsense) == Place()
