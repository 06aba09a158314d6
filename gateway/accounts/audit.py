"""The audit log: who did what with accounts and people's data, in a chain that shows changes.

Each entry has a MAC over the MAC before it and its own content, keyed by the index key, so that
whoever has the database alone can neither change an entry nor write one. The head row counts the
entries and is sealed in the same way, so that a tail which was cut off is missed.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

import orjson
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.keys import Vault
from gateway.clock import Clock
from gateway.tickets.schema import audit, audit_head

COMMAND_LINE: Final = "command line"
CLOCK: Final = "clock"
NOBODY: Final = "nobody"
RESERVED: Final = frozenset({COMMAND_LINE, CLOCK, NOBODY})
"""Actors that are no accounts."""
_HEAD: Final = 1
_BROKEN: Final = b""
_BATCH: Final = 1000
_COLUMNS: Final = (audit.c.number, audit.c.at, audit.c.event, audit.c.actor, audit.c.detail)

Detail = Mapping[str, str | int | bool | list[str] | None]
"""What is told of an event: codes, counts, reasons; no fractions, which databases round."""


class AuditEvent(StrEnum):
    """What the log tells of."""

    SIGNED_IN = "signed_in"
    SIGN_IN_FAILED = "sign_in_failed"
    LOCKED_OUT = "locked_out"
    SIGNED_OUT = "signed_out"
    ACCOUNT_MADE = "account_made"
    ACCOUNT_CHANGED = "account_changed"
    ACCOUNT_DISABLED = "account_disabled"
    PEOPLE_SHOWN = "people_shown"
    PEOPLE_SEARCHED = "people_searched"
    PEOPLE_ERASED = "people_erased"
    EXPORTED = "exported"
    SURGE_SET = "surge_set"
    AUDIT_READ = "audit_read"


@dataclass(frozen=True, slots=True)
class Checked:
    """What a walk along the chain found; `number` and `mac` are the last entry's that is whole."""

    number: int
    mac: str
    fault: str | None = None
    """The first entry that is missing or not as it was written; None where there is none."""


class AuditLog:
    """Appends to the log; its readers and the walk along it need no more than the vault."""

    def __init__(self, vault: Vault, clock: Clock) -> None:
        self._vault = vault
        self._clock = clock

    async def append(
        self, connection: AsyncConnection, event: AuditEvent, actor: str, detail: Detail
    ) -> None:
        """Append an entry in the transaction of what it tells of; `actor` is an account's name.

        Writers wait here for each other until they commit: call it last.
        """
        number, mac, whole = await self._last(connection)
        values: dict[str, Any] = {
            "number": number + 1,
            "at": self._clock.now(),
            "event": event,
            "actor": actor,
            "detail": dict(detail),
        }
        new = _mac(self._vault, mac, values)
        await connection.execute(insert(audit).values(**values, mac=new))
        seal = _seal(self._vault, number + 1, new) if whole else _BROKEN
        head = {"number": number + 1, "mac": new, "seal": seal}
        await connection.execute(update(audit_head).where(audit_head.c.id == _HEAD).values(head))

    async def _last(self, connection: AsyncConnection) -> tuple[int, bytes, bool]:
        """Return the head, locked until the transaction ends, and whether it is whole.

        A head that is not goes on broken: to seal it anew would hide that a tail was cut off.
        """
        statement = select(audit_head).with_for_update()
        row = (await connection.execute(statement)).first()
        if row is None:
            await self._begin(connection)
            row = (await connection.execute(statement)).one()
        return row.number, row.mac, _is_whole(self._vault, row)

    async def _begin(self, connection: AsyncConnection) -> None:
        """Make the head for the first entry of all; where there are entries, it is missing."""
        statement = select(audit.c.number, audit.c.mac).order_by(audit.c.number.desc()).limit(1)
        last = (await connection.execute(statement)).first()
        values: dict[str, Any] = {"id": _HEAD, "number": 0, "mac": b""}
        if last is not None:
            values |= {"number": last.number, "mac": last.mac, "seal": _BROKEN}
        else:
            values["seal"] = _seal(self._vault, 0, b"")
        try:
            async with connection.begin_nested():
                await connection.execute(insert(audit_head).values(values))
        except IntegrityError:
            pass  # another process has just made it


