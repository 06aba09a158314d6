"""How fast supervisors search and see the day, with as many tickets as some weeks bring."""

import random
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.bench.appeals import SEED, compose
from gateway.bench.load import Measured
from gateway.bench.rows import Row
from gateway.clock import Clock
from gateway.leases import Lease
from gateway.oversight.hours import COMPARED, HourKeeper
from gateway.oversight.overview import overview, today
from gateway.oversight.search_index import REVISIONS, SearchIndex, write_terms
from gateway.oversight.searching import Question, search
from gateway.oversight.terms import terms_of
from gateway.tickets import schema
from gateway.tickets.database import Database, open_database
from gateway.tickets.many import ManyRows
from gateway.tickets.migrate import migrate
from gateway.tickets.numbers import ticket_id

_TICKETS: Final = 200_000
_TODAY: Final = 0.05
"""Share of the tickets that were accepted today; the others lie in eight weeks before."""
_SEARCHES: Final = 400
_OVERVIEWS: Final = 40
_AT_ONCE: Final = 1_000
_INDEXED: Final = 1_000
"""So many of the tickets are indexed by the worker itself, and measured."""
_UNITS: Final = ("water-supply", "housing", "gas", "fire-rescue", "traffic", "heating")
_TIERS: Final = ("general", "general", "general", "livelihood", "livelihood", "emergency")
QUESTIONS: Final = (
    Question("停水"), Question("物业 电梯"), Question("小区"), Question("水"),
    Question("没有的词语"),
    Question("暖气", unit="heating"), Question("噪音 夜里", tier="livelihood"),
    Question(status="returned"), Question(unit="gas", tier="emergency"),
)  # fmt: skip
"""A word, two, one that nearly all have, a single character, one that none has, and others."""


async def measure_search(
    clock: Clock, many: Callable[[int], int], url: str | None = None
) -> list[Row]:
    """Searches and overviews one after another over a database of its own; SQLite by default."""
    count = many(_TICKETS)
    async with _filled(clock, count, url) as database:
        indexing = await _index(database, clock)
        searches = [
            await _timed(database, clock, partial(search, question=question))
            for question in islice(cycle(QUESTIONS), many(_SEARCHES))
        ]
        now = clock.now()
        look = partial(overview, day=today(now), now=now)
        days = [await _timed(database, clock, look) for _ in range(many(_OVERVIEWS))]
    slowest = [max(searches[place :: len(QUESTIONS)]) * 1000 for place in range(len(QUESTIONS))]
    return [
        _row(f"search among {count:,} tickets, median / p99", searches, "200 ms"),
        Row(
            "search: the slowest of each kind of question",
            " / ".join(f"{slow:.0f}" for slow in slowest) + " ms",
        ),
        _row(f"overview of a day at {count:,} tickets, median / p99", days, "200 ms"),
        Row("search: tickets indexed", f"{min(count // 2, _INDEXED) / indexing:,.0f} /s"),
    ]


def _row(figure: str, spans: list[float], goal: str) -> Row:
    measured = Measured(latencies=spans, seconds=sum(spans))
    value = f"{measured.percentile(0.5):.1f} / {measured.percentile(0.99):.1f} ms"
    return Row(figure, value, goal)


async def _timed(database: Database, clock: Clock, work: Callable[[AsyncConnection], Any]) -> float:
    async with database.read() as connection:
        started = clock.monotonic()
        await work(connection)
        return clock.monotonic() - started


@asynccontextmanager
async def _filled(clock: Clock, count: int, url: str | None) -> AsyncIterator[Database]:
    with tempfile.TemporaryDirectory(prefix="jiesu-") as folder:
        database = open_database(url or f"sqlite+aiosqlite:///{Path(folder)}/bench.sqlite3")
        try:
            await migrate(database, clock)
            await _fill(database, clock.now(), count)
            yield database
        finally:
            await database.close()


async def _index(database: Database, clock: Clock) -> float:
    """Let both workers catch up; return the seconds that the index took."""
    index = SearchIndex(database, clock, Lease(database, clock, "search"))
    keeper = HourKeeper(database, clock, Lease(database, clock, "hours"))
    started = clock.monotonic()
    while await index.lease.hold() and await index.step():
        pass
    took = clock.monotonic() - started
    while await keeper.lease.hold() and await keeper.step():
        pass
    return took


