"""Personal data on demand: shown to whom it may be, and never without an entry in the log."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from sqlalchemy import insert, text, update
from sqlalchemy.exc import DBAPIError

from gateway.accounts.audit import AuditLog, read_audit
from gateway.accounts.keys import Vault
from gateway.accounts.people import NoLongerKept, People, ReporterHidden
from gateway.accounts.permissions import Account, Role
from gateway.clock import SimulatedClock
from gateway.tickets import schema
from gateway.tickets.database import Database
from gateway.tickets.sealing import medium_context, reporter_context, text_context
from gateway.tickets.store import TicketNotFound
from tests.accounts.conftest import START

TICKET = "261123000000011"
WANG = {"name": "王小明", "phone": "13900001111", "identity_number": None, "address": "三号楼",
        "email": None}  # fmt: skip
AGENT = Account("agent-07", Role.AGENT)
CLERK = Account("clerk", Role.UNIT_CLERK, "gas")
OTHER_CLERK = Account("other", Role.UNIT_CLERK, "heating")


@dataclass
class Desk:
    """A ticket of the unit `gas`, and whoever wants to see who sent it."""

    people: People
    database: Database

    async def ticket(self, **fields: Any) -> None:
        """Change the ticket."""
        await self.database.write(lambda c: c.execute(update(schema.tickets).values(fields)))

    async def told(self) -> list[dict[str, Any]]:
        """Return the details of what was shown, oldest first."""
        async with self.database.read() as connection:
            lines = await read_audit(connection, limit=100)
        return [line["detail"] | {"actor": line["actor"]} for line in reversed(lines)]


def _message(vault: Vault, identity: str, reporter: dict[str, Any] | None) -> dict[str, Any]:
    sealed = reporter and vault.seal(orjson.dumps(reporter), reporter_context(identity))
    return {
        "id": identity,
        "channel": "api",
        "message_id": identity,
        "ticket_id": TICKET,
        "received_at": START,
        "masked_text": "[电话]",
        "mask_spans": [],
        "body_digest": b"",
        "sealed_text": vault.seal(f"原文{identity}".encode(), text_context(identity)),
        "sealed_raw": vault.seal(b"{}", f"message/{identity}/raw"),
        "sealed_reporter": sealed or None,
    }


@pytest.fixture
async def desk(database: Database, vault: Vault, clock: SimulatedClock) -> Desk:
    """Three messages: of Wang, of nobody, and of Wang again."""
    ticket = {
        "id": TICKET, "channel": "api", "query_digest": b"", "sealed_query_code": b"",
        "status": "dispatched", "version": 2, "accepted_at": START, "surge": False,
        "complex": False, "kind": "complaint", "unit": "gas", "supporting_units": [],
        "untriaged": False, "automatic": False, "confirmation": "clock", "needs_triage": False,
        "triage_attempts": 1, "dispatched_at": START, "dispatched_unit": "gas",
    }  # fmt: skip
    medium = {
        "id": "d1", "message": "m1", "ticket_id": TICKET, "channel": "api", "attempts": 1,
        "not_before": START, "sealed_text": vault.seal("图中文字".encode(),
                                                       medium_context("d1", "text")),
    }  # fmt: skip
    messages = [
        _message(vault, "m1", WANG), _message(vault, "m2", None), _message(vault, "m3", WANG)
    ]  # fmt: skip
    async with database.engine.begin() as connection:
        await connection.execute(insert(schema.tickets).values(ticket))
        for message in messages:
            await connection.execute(insert(schema.messages).values(message))
        await connection.execute(insert(schema.media).values(medium))
    return Desk(People(database, vault, AuditLog(vault, clock)), database)


@pytest.mark.parametrize("account", [AGENT, CLERK], ids=["agent", "clerk"])
async def test_the_reporter_is_shown_as_they_said(desk: Desk, account: Account) -> None:
    """Each different reporter once, and the log has who, which ticket, which fields and why."""
    assert await desk.people.reporters(TICKET, account, "回拨") == [WANG]
    entry = {"ticket_id": TICKET, "fields": ["name", "phone", "address"], "reason": "回拨"}
    assert await desk.told() == [entry | {"actor": account.name}]


async def test_the_words_are_shown_as_they_were_told(desk: Desk) -> None:
    """The original of every message and medium, and an entry in the log."""
    found = await desk.people.words(TICKET, CLERK, "核实")
    assert found == [
        {"source": "m1", "text": "原文m1"},
        {"source": "m2", "text": "原文m2"},
        {"source": "m3", "text": "原文m3"},
        {"source": "d1", "text": "图中文字"},
    ]
    entry = {"ticket_id": TICKET, "fields": ["words"], "reason": "核实", "actor": "clerk"}
    assert await desk.told() == [entry]


WAYS: dict[str, Callable[[People, Account], Any]] = {
    "reporter": lambda people, account: people.reporters(TICKET, account, "核实"),
    "words": lambda people, account: people.words(TICKET, account, "核实"),
}
REPORTS: dict[str, dict[str, Any]] = {
    "a report": {"kind": "report"},
    "a report by an agent's word": {"kind": "report", "confirmation": "agent"},
    "what nobody has read": {"kind": None, "untriaged": True},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("what", REPORTS)
async def test_who_reports_is_hidden_from_units(desk: Desk, way: str, what: str) -> None:
    """Of a report, or of what may be one, a unit sees neither reporter nor words; an agent does."""
    await desk.ticket(**REPORTS[what])
    with pytest.raises(ReporterHidden):
        await WAYS[way](desk.people, CLERK)
    assert await desk.told() == []
    assert await WAYS[way](desk.people, AGENT)


@pytest.mark.parametrize("way", WAYS)
async def test_what_was_a_report_once_stays_hidden_until_an_agent_says_otherwise(
    desk: Desk, way: str
) -> None:
    """Triage that changes its mind does not open what it took for a report; an agent does."""
    for kind in ("report", "complaint"):
        row = {"ticket_id": TICKET, "version": 1, "made_at": START, "model": "m@1",
               "decision": {"kind": kind}}  # fmt: skip
        await desk.database.write(
            lambda c, row=row: c.execute(insert(schema.decisions).values(row))  # type: ignore[misc]
        )
    with pytest.raises(ReporterHidden):
        await WAYS[way](desk.people, CLERK)
    await desk.ticket(confirmation="agent")
    assert await WAYS[way](desk.people, CLERK)


@pytest.mark.parametrize("way", WAYS)
async def test_another_units_ticket_is_none(desk: Desk, way: str) -> None:
    """A clerk is not even told that there is one; also when it was the unit's before."""
    with pytest.raises(TicketNotFound):
        await WAYS[way](desk.people, OTHER_CLERK)
    await desk.ticket(dispatched_unit=None)
    for account in (CLERK, Account("lost", Role.UNIT_CLERK)):
        with pytest.raises(TicketNotFound):
            await WAYS[way](desk.people, account)
    await desk.ticket(dispatched_unit="heating")
    assert await WAYS[way](desk.people, OTHER_CLERK)
    assert [entry["actor"] for entry in await desk.told()] == ["other"]


@pytest.mark.parametrize("way", WAYS)
async def test_what_is_no_longer_kept_cannot_be_shown(desk: Desk, way: str) -> None:
    """After the data was erased the answer says so, and nothing was shown that is told of."""
    erased = update(schema.messages).values(sealed_raw=b"", sealed_text=b"", sealed_reporter=None)
    await desk.database.write(lambda c: c.execute(erased))
    with pytest.raises(NoLongerKept):
        await WAYS[way](desk.people, AGENT)
    assert await desk.told() == []


async def test_nothing_is_shown_that_cannot_be_told_of(desk: Desk) -> None:
    """Where the entry cannot be written, nobody sees anything."""
    await desk.database.write(lambda c: c.execute(text("DROP TABLE audit")))
    for way in WAYS.values():
        with pytest.raises(DBAPIError):
            await way(desk.people, AGENT)
