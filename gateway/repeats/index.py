"""The index: under each rare pair of characters, and each sender, the newest sketches.

A list holds the newest numbers only, so that a common key costs no more than a rare one, however
many tickets there are. One process at a time writes here; the lease sees to that.
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BindParameter, Table, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.tickets import schema
from gateway.tickets.many import ManyRows
from triage.alike.gather import NEWEST
from triage.alike.sketch import Sketch

_SENDER_BIT: Final = 1 << 62
_MOST_CACHED: Final = 20_000
_ids: BindParameter[Any] = bindparam("ids", expanding=True)
WAITING: Final = (
    select(schema.to_compare).order_by(schema.to_compare.c.number).limit(bindparam("most"))
)
TEXTS: Final = (
    select(schema.messages.c.ticket_id, schema.messages.c.masked_text)
    .where(schema.messages.c.ticket_id.in_(_ids))
    .order_by(schema.messages.c.number)
)
LISTS: Final = select(schema.sketch_keys.c.key, schema.sketch_keys.c.newest).where(
    schema.sketch_keys.c.key.in_(_ids)
)
_KNOWN: Final = (
    schema.sketches.c.number,
    schema.sketches.c.ticket_id,
    schema.sketches.c.sketch,
    schema.tickets.c.cluster,
    schema.tickets.c.accepted_at,
)
_JOINED: Final = schema.sketches.join(
    schema.tickets, schema.tickets.c.id == schema.sketches.c.ticket_id
)
BY_NUMBER: Final = select(*_KNOWN).select_from(_JOINED).where(schema.sketches.c.number.in_(_ids))
BY_TICKET: Final = select(*_KNOWN).select_from(_JOINED).where(schema.sketches.c.ticket_id.in_(_ids))
LAST: Final = select(func.max(schema.sketches.c.number))
_DONE: Final = ManyRows(
    delete(schema.to_compare).where(schema.to_compare.c.number == bindparam("of"))
)
_NEW: Final = ManyRows(insert(schema.sketches))
_CHANGED: Final = ManyRows(
    update(schema.sketches)
    .where(schema.sketches.c.number == bindparam("of"))
    .values(sketch=bindparam("now"))
)


def _put(table: Table, key: str, value: str) -> dict[str, ManyRows]:
    """Return the statements, by dialect, that insert a row or change the one that is there."""
    statements = {}
    for dialect in (sqlite, postgresql):
        statement = dialect.insert(table)
        statements[dialect.dialect.name] = ManyRows(
            statement.on_conflict_do_update(
                index_elements=[key], set_={value: statement.excluded[value]}
            )
        )
    return statements


_PUT_LIST: Final = _put(schema.sketch_keys, "key", "newest")
_PUT_SIZE: Final = _put(schema.clusters, "id", "size")
_DROP: Final = ManyRows(delete(schema.clusters).where(schema.clusters.c.id == bindparam("of")))
SIZES: Final = select(schema.clusters.c.id, schema.clusters.c.size).where(
    schema.clusters.c.id.in_(_ids)
)
MOST_MOVED: Final = 200
"""Members of a cluster that may still become part of another: two larger ones stay two."""


@dataclass(frozen=True, slots=True)
class Known:
    """A ticket that has been compared before."""

    number: int
    ticket_id: str
    sketch: Sketch
    accepted_at: datetime


@dataclass(slots=True)
class Index:
    """The part of the index that a batch of tickets touches, with what the batch adds to it."""

    lists: dict[int, list[int]] = field(default_factory=dict)
    known: dict[int, Known] = field(default_factory=dict)
    clusters: dict[int, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    last: int = 0
    _resized: set[str] = field(default_factory=set)
    _new: set[int] = field(default_factory=set)
    _changed: set[int] = field(default_factory=set)
    _touched: set[int] = field(default_factory=set)

    def add(
        self, ticket_id: str, sketch: Sketch, accepted_at: datetime, number: int | None
    ) -> Known:
        """Take a ticket in, or its new sketch where it has a number; it is found by no key yet."""
        if number is None:
            self.last += 1
            number = self.last
            self._new.add(number)
        elif number not in self._new:
            self._changed.add(number)
        found = Known(number, ticket_id, sketch, accepted_at)
        self.known[number] = found
        return found

    def put(self, keys: Iterable[int], number: int) -> None:
        """Let the sketch be found by these keys from now on."""
        for key in keys:
            newest = self.lists.get(key, [])
            if number not in newest:
                self.lists[key] = [*newest[1 - NEWEST :], number]
                self._touched.add(key)

    def by_number(self, numbers: Iterable[int]) -> list[Known]:
        """Return what is known of these sketches, as far as they were read."""
        return [self.known[number] for number in numbers if number in self.known]

    def join(self, mine: Known, other: Known) -> tuple[str, str | None] | None:
        """Put two tickets into one cluster; return it, and the one that has become part of it.

        None where both are in large clusters: what was told apart so often stays apart.
        """
        names = [self.clusters.get(item.number) for item in (mine, other)]
        known = sorted({name for name in names if name}, key=lambda name: (self.sizes[name], name))
        absorbed = None
        if len(known) == 2:
            absorbed, cluster = known
            if self.sizes[absorbed] > MOST_MOVED:
                return None
            self.clusters |= {
                number: cluster for number, name in self.clusters.items() if name == absorbed
            }
            self.sizes[cluster] += self.sizes.pop(absorbed)
        else:
            cluster = known[0] if known else other.ticket_id
            self.sizes[cluster] = self.sizes.get(cluster, 0) + names.count(None)
        self._resized |= {name for name in (cluster, absorbed) if name}
        self.clusters[mine.number] = self.clusters[other.number] = cluster
        return cluster, absorbed

    async def write(self, connection: AsyncConnection) -> None:
        """Store what the batch added."""
        new = [self.known[number] for number in sorted(self._new)]
        await _NEW.run(
            connection,
            [
                {
                    "number": item.number,
                    "ticket_id": item.ticket_id,
                    "sketch": item.sketch.to_bytes(),
                }
                for item in new
            ],
        )
        await _CHANGED.run(
            connection,
            [
                {"of": number, "now": self.known[number].sketch.to_bytes()}
                for number in self._changed
            ],
        )
        sizes = [
            {"id": name, "size": self.sizes[name]}
            for name in sorted(self._resized & set(self.sizes))
        ]
        await _PUT_SIZE[connection.dialect.name].run(connection, sizes)
        gone = sorted(self._resized - set(self.sizes))
        await _DROP.run(connection, [{"of": name} for name in gone])
        await _PUT_LIST[connection.dialect.name].run(
            connection,
            # In order, so that neighbours in the table are written together.
            [
                {"key": key, "newest": array("q", self.lists[key]).tobytes()}
                for key in sorted(self._touched)
            ],
        )


class Sketches(dict[int, Sketch]):
    """Sketches read lately, so that those of a large cluster are not read again and again."""

    def of(self, row: Any) -> Sketch:
        """Return the sketch of a row."""
        found = self.get(row.number)
        if found is None:
            if len(self) >= _MOST_CACHED:
                self.clear()
            found = self[row.number] = Sketch.from_bytes(row.sketch)
        return found


def sender_keys(senders: bytes) -> list[int]:
    """Return the keys of a message's senders, apart from all keys of sketches."""
    parts = (senders[at : at + 8] for at in range(0, len(senders), 8))
    return [int.from_bytes(part, "big") % _SENDER_BIT | _SENDER_BIT for part in parts]


