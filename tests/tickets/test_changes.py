"""Following the history: each line is seen once, in whatever order other processes commit."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from gateway.tickets import schema
from gateway.tickets.changes import MOST, FellBehind, HistoryPlace, newest_place, read_changes
from gateway.tickets.database import Database, open_database
from tests.dispatch.line import START


def _line(number: int, ticket: str) -> dict[str, object]:
    return {
        "number": number, "ticket_id": ticket, "version": 1, "at": START, "event": "received",
        "actor": "inbox", "status": "received", "detail": {},
    }  # fmt: skip


async def _write(database: Database, *numbers: int) -> None:
    rows = [_line(number, f"ticket-{number}") for number in numbers]
    await database.write(lambda c: c.execute(insert(schema.history), rows))


async def _read(database: Database, place: HistoryPlace, now: float = 0) -> list[str]:
    async with database.read() as connection:
        return await read_changes(connection, place, now)


@given(st.permutations(range(1, 30)), st.lists(st.integers(1, 8), min_size=1, max_size=40))
def test_every_line_is_read_once(order: Sequence[int], sizes: Sequence[int]) -> None:
    """However commits of several processes come, each number is asked for until it was read."""
    place, committed, read = HistoryPlace(0), set[int](), list[int]()
    rest = list(order)
    for size in (*sizes, *[30]):
        committed |= set(rest[:size])
        del rest[:size]
        asked = sorted(n for n in committed if n > place.newest or n in place.missing)
        place.take(asked, 0.0)
        read += asked
        assert all(number in read for number in range(1, place.resumable + 1))
    assert sorted(read) == list(range(1, 30))
    assert place.resumable == 29


def test_a_number_that_was_never_committed_is_given_up() -> None:
    """What a failed transaction left out is asked for ten seconds long, not for ever."""
    place = HistoryPlace(4)
    seen = []
    for number, now in ((6, 100.0), (7, 109.0), (8, 111.0)):
        place.take([number], now)
        seen.append((place.missing, place.resumable))
    assert seen == [((5,), 4), ((5,), 4), ((), 8)]


async def test_changes_are_told_by_ticket(database: Database) -> None:
    """Each ticket once, oldest change first; then only what has come since."""
    await _write(database, 1, 2)
    place = HistoryPlace(0)
    assert await _read(database, place) == ["ticket-1", "ticket-2"]
    assert await _read(database, place) == []
    await _write(database, 5)
    assert await _read(database, place) == ["ticket-5"]
    await _write(database, 4)
    assert await _read(database, place) == ["ticket-4"]
    assert place.resumable == 2


async def test_who_is_far_behind_begins_anew(database: Database) -> None:
    """More lines than can be told one by one are passed over at once."""
    await _write(database, *range(1, MOST + 2))
    place = HistoryPlace(0)
    with pytest.raises(FellBehind):
        await _read(database, place)
    assert place.newest == MOST + 1
    assert await _read(database, place) == []
    async with database.read() as connection:
        assert await newest_place(connection) == MOST + 1


async def test_a_transaction_that_ends_late_is_not_missed(migrated_copy: str) -> None:
    """A smaller number, committed after a larger one was read, is read all the same."""
    slow, fast = open_database(migrated_copy), open_database(migrated_copy)
    place = HistoryPlace(0)
    async with slow.engine.begin() as connection:
        await connection.execute(insert(schema.history), [_line(1, "slow")])
        await _write(fast, 2)
        assert await _read(fast, place) == ["ticket-2"]
        assert place.resumable == 0
    assert await _read(fast, place) == ["slow"]
    assert place.resumable == 2
    await slow.close()
    await fast.close()


@pytest.fixture
def migrated_copy(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a migrated PostgreSQL database, on which several may write at once."""
    server = request.getfixturevalue("postgres_server")
    url: str = server.create(template=request.getfixturevalue("migrated_postgres"))
    yield url
    server.drop(url)
