"""The line of one ticket, on both databases, and what supervisors look at it with."""

from typing import Any

import pytest

from gateway.accounts.audit import AuditLog
from gateway.leases import Lease
from gateway.oversight.hours import HourKeeper
from gateway.oversight.search_index import SearchIndex
from gateway.oversight.searching import Question, search
from gateway.oversight.surges import SurgeSwitch
from tests.dispatch.conftest import line
from tests.dispatch.line import Line

__all__ = ["line"]


@pytest.fixture
def switch(line: Line) -> SurgeSwitch:
    """Where a supervisor opens and closes a surge."""
    log = AuditLog(line.vault, line.clock)
    return SurgeSwitch(line.database, line.clock, log, forced=False)


@pytest.fixture
def index(line: Line) -> SearchIndex:
    """What keeps the index of the search."""
    return SearchIndex(line.database, line.clock, Lease(line.database, line.clock, "search"))


@pytest.fixture
def keeper(line: Line) -> HourKeeper:
    """What counts the hours that are over."""
    return HourKeeper(line.database, line.clock, Lease(line.database, line.clock, "hours"))


async def found(line: Line, words: str = "", **fields: Any) -> list[str]:
    """Return the numbers of the tickets that a search finds."""
    async with line.database.read() as connection:
        page = await search(connection, Question(words, **fields))
    return [ticket["ticket_id"] for ticket in page.tickets]


async def indexed(index: SearchIndex) -> None:
    """Let the index catch up."""
    while await index.lease.hold() and await index.step():
        pass


async def counted(keeper: HourKeeper) -> None:
    """Let the hours be counted."""
    while await keeper.lease.hold() and await keeper.step():
        pass
