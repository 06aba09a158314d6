"""One statement for many rows, compiled once.

SQLAlchemy builds a dictionary of parameters for every row anew, which costs several times what
the database takes for the row itself (docs/performance.md). Here a row becomes a tuple in one
step; types are still bound by the schema, on either database.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from sqlalchemy import Executable, Insert
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.schema import ScalarElementColumnDefault

Row = Mapping[str, Any]
_MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class _Parameter:
    """One place of the compiled statement: its name in the row, or the constant that it holds."""

    name: str
    constant: Any
    bind: Callable[[Any], Any] | None

    def of(self, row: Row) -> Any:
        value = row[self.name] if self.constant is _MISSING else self.constant
        return self.bind(value) if self.bind is not None else value


class ManyRows:
    """An insert, update or deletion that is run with a list of rows, all with the same names."""

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self._compiled: dict[tuple[str, tuple[str, ...]], tuple[str, list[_Parameter]]] = {}

    async def run(self, connection: AsyncConnection, rows: Sequence[Row]) -> None:
        """Run it for each row, if there are any; a name that a row lacks raises KeyError."""
        if not rows:
            return
        sql, parameters = self._for(connection.dialect, tuple(rows[0]))
        values = [tuple([parameter.of(row) for parameter in parameters]) for row in rows]
        await connection.exec_driver_sql(sql, values)

    def _for(self, dialect: Dialect, names: tuple[str, ...]) -> tuple[str, list[_Parameter]]:
        found = self._compiled.get((dialect.name, names))
        if found is None:
            found = self._compile(dialect, names)
            self._compiled[dialect.name, names] = found
        return found

    def _compile(self, dialect: Dialect, names: tuple[str, ...]) -> tuple[str, list[_Parameter]]:
        # An insert sets what its rows name; an update or a deletion says itself what it does.
        keys = list(names) if isinstance(self._statement, Insert) else None
        compiled = cast(
            SQLCompiler,
            cast(ClauseElement, self._statement).compile(
                dialect=dialect, column_keys=keys, for_executemany=True
            ),
        )
        constants = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        # What a column has where no row says anything, as a newer version's may.
        constants |= {
            column.key: column.default.arg
            for column in compiled.insert_prefetch
            if isinstance(column.default, ScalarElementColumnDefault)
        }
        return compiled.string, [
            _Parameter(
                name,
                constants.get(name, _MISSING),
                compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect),
            )
            for name in compiled.positiontup or ()
        ]
