"""Entries as editors look through them, on both databases."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from gateway.clock import SystemClock
from gateway.knowledge.entries import Content, Source
from gateway.knowledge.listing import (
    ENDS_SOON,
    Standing,
    Wanted,
    count_by_standing,
    list_edits,
    standing_of,
)
from gateway.knowledge.store import EntryStore
from gateway.tickets.database import Database
from triage.decision import Topic

DAY = date(2026, 11, 24)
ONE = timedelta(days=1)
PLAIN = Content(
    question="露台花箱", answer="50% 的_花箱\\", topic=Topic.CONSTRUCTION, unit="housing",
    source=Source("手册"), owner="Wang",
)  # fmt: skip
DAYS: dict[Standing, tuple[date | None, date | None]] = {
    Standing.HOLDS: (DAY, DAY + ENDS_SOON + ONE),
    Standing.ENDING: (None, DAY + ENDS_SOON),
    Standing.OVER: (None, DAY - ONE),
    Standing.LATER: (DAY + ONE, None),
}


@pytest.fixture
async def store(database: Database) -> EntryStore:
    """A store with an entry of each standing, named by it."""
    found = EntryStore(database, SystemClock())
    for standing, (first, last) in DAYS.items():
        content = replace(PLAIN, valid_from=first, valid_to=last)
        await found.add(content, "editor", standing.value)
    await found.add(PLAIN, "editor", Standing.RETIRED.value)
    await found.retire(Standing.RETIRED.value, 1, "editor")
    return found


async def _ids(database: Database, wanted: Wanted) -> list[str]:
    async with database.read() as connection:
        return [edit.entry.id for edit in await list_edits(connection, wanted, DAY)]


async def test_each_standing(database: Database, store: EntryStore) -> None:
    """SQL and Python say the same of each entry; what ends soon holds, too."""
    for standing in Standing:
        entry = await store.find(standing.value)
        assert entry is not None
        assert standing_of(entry, DAY) is standing
        expected = {standing.value} | ({"ending"} if standing is Standing.HOLDS else set())
        assert set(await _ids(database, Wanted(standing=standing))) == expected
    async with database.read() as connection:
        counts = await count_by_standing(connection, DAY)
    assert counts == {**dict.fromkeys(Standing, 1), Standing.HOLDS: 2}


async def test_retired_ones_are_asked_for(database: Database, store: EntryStore) -> None:
    """Unless a standing is named all are listed but those, what was edited last on top."""
    assert await _ids(database, Wanted()) == ["later", "over", "ending", "holds"]


async def test_pages(database: Database, store: EntryStore) -> None:
    """The next page begins behind the last entry of the one before."""
    async with database.read() as connection:
        first = await list_edits(connection, Wanted(most=2), DAY)
    rest = await _ids(database, Wanted(before=first[-1].number))
    assert [edit.entry.id for edit in first] + rest == ["later", "over", "ending", "holds"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("花箱 wang", 4), ("花箱 李", 0), ("50%", 4), ("50_", 0), ("%", 4), ("_", 4), ("\\", 4),
        ("over", 1), ("\0", 4), ("' OR 1=1 --", 0), ("", 4),
    ],
)  # fmt: skip
async def test_words(database: Database, store: EntryStore, words: str, found: int) -> None:
    """Each word must stand there as it is: signs of SQL are signs, capitals are none."""
    assert len(await _ids(database, Wanted(words))) == found


async def test_an_id_is_taken_once(database: Database, store: EntryStore) -> None:
    """An entry with an id that there is already is not added, and the one there is returned."""
    again = await store.add(replace(PLAIN, answer="另一个"), "other", "holds")
    assert (again.version, again.editor) == (1, "editor")
    assert again.content.answer == PLAIN.answer