async def _fill(database: Database, now: datetime, count: int) -> None:
    """Write tickets with their words, and what agents confirmed of today's."""
    chance = random.Random(SEED)  # noqa: S311
    texts = compose(min(count, 20_000))
    new = [ManyRows(insert(table)) for table in _TABLES]
    since, begin = now - timedelta(weeks=8), now - timedelta(hours=8)
    times = sorted(
        begin + (now - begin) * chance.random()
        if chance.random() < _TODAY
        else since + (begin - since) * chance.random()
        for _ in range(count)
    )
    for start in range(0, count, _AT_ONCE):
        rows = [
            _ticket(number, times[number], texts[number % len(texts)], chance, now)
            for number in range(start, min(count, start + _AT_ONCE))
        ]

        async def work(connection: AsyncConnection, rows: list[Any] = rows) -> None:
            for place, table in enumerate(new):
                await table.run(connection, [row[place] for row in rows if row[place] is not None])

        await database.write(work)
    await _write_index(database, texts, [ticket_id(*pair) for pair in enumerate(times)])


async def _write_index(database: Database, texts: list[str], names: list[str]) -> None:
    """Write what the worker would have written of all but the last tickets, each text cut once."""
    cut = [terms_of(text) for text in texts]
    documents = ManyRows(insert(schema.search_documents))
    done = len(names) - min(len(names) // 2, _INDEXED)
    for start in range(0, done, _AT_ONCE):
        numbers = range(start, min(done, start + _AT_ONCE))

        async def work(connection: AsyncConnection, numbers: range = numbers) -> None:
            rows = {number: (number + 1) * REVISIONS for number in numbers}
            await documents.run(
                connection,
                [{"number": row, "ticket_id": names[number]} for number, row in rows.items()],
            )
            terms = {row: cut[number % len(cut)] for number, row in rows.items()}
            await write_terms(connection, terms, ())
            last = schema.search_queue.c.number <= numbers[-1] + 1
            await connection.execute(delete(schema.search_queue).where(last))

        await database.write(work)


_TABLES: Final = (schema.tickets, schema.messages, schema.confirmations)


def _ticket(
    number: int, at: datetime, text: str, chance: random.Random, now: datetime
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any] | None]:
    name = ticket_id(number, at)
    unit, tier = chance.choice(_UNITS), chance.choice(_TIERS)
    waits = now - at < timedelta(hours=8) and chance.random() < 0.3
    status = "awaiting_confirmation" if waits else chance.choice(("dispatched", "resolved"))
    ticket: dict[str, Any] = {
        "id": name, "channel": chance.choice(("voice", "web", "wechat")), "query_digest": b"d",
        "sealed_query_code": b"c", "status": status, "version": 1, "accepted_at": at,
        "surge": False, "complex": False, "kind": "complaint", "tier": tier, "unit": unit,
        "supporting_units": [], "untriaged": False, "automatic": False, "confirmation": "none",
        "dispatch_due_at": at + timedelta(hours=24), "needs_triage": False, "triage_attempts": 0,
        "dispatched_unit": None if waits else unit,
        "cluster": name if number % 50 == 0 else None,
    }  # fmt: skip
    message: dict[str, Any] = {
        "number": number + 1, "id": f"{number:032x}", "channel": "web",
        "message_id": f"bench-{number}",
        "ticket_id": name, "received_at": at, "masked_text": text, "mask_spans": [],
        "body_digest": b"d", "sealed_text": b"t", "sealed_raw": b"r",
    }  # fmt: skip
    if waits or now - at > timedelta(hours=8):
        return ticket, message, None
    before = {**dict.fromkeys(COMPARED), "unit": unit, "tier": tier, "confirmation": "none"}
    confirmation = {
        "ticket_id": name, "version": 2, "event": "confirmed",
        "agent": f"agent-{chance.randint(1, 200):03d}", "at": at, "before": before,
        "choice": {**before, "unit": chance.choice((unit, unit, "housing"))},
    }  # fmt: skip
    return ticket, message, confirmation
