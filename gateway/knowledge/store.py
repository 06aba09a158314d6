"""The entries in SQL: each edit a row of its own, numbered in the order in which it was committed.

Every edit takes its number from one row that it keeps locked until it commits. So no number comes
to light after a higher one, and whoever has read up to a number has missed nothing.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.clock import Clock
from gateway.knowledge.entries import Content, Entry
from gateway.tickets import schema
from gateway.tickets.database import Database
from gateway.tickets.many import ManyRows

_table = schema.knowledge_edits
_newer = _table.alias("newer")
_counter = schema.knowledge_counter
_NAMES: Final = tuple(column.name for column in _table.columns)
_EDITS: Final = ManyRows(insert(_table))
NEWEST: Final = ~exists().where(
    _newer.c.entry == _table.c.entry, _newer.c.version > _table.c.version
).correlate(_table)
_SEED_EDITOR: Final = "seed"


class EntryNotFound(LookupError):
    """There is no such entry, or it has been retired."""


class EntryChanged(Exception):
    """Somebody has edited the entry since it was read."""

    def __init__(self, version: int) -> None:
        super().__init__(f"the entry is at version {version}")
        self.version = version


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit, by its place among all of them."""

    number: int
    entry: Entry


@dataclass(slots=True)
class EntryStore:
    """Where editors' entries become versions."""

    database: Database
    clock: Clock

    async def add(self, content: Content, editor: str, identity: str | None = None) -> Entry:
        """Keep a new entry and return it; with an id that there is already, that one is returned.

        Who names the id can therefore send the same entry twice without having it twice.
        """
        entry = self._version(identity or uuid.uuid4().hex, 1, content, editor)
        return await self.database.write(lambda connection: self._add(connection, entry))

    async def change(self, identity: str, version: int, content: Content, editor: str) -> Entry:
        """Follow that version with another; raise `EntryNotFound` and `EntryChanged`."""
        return await self.database.write(
            lambda connection: self._change(connection, identity, version, content, editor)
        )

    async def retire(self, identity: str, version: int, editor: str) -> Entry:
        """Take the entry out of use; raise `EntryNotFound` and `EntryChanged`."""
        return await self.database.write(
            lambda connection: self._change(connection, identity, version, None, editor)
        )

    async def seed(self, entries: Iterable[tuple[str, Content]]) -> int:
        """Fill a base into which nobody has ever written; return how many entries that gave."""
        new = [self._version(name, 1, content, _SEED_EDITOR) for name, content in entries]

        async def work(connection: AsyncConnection) -> int:
            if await _lock(connection):
                return 0
            await _append(connection, new)
            return len(new)

        return await self.database.write(work)

    async def history(self, identity: str) -> list[Entry]:
        """Return the versions of an entry, oldest first; nothing where there is no such entry."""
        statement = select(_table).where(_table.c.entry == identity).order_by(_table.c.version)
        async with self.database.read() as connection:
            return [read_edit(row).entry for row in await connection.execute(statement)]

    async def current(self, after: str, most: int) -> list[Entry]:
        """Return entries that are not retired, by their ids behind `after`, in their order."""
        statement = (
            select(_table)
            .where(NEWEST, _table.c.entry > after, _table.c.retired.is_(False))
            .order_by(_table.c.entry)
            .limit(most)
        )
        async with self.database.read() as connection:
            return [read_edit(row).entry for row in await connection.execute(statement)]

    async def find(self, identity: str) -> Entry | None:
        """Return the entry at its newest version, retired or not."""
        statement = select(_table).where(NEWEST, _table.c.entry == identity)
        async with self.database.read() as connection:
            row = (await connection.execute(statement)).first()
        return read_edit(row).entry if row else None

    async def since(self, number: int, most: int) -> Sequence[Edit]:
        """Return the edits behind that number, in their order."""
        statement = (
            select(_table).where(_table.c.number > number).order_by(_table.c.number).limit(most)
        )
        async with self.database.read() as connection:
            return [read_edit(row) for row in await connection.execute(statement)]

    async def _add(self, connection: AsyncConnection, entry: Entry) -> Entry:
        await _lock(connection)
        statement = select(_table).where(NEWEST, _table.c.entry == entry.id)
        if (row := (await connection.execute(statement)).first()) is not None:
            return read_edit(row).entry
        await _append(connection, [entry])
        return entry

    async def _change(
        self,
        connection: AsyncConnection,
        identity: str,
        version: int,
        content: Content | None,
        editor: str,
    ) -> Entry:
        await _lock(connection)
        statement = select(_table).where(NEWEST, _table.c.entry == identity)
        row = (await connection.execute(statement)).first()
        before = read_edit(row).entry if row else None
        if before is None or before.retired:
            raise EntryNotFound(identity)
        if before.version != version:
            raise EntryChanged(before.version)
        after = self._version(identity, version + 1, content or before.content, editor)
        after = replace(after, retired=content is None)
        await _append(connection, [after])
        return after

    def _version(self, identity: str, version: int, content: Content, editor: str) -> Entry:
        return Entry(identity, version, content, False, self.clock.now(), editor)


async def _lock(connection: AsyncConnection) -> int:
    """Keep other editors waiting until this transaction ends; return the last edit's number."""
    await connection.execute(update(_counter).values(last=_counter.c.last))
    return int((await connection.execute(select(_counter.c.last))).scalar_one())


async def _append(connection: AsyncConnection, entries: Sequence[Entry]) -> None:
    last = await _lock(connection)
    await connection.execute(update(_counter).values(last=last + len(entries)))
    rows = [_row(number, entry) for number, entry in enumerate(entries, last + 1)]
    await _EDITS.run(connection, rows)


def _row(number: int, entry: Entry) -> dict[str, Any]:
    return {
        "number": number,
        "entry": entry.id,
        "version": entry.version,
        "at": entry.at,
        "editor": entry.editor,
        "retired": entry.retired,
        **entry.content.to_fields(),
    }


def read_edit(row: Any) -> Edit:
    """Return the edit of a row of the table."""
    fields = dict(zip(_NAMES, row, strict=True))
    return Edit(
        fields["number"],
        Entry(
            fields["entry"],
            fields["version"],
            Content.from_fields(fields),
            fields["retired"],
            fields["at"],
            fields["editor"],
        ),
    )
