"""Indexes on large tables, which a schema step asks for: built while others write."""

from collections.abc import Sequence
from typing import Any, Final

from alembic.operations import Operations
from alembic.script import Script
from sqlalchemy import text

from gateway.tickets.database import Database

Wanted = tuple[str, str, str, str]
"""Name, table and column of an index, and the condition of a partial one, else nothing."""
_IS_BROKEN: Final = text(
    "SELECT NOT indisvalid FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid "
    "WHERE relname = :name AND pg_table_is_visible(pg_class.oid)"
)


def wanted_indexes(script: Script) -> Sequence[Wanted]:
    """Return the indexes of a step, which it names in `indexes`."""
    found: Any = getattr(script.module, "indexes", ())
    return tuple(found)


async def build_concurrently(database: Database, wanted: Sequence[Wanted]) -> None:
    """Build the indexes over PostgreSQL, before their step's transaction and outside of any.

    Writers go on meanwhile; it waits for the transactions that were there before. What an attempt
    that broke off has left, PostgreSQL never uses: it is dropped and built anew.
    """
    if database.is_embedded or not wanted:
        return
    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        for name, table, column, where in wanted:
            broken = await connection.scalar(_IS_BROKEN, {"name": name})
            if broken:
                await connection.execute(text(f"DROP INDEX CONCURRENTLY {name}"))
            if broken in (True, None):
                # Names of columns may be words of SQL.
                statement = f'CREATE INDEX CONCURRENTLY {name} ON {table} ("{column}")'
                condition = f" WHERE {where}" if where else ""
                await connection.execute(text(statement + condition))


def build_inside(operations: Operations, wanted: Sequence[Wanted]) -> None:
    """Build the indexes in the step's transaction: on SQLite, where nobody else serves."""
    for name, table, column, where in wanted:
        condition = text(where) if where else None
        operations.create_index(name, table, [column], sqlite_where=condition)
