"""The knowledge base as a process has it: an index in memory that follows every process's edits."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from gateway.bell import Bell
from gateway.clock import Clock
from gateway.knowledge.entries import day_of
from gateway.knowledge.index import Found, Index, Prepared
from gateway.knowledge.meanings import Halves
from gateway.knowledge.reader import Reader
from gateway.knowledge.seed import shipped_entries
from gateway.knowledge.store import Edit, EntryStore
from gateway.knowledge.suggesting import Answer, answer_among
from gateway.knowledge.vectors import keep_vectors, kept_vectors, vectors_of
from gateway.knowledge.words import Terms, count_terms

log = structlog.get_logger(__name__)
_LOOK_EVERY: Final = 2.0
_AT_ONCE: Final = 500
_MOST_WAITING: Final = 64


class TooBusy(Exception):
    """So many searches wait that another one would wait too long."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """What a text finds: the answer, where that is nearly sure, and what may fit."""

    answer: Answer | None
    found: Sequence[Found]


class KnowledgeBase:
    """Searches in a thread of its own, one text after another; the event loop never waits.

    Without a reader, for a bundle without encoder, it finds by words alone and suggests nothing.
    """

    def __init__(
        self, store: EntryStore, clock: Clock, read_with: Callable[[], Reader | None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._read_with = read_with
        self._reader: Reader | None = None
        self._is_ready = False
        self._terms = Terms()
        self._prepared: dict[str, Prepared] = {}
        self._read_upto = 0
        self._is_behind = False
        """Whether something was taken that the index does not have yet."""
        self._index = Index([], self._terms)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="knowledge")
        self._waiting = 0
        self.edited = Bell(clock)
        """Rung by who has edited here, so that the index follows at once."""

    async def run(self) -> None:
        """Follow the edits until cancelled; what is away is tried again.

        A base into which nobody has written yet is filled with what ships.
        """
        while True:
            try:
                if not self._read_upto:
                    shipped = await asyncio.to_thread(lambda: list(shipped_entries()))
                    await self._store.seed(shipped)
                await self.follow()
            except Exception as error:
                log.error("the knowledge base cannot be read", error=type(error).__name__)
            await self.edited.wait(_LOOK_EVERY)

    async def follow(self) -> None:
        """Take over what was edited since, by whichever process; not to be run twice at once."""
        if not self._is_ready:
            self._reader = await asyncio.to_thread(self._read_with)
            self._is_ready = True
        while edits := await self._store.since(self._read_upto, _AT_ONCE):
            await self._take(edits)
            self._read_upto = edits[-1].number
            self._is_behind = True
        if self._is_behind:
            entries = list(self._prepared.values())
            self._index = await asyncio.to_thread(Index, entries, self._terms)
            self._is_behind = False

    async def look_up(self, text: str, now: datetime, most: int) -> Lookup:
        """Search, and say whether the best entry is the answer; raise `TooBusy`."""
        if self._waiting >= _MOST_WAITING:
            raise TooBusy
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, self._look_up, text, now, most)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown()

    def _look_up(self, text: str, now: datetime, most: int) -> Lookup:
        vector = self._reader.read(text) if self._reader is not None else None
        # Two at least: how sure it is depends on how far the next one is behind.
        found = self._index.search(text, vector, day_of(now), max(most, 2))
        answer = answer_among(text, found) if vector is not None else None
        return Lookup(answer, found[:most])

    async def _take(self, edits: Sequence[Edit]) -> None:
        newest = {edit.entry.id: edit for edit in edits}
        wanted = [edit for edit in newest.values() if not edit.entry.retired]
        kept, reader = await self._kept(wanted), self._reader
        prepared, made = await asyncio.to_thread(self._prepare, wanted, kept, reader)
        if made and reader is not None:
            name = reader.name
            await self._store.database.write(lambda c: keep_vectors(c, name, made), patient=True)
        for identity in newest.keys() - prepared.keys():
            self._prepared.pop(identity, None)
        self._prepared |= prepared

    async def _kept(self, edits: Sequence[Edit]) -> dict[int, Halves]:
        if self._reader is None:
            return {}
        async with self._store.database.read() as connection:
            numbers = [edit.number for edit in edits]
            return await kept_vectors(connection, self._reader.name, numbers)

    def _prepare(
        self, edits: Sequence[Edit], kept: dict[int, Halves], reader: Reader | None
    ) -> tuple[dict[str, Prepared], dict[int, Halves]]:
        """Return the entries ready to be found, and the vectors that were made for that."""
        found: dict[str, Prepared] = {}
        made: dict[int, Halves] = {}
        for edit in edits:
            content = edit.entry.content
            vectors = kept.get(edit.number)
            if vectors is None and reader is not None:
                vectors = made[edit.number] = vectors_of(content, reader)
            counted = count_terms(content, self._terms)
            found[edit.entry.id] = Prepared(edit.entry, counted, vectors)
        return found, made