async def texts_of(connection: AsyncConnection, ids: Iterable[str]) -> dict[str, str]:
    """Return each ticket's masked words, all its messages together; none have gone elsewhere."""
    ids = set(ids)
    rows = await connection.execute(TEXTS, {"ids": sorted(ids)})
    found: dict[str, list[str]] = {ticket_id: [] for ticket_id in ids}
    for ticket_id, text in rows:
        found[ticket_id].append(text)
    return {ticket_id: "\n".join(texts) for ticket_id, texts in found.items()}


async def read_lists(connection: AsyncConnection, index: Index, keys: Iterable[int]) -> None:
    """Read the lists under these keys."""
    rows = await connection.execute(LISTS, {"ids": sorted(set(keys))})
    index.lists |= {key: array("q", newest).tolist() for key, newest in rows}


async def read_known(
    connection: AsyncConnection, index: Index, numbers: Iterable[int], cache: Sketches
) -> None:
    """Read what is known of these sketches."""
    if wanted := sorted(set(numbers)):
        _take(index, await connection.execute(BY_NUMBER, {"ids": wanted}), cache)


async def read_own(
    connection: AsyncConnection, index: Index, ids: Sequence[str], cache: Sketches
) -> Mapping[str, int]:
    """Read what is known of these tickets themselves; return the numbers of those that are."""
    rows = (await connection.execute(BY_TICKET, {"ids": list(ids)})).all()
    _take(index, rows, cache)
    return {row.ticket_id: row.number for row in rows}


def _take(index: Index, rows: Iterable[Any], cache: Sketches) -> None:
    for row in rows:
        index.known[row.number] = Known(row.number, row.ticket_id, cache.of(row), row.accepted_at)
        if row.cluster is not None:
            index.clusters[row.number] = row.cluster


async def read_sizes(connection: AsyncConnection, index: Index) -> None:
    """Read how large the clusters are of which something is known."""
    if names := sorted(set(index.clusters.values())):
        rows = await connection.execute(SIZES, {"ids": names})
        index.sizes |= {row.id: row.size for row in rows}


async def read_last(connection: AsyncConnection) -> int:
    """Return the highest number of a sketch."""
    return (await connection.execute(LAST)).scalar() or 0


async def forget_waiting(connection: AsyncConnection, numbers: Sequence[int]) -> None:
    """Remove what has been compared."""
    await _DONE.run(connection, [{"of": number} for number in numbers])
