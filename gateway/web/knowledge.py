"""The knowledge base's side of the API for everybody: search it, and read an entry."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final

from aiohttp import web
from pydantic import BaseModel, Field

from channels.body import SpokenText, StrictBody, Words
from gateway.knowledge.base import TooBusy
from gateway.knowledge.entries import Entry, day_of
from gateway.tickets.document import dump_document
from gateway.web.body import read_json
from gateway.web.parts import PARTS
from gateway.web.problems import Problem
from triage.decision import Topic

_IDENTITY: Final = re.compile(r"[a-z0-9-]{1,64}")
Line = Annotated[SpokenText, Field(min_length=1, max_length=200)]


class SearchBody(StrictBody):
    """What somebody asks."""

    text: Words = Field(max_length=2000, title="问题 the question", examples=["几号来暖气"])
    limit: int = Field(5, ge=1, le=20, description="most entries that are told")


class EntrySource(StrictBody):
    """Where an answer comes from."""

    title: Line
    url: str | None = Field(None, max_length=500, pattern=r"^https?://[^\s\x00]+$")


class EntryDocument(BaseModel):
    """An entry as anybody may read it."""

    id: str
    version: int
    question: str
    answer: str
    asks: list[str]
    topic: Topic
    unit: str
    source: EntrySource
    valid_from: date | None
    valid_to: date | None


class FoundEntry(EntryDocument):
    """An entry that may answer a question, and how well it fits."""

    score: float


class SuggestedAnswer(BaseModel):
    """The entry that answers the question, nearly surely."""

    id: str
    version: int
    probability: float


class SearchResult(BaseModel):
    """What a question finds; `answer` is null where nothing is nearly sure."""

    answer: SuggestedAnswer | None
    entries: list[FoundEntry]


async def search(request: web.Request) -> web.Response:
    """Find entries by a question; nothing of it is kept, and it stands in no URL."""
    parts = request.app[PARTS]
    body = await read_json(request, SearchBody)
    try:
        result = await parts.knowledge.look_up(body.text, parts.clock.now(), body.limit)
    except TooBusy:
        raise Problem(
            "unavailable",
            "too many search just now: try again in a moment",
            "查询人数较多,请稍后再试",
            headers={"Retry-After": "1"},
        ) from None
    answer = result.answer
    return answer_with(
        {
            "answer": answer
            and {
                "id": answer.entry.id,
                "version": answer.entry.version,
                "probability": round(answer.probability, 3),
            },
            "entries": [
                {**document_of(found.entry), "score": round(found.score, 3)}
                for found in result.found
            ],
        }
    )


async def show_entry(request: web.Request) -> web.Response:
    """Show an entry that holds today."""
    parts = request.app[PARTS]
    entry = await parts.entries.find(identity_of(request))
    if entry is None or not entry.holds_on(day_of(parts.clock.now())):
        raise no_such_entry()
    return answer_with(document_of(entry), entry)


def identity_of(request: web.Request) -> str:
    """Return the entry that the path names; raise a `Problem` where none can be named so."""
    found = request.match_info["entry"]
    if not _IDENTITY.fullmatch(found):
        raise no_such_entry()
    return found


def no_such_entry() -> Problem:
    """Return the problem of an entry that is not there, or does not hold."""
    return Problem(
        "no-such-entry",
        "search for it by POST /api/v1/knowledge/search",
        "请通过 POST /api/v1/knowledge/search 查找",
    )


def document_of(entry: Entry) -> dict[str, Any]:
    """Return the entry as anybody may read it."""
    fields = entry.content.to_fields()
    del fields["owner"]
    return {"id": entry.id, "version": entry.version, **fields}


def answer_with(
    document: Mapping[str, Any], entry: Entry | None = None, status: int = 200
) -> web.Response:
    """Answer with a document, and with the version of the entry that it is of."""
    headers = {"Cache-Control": "no-store"}
    if entry is not None:
        headers["ETag"] = f'"{entry.version}"'
    return web.Response(
        status=status,
        body=dump_document(dict(document)).encode(),
        content_type="application/json",
        headers=headers,
    )
