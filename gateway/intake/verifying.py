"""A number is shown to be somebody's by a one-time code that is sent to it.

Whoever called from that number (by the call centre's word) may so add to the call's ticket from a
chat or from the web. Nobody learns from the answer whether a number has called: a code that was
never sent is never right.
"""

import hmac
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.keys import Vault
from gateway.intake.masking import normal_phone
from gateway.tickets import schema
from gateway.tickets.sealing import verification_context
from gateway.tickets.workflow import CLOSED

VOUCHED: Final = "vouched"
"""Where a number in `people` comes from that the call centre vouches for."""
GOOD_FOR: Final = timedelta(minutes=10)
_MOST_TRIES: Final = 5
_OF_CALLS_SINCE: Final = timedelta(days=30)
_MOST_A_DAY: Final = 5
"""Codes that one number is sent, or one conversation asks for, in a day."""
_table = schema.verifications.c
_CALL: Final = (
    select(schema.tickets.c.id)
    .join(schema.people, schema.people.c.ticket_id == schema.tickets.c.id)
    .where(
        schema.people.c.digest == bindparam("phone"),
        schema.people.c.kind == "phone",
        schema.people.c.source == VOUCHED,
        schema.tickets.c.status.not_in(CLOSED),
        schema.tickets.c.accepted_at >= bindparam("since"),
    )
    .order_by(schema.tickets.c.accepted_at.desc(), schema.tickets.c.id.desc())
    .limit(1)
)
_ASKED: Final = select(func.count()).select_from(schema.verifications)
_OPEN: Final = (
    select(*(_table[name] for name in ("id", "sealed_code", "ticket_id", "asked_on", "tries")))
    .where(
        _table.asker == bindparam("asker"),
        _table.used_at.is_(None),
        _table.expires_at > bindparam("now"),
    )
    .order_by(_table.number.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody's word that a number is theirs; `asker` is whoever will give the code."""

    asker: bytes
    row: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """The number is theirs: the ticket of the last call from it, and on which one they asked."""

    ticket_id: str
    asked_on: str | None


def claim_number(phone: str, asker: bytes, vault: Vault) -> Claim:
    """Return a claim with a code of its own; neither number nor code leaves in plain."""
    identity, number = uuid.uuid4().hex, normal_phone(phone)
    code = f"{secrets.randbelow(1_000_000):06d}"
    return Claim(
        asker,
        {
            "id": identity,
            "asker": asker,
            "phone": vault.digest("phone", number),
            "sealed_phone": vault.seal(number.encode(), verification_context(identity, "phone")),
            "sealed_code": vault.seal(code.encode(), verification_context(identity, "code")),
            "tries": 0,
            "attempts": 0,
        },
    )


async def begin(
    connection: AsyncConnection, claim: Claim, now: datetime, asked_on: str | None = None
) -> None:
    """Put the code down to be sent, if that number has called and was not asked for too often."""
    # What is a day old counts no more, and nobody's number is kept for longer.
    since = now - timedelta(days=1)
    await connection.execute(delete(schema.verifications).where(_table.made_at < since))
    of_phone = _ASKED.where(_table.phone == claim.row["phone"], _table.ticket_id.is_not(None))
    of_asker = _ASKED.where(_table.asker == claim.asker)
    found = {"phone": claim.row["phone"], "since": now - _OF_CALLS_SINCE}
    ticket_id = (await connection.execute(_CALL, found)).scalar()
    for asked in (of_phone, of_asker):
        if (await connection.execute(asked)).scalar_one() >= _MOST_A_DAY:
            ticket_id = None
    await connection.execute(
        insert(schema.verifications).values(
            **claim.row,
            asked_on=asked_on,
            ticket_id=ticket_id,
            made_at=now,
            expires_at=now + GOOD_FOR,
            not_before=now,
            sent_at=None if ticket_id else now,
        )
    )


async def is_asked(connection: AsyncConnection, asker: bytes, now: datetime) -> bool:
    """Whether a code is waited for from this asker."""
    return (await connection.execute(_OPEN, {"asker": asker, "now": now})).first() is not None


async def check(
    connection: AsyncConnection, asker: bytes, code: str, now: datetime, vault: Vault
) -> Shown | None:
    """Return what the code shows, and use it up; None where it is wrong, too old or too late.

    Each try counts, five at most.
    """
    locked = _OPEN.with_for_update()
    row = (await connection.execute(locked, {"asker": asker, "now": now})).first()
    if row is None or row.tries >= _MOST_TRIES:
        return None
    sealed = await vault.open(row.sealed_code, verification_context(row.id, "code"))
    right = hmac.compare_digest(sealed, code.encode("utf-8", "replace")) and row.ticket_id
    values: dict[str, Any] = {"used_at": now} if right else {"tries": row.tries + 1}
    await connection.execute(update(schema.verifications).where(_table.id == row.id).values(values))
    return Shown(row.ticket_id, row.asked_on) if right else None


async def is_vouched_for(connection: AsyncConnection, ticket_id: str, phone: bytes) -> bool:
    """Whether the call centre has vouched for this number (its digest) on that ticket."""
    people = schema.people.c
    statement = select(people.number).where(
        people.ticket_id == ticket_id,
        people.kind == "phone",
        people.digest == phone,
        people.source == VOUCHED,
    )
    return (await connection.execute(statement.limit(1))).first() is not None
