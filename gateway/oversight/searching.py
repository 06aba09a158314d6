"""Search over all tickets: by any words, number, unit, tier, status, channel, district and time.

Newest first, page by page. Words are found in masked text only. The index proposes tickets that
have all terms; their texts are looked at again, so that what is told has the words as they were
asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, literal, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.oversight.search_index import texts_to_search
from gateway.oversight.terms import asked_terms, holds, words_of_question
from gateway.tickets.schema import people, search_documents, tickets

_documents, _tickets = search_documents.c, tickets.c
_TOLD: Final = (
    "id", "channel", "status", "confirmation", "tier", "kind", "unit", "district", "accepted_at",
    "dispatch_due_at", "cluster",
)  # fmt: skip
_ROUNDS: Final = 20
"""So often is looked for more where texts did not hold the words."""
_EXCERPT: Final = 120
_BEFORE: Final = 30


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked for; what is None does not matter. Times in UTC, `until` not included."""

    words: str = ""
    number: str | None = None
    """A ticket's number."""
    digests: Sequence[bytes] = ()
    """Blind index of numbers of people, of which a ticket must have one."""
    unit: str | None = None
    tier: str | None = None
    status: str | None = None
    channel: str | None = None
    district: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None
    """The place where the page before ended."""
    limit: int = 20


@dataclass(frozen=True, slots=True)
class Found:
    """A page of what was found; `more` is where the next one begins, None where there is none."""

    tickets: list[dict[str, Any]]
    more: int | None
    words: list[str]
    """The words of the question as they were looked for."""


async def search(connection: AsyncConnection, question: Question) -> Found:
    """Return the newest tickets that fit, each with an excerpt around the first word found."""
    words = words_of_question(question.words)
    statement = _statement(question, words, connection.dialect.name)
    found: list[dict[str, Any]] = []
    before = question.before
    for _ in range(_ROUNDS):
        page = statement if before is None else statement.where(_documents.number < before)
        rows = (await connection.execute(page.limit(question.limit + 1))).all()
        texts = await texts_to_search(connection, [row.id for row in rows])
        for row in rows:
            if len(found) == question.limit:
                return Found(found, before, words)
            before = row.number
            if holds(texts[row.id], words):
                found.append(_told(row, texts[row.id], words))
        if len(rows) <= question.limit:
            return Found(found, None, words)
    return Found(found, before, words)


def _statement(question: Question, words: Sequence[str], dialect: str) -> Select[Any]:
    columns = (_documents.number, *(_tickets[name] for name in _TOLD))
    statement = (
        select(*columns)
        .join_from(search_documents, tickets, _tickets.id == _documents.ticket_id)
        .order_by(_documents.number.desc())
    )
    conditions: list[ColumnElement[bool]] = [
        _tickets[name] == value
        for name in ("unit", "tier", "status", "channel", "district")
        if (value := getattr(question, name)) is not None
    ]
    if question.number is not None:
        conditions.append(_tickets.id == question.number)
    if question.since is not None:
        conditions.append(_tickets.accepted_at >= question.since)
    if question.until is not None:
        conditions.append(_tickets.accepted_at < question.until)
    if question.digests:
        of_people = select(people.c.ticket_id).where(people.c.digest.in_(question.digests))
        conditions.append(_tickets.id.in_(of_people))
    if words:
        conditions.append(_documents.number.in_(_matching(words, dialect)))
    elif question.words.strip():
        conditions.append(literal(value=False))
    return statement.where(*conditions)


def _matching(words: Sequence[str], dialect: str) -> Any:
    """Return the query for the documents with all terms, in the database's own language."""
    whole, begun = asked_terms(words)
    # Terms are ASCII letters and digits, whatever was asked: they need no quoting.
    if dialect == "sqlite":
        asked = " AND ".join([*whole, *(f"{term}*" for term in begun)])
        statement = text("SELECT rowid FROM search_words WHERE search_words MATCH :asked")
    else:
        asked = " & ".join([*whole, *(f"{term}:*" for term in begun)])
        statement = text("SELECT number FROM search_words WHERE terms @@ CAST(:asked AS tsquery)")
    return statement.bindparams(asked=asked).columns(_documents.number)


def _told(row: Any, words_told: str, words: Sequence[str]) -> dict[str, Any]:
    found = dict(zip(("number", *_TOLD), row, strict=True))
    del found["number"]
    found["ticket_id"] = found.pop("id")
    found["excerpt"] = excerpt(words_told, words)
    return found


def excerpt(told: str, words: Sequence[str]) -> str:
    """Return a piece of a masked text around the first of the words, as it was told."""
    told = " ".join(told.split())
    lowered = told.lower()
    places = [place for word in words if (place := lowered.find(word)) >= 0]
    start = max(0, min(places) - _BEFORE) if places else 0
    piece = told[start : start + _EXCERPT]
    return f"{'…' if start else ''}{piece}{'…' if start + _EXCERPT < len(told) else ''}"
