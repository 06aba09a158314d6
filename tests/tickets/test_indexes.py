"""What runs for every batch finds its rows by an index, however many tickets there are."""

import re
from typing import cast

import pytest
from sqlalchemy import Executable, func, select
from sqlalchemy.sql.elements import ClauseElement

from gateway.accounts.retention import KEPT, LAST_LINES, NEXT_LINES
from gateway.confirmation.deadlines import _TO_PUBLISH, _TO_WARN
from gateway.dispatch.outbox import _RELEASE, _WAITING
from gateway.intake.media.claims import _DUE, _SAME_CONTENT
from gateway.intake.open_ticket import _CLAIM, _READY
from gateway.oversight.hours import CONFIRMED, COUNT_ACCEPTED
from gateway.oversight.overview import ACCEPTED_BY, CLUSTERS_OF
from gateway.oversight.search_index import BACKLOG, DOCUMENTS, EARLIER, FIRST_MESSAGES
from gateway.oversight.surges import RUNNING_SURGE
from gateway.repeats.index import BY_NUMBER, BY_TICKET, LAST, LISTS, SIZES, TEXTS
from gateway.repeats.merging import OF_TICKETS, UNSETTLED
from gateway.tickets import schema
from gateway.tickets.database import Database
from gateway.tickets.reading import TICKET_QUEUES
from gateway.tickets.store import _BY_ID, _DECISIONS, _MEDIA, _WORDS

QUERIES: dict[str, Executable] = {
    "tickets that wait for agents": select(schema.tickets.c.id).where(TICKET_QUEUES["unconfirmed"]),
    "tickets to triage": _READY,
    "tickets that are claimed": _CLAIM,
    "tickets to publish": _TO_PUBLISH,
    "tickets to warn of": _TO_WARN,
    "outbox rows to let out": _RELEASE,
    "outbox rows to publish": _WAITING,
    "tickets by number": _BY_ID,
    "words of tickets": _WORDS,
    "media of tickets": _MEDIA,
    "media to read": _DUE,
    "media of the same content": _SAME_CONTENT,
    "decisions on tickets": _DECISIONS,
    "words to compare": TEXTS,
    "sketches under a key": LISTS,
    "sketches by number": BY_NUMBER,
    "sketches of tickets": BY_TICKET,
    "the last sketch": LAST,
    "sizes of clusters": SIZES,
    "repeats to settle": UNSETTLED,
    "repeats among tickets": OF_TICKETS,
    "history to erase by": NEXT_LINES,
    "last lines of tickets": LAST_LINES,
    "people's data still kept": KEPT,
    "the surge that runs": RUNNING_SURGE,
    "tickets of an hour": COUNT_ACCEPTED,
    "confirmations of an hour": CONFIRMED,
    "tickets of a day": ACCEPTED_BY,
    "clusters of a day": CLUSTERS_OF,
    "words from before the search": EARLIER,
    "first messages of tickets": FIRST_MESSAGES,
    "documents of tickets": DOCUMENTS,
    "whether triage is behind": BACKLOG,
    "how many wait for triage": select(func.count())
    .select_from(schema.tickets)
    .where(schema.NEEDS_TRIAGE),
}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", QUERIES)
async def test_no_table_is_read_from_end_to_end(database: Database, name: str) -> None:
    """SQLite's plan searches an index for every table that it touches."""
    compiled = cast(ClauseElement, QUERIES[name]).compile(dialect=database.engine.dialect)
    # The plan does not depend on how long a list is.
    sql = re.sub(r"__\[POSTCOMPILE_\w+\]", "?", str(compiled))
    async with database.read() as connection:
        plan = await connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {sql}", (None,) * sql.count("?")
        )
        steps = [str(row.detail) for row in plan]
    assert steps
    assert not [step for step in steps if step.startswith("SCAN") and "INDEX" not in step]
