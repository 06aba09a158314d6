"""An agent (坐席) accepts or corrects the route; for ten seconds that can be undone."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.bell import Bell
from gateway.clock import Clock
from gateway.dispatch.outbox import enqueue, load_drafts, take_back
from gateway.tickets import schema
from gateway.tickets.addressing import LOCAL_GOVERNMENT
from gateway.tickets.claims import check_free, let_go
from gateway.tickets.database import Database
from gateway.tickets.refusal import Refused, check_current
from gateway.tickets.store import Happening, lock_ticket, save
from gateway.tickets.ticket import ClockRules, Ticket, set_clocks
from gateway.tickets.workflow import Confirmation
from triage.decision import Kind, Tier
from triage.routing import route_to

CHOICES: Final = (
    "kind", "topic", "matter", "tier", "route", "unit", "supporting_units", "district", "street",
    "complex",
)  # fmt: skip
"""What an agent may set; what is not given stays as triage had it."""
_REMEMBERED: Final = (*CHOICES, "confirmation", "confirmed_by", "confirmed_at", "untriaged")


@dataclass(slots=True)
class ConfirmationDesk:
    """Where agents' choices become versions of tickets."""

    database: Database
    clock: Clock
    rules: ClockRules
    undo_for: timedelta
    units: frozenset[str]
    decided: Bell

    async def confirm(
        self, ticket_id: str, agent: str, version: int, choice: Mapping[str, Any]
    ) -> Ticket:
        """Confirm the ticket as it stands at that version, with the agent's corrections.

        Raises `Refused` and `TicketNotFound`.
        """
        return await self.database.write(
            lambda connection: self._confirm(connection, ticket_id, agent, version, choice)
        )

    async def undo(self, ticket_id: str, agent: str) -> Ticket:
        """Take the last confirmation back; raise `Refused` when it is too late."""
        return await self.database.write(
            lambda connection: self._undo(connection, ticket_id, agent)
        )

    async def _confirm(
        self,
        connection: AsyncConnection,
        ticket_id: str,
        agent: str,
        version: int,
        choice: Mapping[str, Any],
    ) -> Ticket:
        now = self.clock.now()
        before = await lock_ticket(connection, ticket_id)
        await check_free(connection, ticket_id, agent, now)
        check_current(before, version, "confirm", "确认")
        after = self._chosen(before, choice)
        self._check_unit(after)
        after = replace(
            after,
            version=before.version + 1,
            confirmation=Confirmation.AGENT,
            confirmed_by=agent,
            confirmed_at=now,
            untriaged=False,
        )
        after = set_clocks(after, self.rules)
        corrected = sorted(
            name for name in CHOICES if getattr(before, name) != getattr(after, name)
        )
        await self._note(connection, "confirmed", before, after, agent, now)
        await save(
            connection, [Happening(after, "confirmed", agent, now, {"corrected": corrected})]
        )
        await enqueue(
            connection, await load_drafts(connection, [after]), now, hold_until=now + self.undo_for
        )
        await let_go(connection, ticket_id)
        return after

    async def _undo(self, connection: AsyncConnection, ticket_id: str, agent: str) -> Ticket:
        now = self.clock.now()
        ticket = await lock_ticket(connection, ticket_id)
        await check_free(connection, ticket_id, agent, now)
        noted = await _last_note(connection, ticket_id)
        if noted is None or noted.event != "confirmed" or noted.version != ticket.version:
            raise Refused(
                "nothing-to-undo",
                "the ticket's last change is no confirmation",
                "该工单最近一次变更不是确认操作,无法撤销",
            )
        if not await take_back(connection, ticket_id, ticket.version):
            raise Refused(
                "too-late-to-undo",
                f"a confirmation can be undone for {self.undo_for.total_seconds():g} seconds; "
                "correct the ticket instead",
                f"确认后 {self.undo_for.total_seconds():g} 秒内可撤销,现已超时,请改为更正工单",
            )
        restored = {name: noted.before[name] for name in _REMEMBERED}
        restored["tier"] = Tier(restored["tier"]) if restored["tier"] else None
        restored["confirmation"] = Confirmation(restored["confirmation"])
        restored["supporting_units"] = tuple(restored["supporting_units"])
        if restored["confirmed_at"]:
            restored["confirmed_at"] = datetime.fromisoformat(restored["confirmed_at"])
        after = set_clocks(replace(ticket, version=ticket.version + 1, **restored), self.rules)
        await self._note(connection, "undone", ticket, after, agent, now)
        await save(connection, [Happening(after, "confirmation_undone", agent, now)])
        return after

    def _chosen(self, ticket: Ticket, choice: Mapping[str, Any]) -> Ticket:
        values = {name: value for name, value in choice.items() if name in CHOICES}
        if "supporting_units" in values:
            values["supporting_units"] = tuple(values["supporting_units"])
        if values.get("tier"):
            values["tier"] = Tier(values["tier"])
        after = replace(ticket, **values)
        if after.unit == LOCAL_GOVERNMENT and after.district:
            after = replace(after, unit=after.district)
        if LOCAL_GOVERNMENT in after.supporting_units and after.district:
            named = (
                after.district if code == LOCAL_GOVERNMENT else code
                for code in after.supporting_units
            )
            others = dict.fromkeys(code for code in named if code != after.unit)
            after = replace(after, supporting_units=tuple(others))
        return after if "route" in values else _routed(ticket, after)

    def _check_unit(self, ticket: Ticket) -> None:
        if ticket.unit is None or LOCAL_GOVERNMENT in (ticket.unit, *ticket.supporting_units):
            raise Refused(
                "unit-missing",
                "name the unit: for local government's business that of its district",
                "请指定承办单位;属地事项请指定所在区",
            )
        # A district's code is that of its government.
        for code in filter(None, (ticket.unit, *ticket.supporting_units, ticket.district)):
            if code not in self.units:
                raise Refused(
                    "unknown-unit", f"{code} is no unit's code", f"{code} 不是有效的单位代码"
                )

    async def _note(
        self,
        connection: AsyncConnection,
        event: str,
        before: Ticket,
        after: Ticket,
        agent: str,
        now: datetime,
    ) -> None:
        """Keep the agent's choice beside the decision that it follows, to learn from."""
        await connection.execute(
            insert(schema.confirmations).values(
                ticket_id=after.id,
                version=after.version,
                event=event,
                agent=agent,
                at=now,
                choice={name: _plain(getattr(after, name)) for name in CHOICES},
                before={name: _plain(getattr(before, name)) for name in _REMEMBERED},
            )
        )


def _routed(before: Ticket, after: Ticket) -> Ticket:
    """Return the ticket with the route that fits what the agent has corrected."""
    if after.unit is None or all(
        getattr(before, name) == getattr(after, name)
        for name in ("kind", "tier", "unit", "supporting_units")
    ):
        return after
    kind = Kind(after.kind) if after.kind else None
    return replace(after, route=route_to(kind, after.tier, after.unit, after.supporting_units))


async def _last_note(connection: AsyncConnection, ticket_id: str) -> Any:
    table = schema.confirmations.c
    rows = await connection.execute(
        select(table.event, table.version, table.before)
        .where(table.ticket_id == bindparam("of"))
        .order_by(table.number.desc())
        .limit(1),
        {"of": ticket_id},
    )
    return rows.first()


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
