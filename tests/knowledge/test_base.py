"""The knowledge base of a process: it follows every process's edits."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from gateway.clock import SimulatedClock
from gateway.knowledge.base import KnowledgeBase, TooBusy
from gateway.knowledge.reader import Reader
from gateway.knowledge.seed import shipped_entries
from gateway.knowledge.store import EntryStore
from tests.knowledge.conftest import START, content
from tests.knowledge.judged import encoder
from triage.calibration import Floats

Make = Callable[[Reader | None], KnowledgeBase]


class Counting:
    """The real encoder, which counts what it reads."""

    def __init__(self, name: str = "counting") -> None:
        self.name = name
        self.read_so_far = 0

    def read(self, text: str) -> Floats:
        """Read, and count."""
        self.read_so_far += 1
        return encoder().read(text)


@pytest.fixture
async def make(store: EntryStore, clock: SimulatedClock) -> AsyncIterator[Make]:
    """Makes knowledge bases of processes that share the database."""
    made: list[KnowledgeBase] = []

    def one(reader: Reader | None) -> KnowledgeBase:
        base = KnowledgeBase(store, clock, lambda: reader)
        made.append(base)
        return base

    yield one
    for base in made:
        base.close()


async def first(base: KnowledgeBase, text: str) -> str | None:
    """Return the question of the best entry, if there is one."""
    found = (await base.look_up(text, START, 1)).found
    return found[0].entry.content.question if found else None


async def test_edits_of_any_process_are_followed(make: Make, store: EntryStore) -> None:
    """New entries are found, changed ones as they are now, retired ones not at all."""
    base = make(encoder())
    await base.follow()
    assert await first(base, "几号供暖") is None
    entry = await store.add(content("几号供暖"), "chief")
    await base.follow()
    assert await first(base, "几号供暖") == "几号供暖"
    await store.change(entry.id, 1, content("今年几号供暖"), "chief")
    await base.follow()
    assert await first(base, "几号供暖") == "今年几号供暖"
    await store.retire(entry.id, 2, "chief")
    await base.follow()
    assert await first(base, "几号供暖") is None


async def test_what_was_read_once_is_not_read_again(make: Make, store: EntryStore) -> None:
    """Vectors are kept beside the edits: another process reads only what is new."""
    await store.seed(shipped_entries())
    readers = [Counting(), Counting(), Counting("another")]
    for reader in readers:
        await make(reader).follow()
    phrasings = sum(len(item.phrasings) for _, item in shipped_entries())
    assert [reader.read_so_far for reader in readers] == [phrasings, 0, phrasings]


async def test_kept_vectors_find_the_same(make: Make, store: EntryStore) -> None:
    """Whether vectors were made or kept, the same is found."""
    await store.seed(shipped_entries())
    found = []
    for _ in range(2):
        base = make(encoder())
        await base.follow()
        result = await base.look_up("家里停电应该拨什么号码", START, 5)
        found.append([(item.entry.id, item.score) for item in result.found])
    assert found[0] == found[1]


async def test_it_fills_an_empty_base_and_answers(
    make: Make, clock: SimulatedClock, store: EntryStore
) -> None:
    """A new installation has what ships, and suggests by it."""
    base = make(encoder())
    running = asyncio.create_task(base.run())
    assert await _until_first(base, "几号供暖") == "heating-season"
    answer = (await base.look_up("几号供暖", clock.now(), 2)).answer
    assert answer is not None
    assert answer.entry.id == "heating-season"
    entry = await store.add(content("火星上几号供暖"), "chief")
    base.edited.ring()
    assert await _until_first(base, "火星几号供暖", entry.id) == entry.id
    running.cancel()
    await asyncio.wait({running})


async def _until_first(base: KnowledgeBase, text: str, wanted: str | None = None) -> str | None:
    """Return which entry comes first, once one does, or once it is the wanted one."""
    identity = None
    for _ in range(600):
        found = (await base.look_up(text, START, 1)).found
        identity = found[0].entry.id if found else None
        if identity is not None and wanted in (None, identity):
            break
        await asyncio.sleep(0.05)
    return identity


async def test_without_an_encoder_nothing_is_suggested(make: Make, store: EntryStore) -> None:
    """By words alone it finds, and is never sure."""
    await store.seed(shipped_entries())
    base = make(None)
    await base.follow()
    assert await first(base, "几号供暖") is not None
    assert (await base.look_up("几号供暖", START, 2)).answer is None


async def test_a_crowd_is_turned_away(make: Make, store: EntryStore) -> None:
    """More than 64 searches at once are too many; those that wait are answered."""
    await store.seed(shipped_entries())
    base = make(encoder())
    await base.follow()
    asked = [base.look_up("几号供暖", START, 1) for _ in range(100)]
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, TooBusy)]
    assert len(refused) == 36
    assert await first(base, "几号供暖") is not None
