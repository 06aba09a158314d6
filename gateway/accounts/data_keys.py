"""The wrapped data keys in the database."""

from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.keys import KeyFile, WrappedKey, unwrap, wrap
from gateway.tickets.database import Database
from gateway.tickets.schema import data_keys


class StoredDataKeys:
    """`DataKeys` over the table of that name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> list[WrappedKey]:
        """Return all wrapped data keys."""
        async with self._database.read() as connection:
            rows = await connection.execute(
                select(data_keys.c.number, data_keys.c.key_id, data_keys.c.wrapped)
            )
            return [WrappedKey(*row) for row in rows]

    async def add(self, key_id: str, wrapped: bytes) -> int:
        """Keep a wrapped data key and return its number."""

        async def work(connection: AsyncConnection) -> int:
            found = await connection.execute(
                insert(data_keys).values(key_id=key_id, wrapped=wrapped)
            )
            return int(found.inserted_primary_key[0])  # type: ignore[index]

        return await self._database.write(work)

    async def wrap_anew(self, key_file: KeyFile) -> int:
        """Wrap every data key under the primary key; return how many there were."""
        rows = await self.load()
        primary = key_file.keys[key_file.primary]
        anew = [
            {
                "of": row.number,
                "key_id": key_file.primary,
                "wrapped": wrap(primary, unwrap(key_file, row)),
            }
            for row in rows
        ]
        statement = update(data_keys).where(data_keys.c.number == bindparam("of"))
        values: dict[str, Any] = {"key_id": bindparam("key_id"), "wrapped": bindparam("wrapped")}
        if anew:
            await self._database.write(lambda c: c.execute(statement.values(values), anew))
        return len(anew)