async def read_audit(
    connection: AsyncConnection,
    *,
    before: int | None = None,
    actor: str | None = None,
    event: AuditEvent | None = None,
    limit: int,
) -> list[dict[str, Any]]:
    """Return the newest entries, newest first, of those below the number `before`."""
    statement = select(*_COLUMNS).order_by(audit.c.number.desc()).limit(limit)
    if before is not None:
        statement = statement.where(audit.c.number < before)
    if actor is not None:
        statement = statement.where(audit.c.actor == actor)
    if event is not None:
        statement = statement.where(audit.c.event == event)
    names = [str(column.name) for column in _COLUMNS]
    return [dict(zip(names, row, strict=True)) for row in await connection.execute(statement)]


async def check_audit(
    connection: AsyncConnection, vault: Vault, known: tuple[int, str] | None = None
) -> Checked:
    """Walk the chain in one snapshot, and name the first entry that is not as it was written.

    `known` is the end of an earlier walk, number and MAC: an entry that must still be there. It
    is what shows a log that was put back as a whole to an older state.
    """
    head = (await connection.execute(select(audit_head))).first()
    statement = select(*_COLUMNS, audit.c.mac).order_by(audit.c.number)
    rows = await connection.stream(statement, execution_options={"yield_per": _BATCH})
    number, mac = 0, b""
    async for row in rows.mappings():
        fault = _fault_of(vault, row, number, mac, known)
        if fault is not None:
            await rows.close()
            return Checked(number, mac.hex(), fault)
        number, mac = row["number"], bytes(row["mac"])
    return Checked(number, mac.hex(), _fault_of_head(vault, head, number, mac, known))


def _fault_of(
    vault: Vault, row: Any, number: int, mac: bytes, known: tuple[int, str] | None
) -> str | None:
    """Say what is wrong with the entry that comes after that one."""
    found = row["number"]
    if found > number + 1:
        return f"entry {number + 1} is missing"
    if found <= number:
        return f"entry {found} is false"
    if not hmac.compare_digest(bytes(row["mac"]), _mac(vault, mac, row)):
        return f"entry {found} is not as it was written"
    if known is not None and found == known[0] and row["mac"].hex() != known[1]:
        return f"entry {found} is not the one that is known"
    return None


def _fault_of_head(
    vault: Vault, head: Any, number: int, mac: bytes, known: tuple[int, str] | None
) -> str | None:
    """Say what is wrong where the entries themselves are whole."""
    if known is not None and known[0] > number:
        return f"entry {number + 1} is missing"
    if head is None:
        return "the head is missing" if number else None
    if not _is_whole(vault, head):
        return "the head is not as it was written"
    if head.number > number:
        return f"entry {number + 1} is missing"
    if head.number < number or bytes(head.mac) != mac:
        return f"entry {number} is false"
    return None


def _is_whole(vault: Vault, head: Any) -> bool:
    return hmac.compare_digest(bytes(head.seal), _seal(vault, head.number, bytes(head.mac)))


def _mac(vault: Vault, before: bytes, entry: Mapping[str, Any]) -> bytes:
    at: datetime = entry["at"]
    content = [
        entry["number"],
        at.astimezone(UTC).isoformat(timespec="microseconds"),
        str(entry["event"]),
        entry["actor"],
        entry["detail"],
    ]
    canonical = orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode()
    return vault.digest("audit", f"{before.hex()}{canonical}")


def _seal(vault: Vault, number: int, mac: bytes) -> bytes:
    return vault.digest("audit head", f"{number}/{mac.hex()}")
