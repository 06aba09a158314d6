"""The store on both databases, and what writes entries."""

from datetime import UTC, date, datetime

import pytest

from gateway.clock import SimulatedClock
from gateway.knowledge.entries import Content, Source
from gateway.knowledge.store import EntryStore
from gateway.tickets.database import Database
from triage.decision import Topic

START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


def content(
    question: str,
    answer: str = "请拨打服务电话咨询。",
    *asks: str,
    since: date | None = None,
    until: date | None = None,
) -> Content:
    """An entry's content; only what matters to a test is said."""
    return Content(
        question=question,
        answer=answer,
        asks=asks,
        topic=Topic("城乡建设"),
        unit="heating",
        source=Source("测试公告", "https://example.org/"),
        owner="chief",
        valid_from=since,
        valid_to=until,
    )


@pytest.fixture
def clock() -> SimulatedClock:
    """A clock that stands still."""
    return SimulatedClock(START)


@pytest.fixture
def store(database: Database, clock: SimulatedClock) -> EntryStore:
    """An empty knowledge base."""
    return EntryStore(database, clock)
