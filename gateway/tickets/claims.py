"""Claims: which agent is at work on a ticket, so that no two ever act on the same one.

A claim is a row with a time. Whoever acts on a ticket has it locked (`lock_ticket`) and looks for
another's claim in the same transaction: what stands here holds whichever process or page it is.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import and_, bindparam, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.tickets import schema
from gateway.tickets.numbers import BEIJING
from gateway.tickets.refusal import Refused

_table = schema.claims.c
_LIVING: Final = select(schema.claims).where(
    _table.ticket_id == bindparam("of"), _table.until > bindparam("now")
)
_DROP: Final = delete(schema.claims).where(_table.ticket_id == bindparam("of"))


@dataclass(frozen=True, slots=True)
class Claim:
    """That a ticket is an agent's until a time, UTC.

    `handed_by` is the colleague who handed it over, with a masked note if they left one.
    """

    ticket_id: str
    agent: str
    until: datetime
    handed_by: str | None = None
    note: str | None = None


async def living_claim(connection: AsyncConnection, ticket_id: str, now: datetime) -> Claim | None:
    """Return the claim that holds now; None where the ticket is nobody's."""
    row = (await connection.execute(_LIVING, {"of": ticket_id, "now": now})).first()
    return Claim(*row) if row else None


async def check_free(
    connection: AsyncConnection, ticket_id: str, agent: str, now: datetime
) -> Claim | None:
    """Raise `Refused` where somebody else has the ticket; return the agent's own claim, if any.

    The ticket must be locked, or what was checked may be over before the transaction is.
    """
    claim = await living_claim(connection, ticket_id, now)
    if claim is not None and claim.agent != agent:
        until = claim.until.astimezone(BEIJING)
        raise Refused(
            "claimed-by-another",
            f"{claim.agent} is at work on the ticket until {until:%H:%M:%S}: take another one, or "
            "ask for it to be handed over",
            f"{claim.agent} 正在处理该工单(至 {until:%H:%M:%S}),请处理其他工单,或请对方转交",
        )
    return claim


async def put_claim(connection: AsyncConnection, claim: Claim) -> None:
    """Let the claim stand, whosever stood there before; the ticket must be locked."""
    await connection.execute(_DROP, {"of": claim.ticket_id})
    await connection.execute(insert(schema.claims).values(asdict(claim)))


async def let_go(connection: AsyncConnection, ticket_id: str) -> None:
    """Let the ticket be nobody's; the ticket must be locked."""
    await connection.execute(_DROP, {"of": ticket_id})


def with_claims(now: datetime) -> tuple[Any, Sequence[Any]]:
    """Return what to join tickets with (outer), and the columns of the claims that hold now."""
    joined = schema.tickets.outerjoin(
        schema.claims, and_(_table.ticket_id == schema.tickets.c.id, _table.until > now)
    )
    return joined, (_table.agent.label("claimed_by"), _table.until.label("claimed_until"))
