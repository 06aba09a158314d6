"""One statement for many rows, the same on both databases as row by row."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, bindparam, insert, select, update
from sqlalchemy.dialects.sqlite.aiosqlite import dialect

from gateway.tickets import schema
from gateway.tickets.database import Database
from gateway.tickets.many import ManyRows

NOW = datetime(2026, 11, 26, 8, 30, tzinfo=UTC)
COLUMNS = [column for column in schema.history.c if column.name != "number"]


def row(number: int) -> dict[str, Any]:
    """One line of history, with every type that a table has."""
    return {
        "ticket_id": f"{number:015d}", "version": number, "at": NOW, "event": "received",
        "actor": "citizen", "status": "received", "detail": {"名": ["一", number]},
    }  # fmt: skip


async def stored(database: Database) -> list[dict[str, Any]]:
    """All of the history, as SQLAlchemy reads it."""
    async with database.read() as connection:
        found = await connection.execute(select(*COLUMNS).order_by(schema.history.c.number))
        return [dict(item._mapping) for item in found]


@pytest.mark.parametrize("many", [0, 1, 50])
async def test_what_is_written_is_read_back(database: Database, many: int) -> None:
    """None, one or many rows; times, numbers and documents come back as they were."""
    rows = [row(number) for number in range(many)]
    await database.write(lambda c: ManyRows(insert(schema.history)).run(c, rows))
    assert await stored(database) == rows


async def test_an_update_sets_what_it_says_and_nothing_else(database: Database) -> None:
    """Constants stand in every row; a column that only the row names stays as it was."""
    table = schema.leases
    begun = [{"name": name, "holder": "nobody", "until": NOW} for name in ("relay", "clock")]
    await database.write(lambda c: ManyRows(insert(table)).run(c, begun))
    take = ManyRows(
        update(table)
        .where(table.c.name == bindparam("of"), table.c.holder == "nobody")
        .values(holder=bindparam("by"))
    )
    later = NOW + timedelta(days=1)
    rows = [
        {"of": name, "by": by, "until": later} for name, by in (("relay", "one"), ("clock", "two"))
    ]
    await database.write(lambda c: take.run(c, rows))
    async with database.read() as connection:
        found = await connection.execute(select(table).order_by(table.c.name))
        assert list(found) == [("clock", "two", NOW), ("relay", "one", NOW)]


async def test_a_row_that_lacks_a_name_is_refused(database: Database) -> None:
    """All rows have the names of the first: nothing is left out in silence."""
    short = {name: value for name, value in row(2).items() if name != "event"}
    with pytest.raises(KeyError):
        await database.write(lambda c: ManyRows(insert(schema.history)).run(c, [row(1), short]))
    assert await stored(database) == []


def test_a_column_has_its_own_default_where_no_row_says_anything() -> None:
    """A newer version's table may have columns that these rows do not know."""
    table = Table("t", MetaData(), Column("a", Integer), Column("b", String, default="new"))
    _, parameters = ManyRows(insert(table))._for(dialect(), ("a",))
    assert [parameter.of({"a": 1}) for parameter in parameters] == [1, "new"]
