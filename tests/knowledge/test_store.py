"""Every edit is a version of its own, and nothing is ever lost."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.clock import SystemClock
from gateway.knowledge.entries import Content
from gateway.knowledge.seed import shipped_entries
from gateway.knowledge.store import EntryChanged, EntryNotFound, EntryStore
from gateway.tickets.database import Database, open_database
from tests.knowledge.conftest import content


async def test_what_is_kept_comes_back_as_it_was(store: EntryStore) -> None:
    """Questions, answer, source, owner and days of an entry are read as they were written."""
    wanted = [item for _, item in shipped_entries()]
    for item in wanted[:25]:
        entry = await store.add(item, "chief")
        assert (await store.find(entry.id)) == entry
        assert (entry.content, entry.version, entry.editor) == (item, 1, "chief")


async def test_each_edit_is_a_version_and_the_history_has_them_all(store: EntryStore) -> None:
    """Who edits follows the version that they read; the earlier ones stay as they were."""
    first = await store.add(content("几号供暖"), "chief")
    second = await store.change(first.id, 1, content("几号开始供暖"), "deputy")
    third = await store.retire(first.id, 2, "chief")
    assert await store.history(first.id) == [first, second, third]
    assert [entry.version for entry in (first, second, third)] == [1, 2, 3]
    assert (third.retired, third.content) == (True, second.content)
    assert await store.current("", 10) == []


async def test_who_has_read_an_older_version_is_refused(store: EntryStore) -> None:
    """A conflict tells the version that the entry is at, and changes nothing."""
    entry = await store.add(content("几号供暖"), "chief")
    await store.change(entry.id, 1, content("几号开始供暖"), "chief")
    for edit in (
        store.change(entry.id, 1, content("几号停暖"), "deputy"),
        store.retire(entry.id, 1, "deputy"),
    ):
        with pytest.raises(EntryChanged) as refused:
            await edit
        assert refused.value.version == 2
    assert len(await store.history(entry.id)) == 2


async def test_what_is_not_there_cannot_be_edited(store: EntryStore) -> None:
    """An unknown entry, and one that was retired, are not found."""
    entry = await store.add(content("几号供暖"), "chief")
    await store.retire(entry.id, 1, "chief")
    for identity in ("unknown", entry.id):
        with pytest.raises(EntryNotFound):
            await store.change(identity, 2, content("几号停暖"), "chief")
    assert await store.find("unknown") is None
    assert await store.history("unknown") == []


async def test_of_two_who_edit_at_once_one_is_refused(store: EntryStore) -> None:
    """Of many edits of one version one is kept, whoever comes first."""
    entry = await store.add(content("几号供暖"), "chief")
    edits = [store.change(entry.id, 1, content(f"几号供暖{n}"), "chief") for n in range(5)]
    outcomes = await asyncio.gather(*edits, return_exceptions=True)
    assert sum(isinstance(outcome, EntryChanged) for outcome in outcomes) == 4
    assert len(await store.history(entry.id)) == 2


async def test_edits_are_numbered_in_the_order_of_their_commits(
    store: EntryStore, database: Database
) -> None:
    """Whoever reads on behind the last number, while others write, misses no edit."""
    url = database.engine.url.render_as_string(hide_password=False)
    others = [store] if database.is_embedded else [EntryStore(open_database(url), SystemClock())]
    writing = [
        asyncio.create_task(one.add(content(f"问题{n}"), "chief"))
        for n in range(20)
        for one in (store, *others)
    ]
    seen: list[int] = []
    is_over = False
    while not is_over:
        is_over = all(task.done() for task in writing)
        seen += [edit.number for edit in await store.since(seen[-1] if seen else 0, 100)]
    for task in writing:
        task.result()
    assert seen == list(range(1, len(writing) + 1))
    for other in others:
        if other is not store:
            await other.database.close()


async def test_an_empty_base_is_filled_once(store: EntryStore) -> None:
    """What ships is taken in once, however many processes start at once."""
    shipped = dict(shipped_entries())
    given_in = await asyncio.gather(*(store.seed(shipped.items()) for _ in range(3)))
    assert sorted(given_in) == [0, 0, len(shipped)]
    assert {entry.id for entry in await store.current("", 1000)} == set(shipped)


async def test_what_editors_have_changed_is_not_brought_back(store: EntryStore) -> None:
    """An entry that was changed or retired stays so at the next start."""
    await store.seed(shipped_entries())
    await store.change("heating-season", 1, content("几号供暖"), "chief")
    await store.retire("water-yellow", 1, "chief")
    assert await store.seed(shipped_entries()) == 0
    changed, retired = await store.find("heating-season"), await store.find("water-yellow")
    assert changed is not None
    assert retired is not None
    assert (changed.version, changed.content.question, retired.retired) == (2, "几号供暖", True)


async def test_a_base_that_editors_began_is_not_filled(store: EntryStore) -> None:
    """Who writes the first entry by hand gets none of those that ship."""
    await store.add(content("几号供暖"), "chief")
    assert await store.seed(shipped_entries()) == 0


async def test_the_list_goes_on_behind_an_entry(store: EntryStore) -> None:
    """Page by page every entry comes once, in the order of the ids."""
    await store.seed(shipped_entries())
    seen: list[str] = []
    while page := await store.current(seen[-1] if seen else "", 7):
        seen += [entry.id for entry in page]
    assert seen == sorted(name for name, _ in shipped_entries())


TEXT = st.text(min_size=1)


@given(question=TEXT, answer=TEXT, asks=st.lists(TEXT), since=st.dates() | st.none())
@settings(max_examples=50, deadline=None)
def test_fields_are_the_content(question: str, answer: str, asks: list[str], since: object) -> None:
    """Whatever is written, its plain fields give it back."""
    one = content(question, answer, *asks, since=since)  # type: ignore[arg-type]
    assert Content.from_fields(one.to_fields()) == one
