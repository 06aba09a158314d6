"""Vectors of phrasings, kept beside the edits so that a start need not read all entries anew.

They can be made again at any time: a backup leaves them out, and another encoder's stand beside.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.knowledge.entries import Content
from gateway.knowledge.meanings import Halves
from gateway.knowledge.reader import Reader
from gateway.tickets import schema
from gateway.tickets.many import ManyRows

_table = schema.knowledge_vectors
_PUT: Final = {
    dialect.dialect.name: ManyRows(dialect.insert(_table).on_conflict_do_nothing())
    for dialect in (sqlite, postgresql)
}


def vectors_of(content: Content, reader: Reader) -> Halves:
    """Return the vectors of every way of asking, float16 (phrasings, size)."""
    vectors = [reader.read(phrasing) for phrasing in content.phrasings]
    return np.stack(vectors).astype(np.float16)


async def kept_vectors(
    connection: AsyncConnection, encoder: str, edits: Iterable[int]
) -> dict[int, Halves]:
    """Return the vectors of those edits that this encoder has read already."""
    statement = select(_table.c.edit, _table.c.rows, _table.c.vectors).where(
        _table.c.encoder == encoder, _table.c.edit.in_(list(edits))
    )
    return {
        edit: np.frombuffer(vectors, np.float16).reshape(rows, -1)
        for edit, rows, vectors in await connection.execute(statement)
    }


async def keep_vectors(
    connection: AsyncConnection, encoder: str, made: Mapping[int, Halves]
) -> None:
    """Keep what was made; where another process has kept it meanwhile, that stays."""
    rows: list[dict[str, Any]] = [
        {"edit": edit, "encoder": encoder, "rows": len(vectors), "vectors": vectors.tobytes()}
        for edit, vectors in made.items()
    ]
    await _PUT[connection.dialect.name].run(connection, rows)
