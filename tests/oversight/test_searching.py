"""Every ticket is found by any words of its masked texts, and by what else is known of it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.message import Reporter
from gateway.oversight import search_index
from gateway.oversight.search_index import SearchIndex
from gateway.oversight.searching import Question, excerpt, search
from gateway.tickets import schema
from tests.dispatch.line import START, Line
from tests.oversight.conftest import found, indexed

FOUND = {
    "a word": "自来水",
    "two characters of it": "来水",
    "one character": "锈",
    "several words anywhere": "地铁 发黄",
    "a word across what a cutter would part": "水发黄",
    "full width and traditional": "６號樓",
    "latin letters": "WIFI",
    "the beginning of a latin word": "wi",
    "digits": "6号楼",
    "a slip of the pen": "自来睡",
}
NOT_FOUND = {
    "a word that is not there": "电梯",
    "the same characters elsewhere": "黄水",
    "one word of two": "自来水 电梯",
    "only marks": "!?",
    "operators of the index": "自来水 OR u7535",
}


@pytest.fixture
async def number(line: Line, index: SearchIndex) -> str:
    """A ticket among others."""
    await line.accept("邻居半夜装修")
    found = await line.accept("小区6号楼自来水发黄有铁锈,地铁口的WiFi也连不上")
    await line.accept("路灯不亮")
    await indexed(index)
    return found


async def test_any_word_finds_a_ticket(line: Line, number: str) -> None:
    """Words, parts of words and single characters are found as they stand in the text."""
    for name, words in FOUND.items():
        assert await found(line, words) == [number], name
    for name, words in NOT_FOUND.items():
        assert await found(line, words) == [], name


async def test_what_is_added_is_found_with_what_was_there(
    line: Line, index: SearchIndex, number: str
) -> None:
    """Words of different messages find their ticket together, which stays in its place."""
    first = await found(line)
    message = line.message("水管也在漏", of_ticket=number)
    await line.inbox.accept(message)
    assert await found(line, "漏") == []
    await indexed(index)
    assert await found(line, "漏 发黄") == [number]
    assert await found(line) == first


async def test_numbers_and_names_of_people_are_not_in_the_index(
    line: Line, index: SearchIndex
) -> None:
    """Only masked words are searched; a telephone number finds by its blind index."""
    phone = "13911112222"
    number = await line.accept(
        f"我是苏念慈,电话{phone},停水", reporter=Reporter(name="苏念慈", phone=phone)
    )
    await indexed(index)
    assert await found(line, phone) == await found(line, "苏念慈") == []
    assert await found(line, digests=[line.vault.digest("phone", phone)]) == [number]
    assert await found(line, digests=[line.vault.digest("phone", "13911112223")]) == []


async def test_all_that_is_known_narrows_the_search(line: Line, index: SearchIndex) -> None:
    """Unit, tier, status, channel, district and time each leave out what does not fit."""
    line.triage.finds["停水"] = {"unit": "water-supply", "tier": "livelihood"}
    housing = await line.triaged("楼道堆物")
    line.later(hours=1)
    water = await line.triaged("停水一天")
    await indexed(index)
    fits: dict[str, Any] = {
        "unit": "water-supply", "tier": "livelihood", "number": water,
        "since": START + timedelta(hours=1),
    }  # fmt: skip
    for name, value in fits.items():
        assert await found(line, **{name: value}) == [water], name
    assert await found(line, until=START + timedelta(hours=1)) == [housing]
    assert await found(line, status="awaiting_confirmation") == [water, housing]
    assert await found(line, channel="telegram") == await found(line, district="nowhere") == []


async def test_pages_follow_one_another(line: Line, index: SearchIndex) -> None:
    """Newest first, each ticket on one page, also where texts do not hold what the index says."""
    numbers = []
    for count in range(7):
        numbers.append(await line.accept(f"停水第{count}天"))
        await line.accept("水停" if count % 2 else "停电,断水")
    await indexed(index)
    pages, before = [], None
    while True:
        async with line.database.read() as connection:
            page = await search(connection, Question("停水", before=before, limit=3))
        pages.append([ticket["ticket_id"] for ticket in page.tickets])
        before = page.more
        if before is None:
            break
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [number for page in pages for number in page] == numbers[::-1]


async def test_what_was_there_before_the_search_is_indexed_too(
    line: Line, index: SearchIndex
) -> None:
    """Older words are walked once, and words that came meanwhile are not lost by that."""
    old = [await line.accept(f"停水第{count}天") for count in range(40)]

    async def forget(connection: AsyncConnection) -> None:
        execute = connection.execute
        last = await execute(text("SELECT max(number) FROM messages"))
        await execute(delete(schema.search_queue))
        await execute(update(schema.search_backfill).values(through=last.scalar_one()))

    await line.database.write(forget)
    new = await line.accept("停水了")
    await indexed(index)
    assert await found(line, "停水", limit=50) == [new, *old[::-1]]


async def test_in_a_rush_triage_goes_first(line: Line, index: SearchIndex) -> None:
    """While triage is behind, no word is indexed; then all of them are."""
    patient = replace(index, behind=2)
    numbers = [await line.accept(f"{floor}层漏水") for floor in "三四"]
    await indexed(patient)
    assert await found(line, "漏水") == []
    await line.triage_all()
    await indexed(patient)
    assert sorted(await found(line, "漏水")) == sorted(numbers)


async def test_a_worker_that_dies_loses_nothing(
    line: Line, index: SearchIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be committed is indexed the next time, once."""

    async def die(*_: object) -> None:
        raise RuntimeError

    number = await line.accept("停水")
    await index.lease.hold()
    with monkeypatch.context() as patch:
        patch.setattr(search_index, "write_terms", die)
        with pytest.raises(RuntimeError):
            await index.step()
    await indexed(index)
    assert await found(line, "停水") == [number]


def test_an_excerpt_shows_the_word() -> None:
    """Around the first word found, never more than a line or two."""
    told = "甲" * 300 + "停水" + "乙" * 300
    piece = excerpt(told, ["停水"])
    assert "停水" in piece
    assert len(piece) < 130
    assert excerpt("短\n文", []) == "短 文"
