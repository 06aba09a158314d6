"""Rows of any of our tables as lines of JSON: bytes in base64, times in ISO 8601, UTC."""

import base64
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import IO, Any, Final

import orjson
from sqlalchemy import Column, DateTime, LargeBinary, MetaData, Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.tickets.schema import SEARCH_WORDS

Row = dict[str, Any]
BATCH: Final = 500
_NOT_KEPT: Final = {
    "alembic_version", "schema_steps", "leases", "stream_positions", "sessions", "sign_in_failures",
    "knowledge_vectors", "search_queue", "search_documents", "search_backfill", *SEARCH_WORDS,
}  # fmt: skip
"""What tells of the running system rather than of its tickets, and what can be made again."""


async def tables_of(connection: AsyncConnection) -> list[Table]:
    """Return the tables to keep as they are in the database, referred-to ones first.

    Read from the database, not from `schema.py`, so that a schema which a newer version has
    expanded, or which has still to be contracted, loses no column.
    """
    found = MetaData()
    await connection.run_sync(found.reflect)
    return [table for table in found.sorted_tables if table.name not in _NOT_KEPT]


async def read_lines(
    connection: AsyncConnection, table: Table, seen: Callable[[Row], None]
) -> AsyncIterator[bytes]:
    """Yield the rows in the order of their keys, each as a line, after showing it to `seen`."""
    names = [str(column.name) for column in table.columns]
    statement = select(table).order_by(*table.primary_key.columns)
    stream = await connection.stream(statement, execution_options={"yield_per": BATCH})
    async for batch in stream.partitions():
        lines = bytearray()
        for row in batch:
            fields = dict(zip(names, row, strict=True))
            seen(fields)
            fields = {name: _encode(value) for name, value in fields.items()}
            lines += orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)
        yield bytes(lines)


def parse_lines(table: Table, file: IO[bytes]) -> Iterator[Row]:
    """Yield the rows; the types are those of the table into which they go."""
    decoders = {column.name: _decoder(column) for column in table.columns}
    for line in file:
        fields = orjson.loads(line)
        yield {
            name: None if value is None else decoders[name](value) for name, value in fields.items()
        }


def batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Yield the rows by the hundreds."""
    batch = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _encode(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        # SQLite keeps the UTC text without its zone.
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return value


def _decoder(column: Column[Any]) -> Callable[[Any], Any]:
    if isinstance(column.type, LargeBinary):
        return base64.b64decode
    if isinstance(column.type, DateTime):
        return lambda value: datetime.fromisoformat(value).astimezone(UTC)
    return lambda value: value
