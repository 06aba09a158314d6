"""The editors' side of the knowledge base: every edit is a version, and names the one before."""

import re
from collections.abc import Awaitable
from datetime import date, datetime
from typing import Any, Final, Self

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from channels.body import SpokenText, StrictBody, faults_of
from gateway.knowledge.entries import Content, Entry, Source
from gateway.knowledge.store import EntryChanged, EntryNotFound
from gateway.web.body import read_json
from gateway.web.knowledge import (
    EntryDocument,
    EntrySource,
    Line,
    answer_with,
    document_of,
    identity_of,
    no_such_entry,
)
from gateway.web.parts import ACCOUNT, PARTS, WebParts
from gateway.web.problems import Problem, field_problem
from triage.decision import Topic

_TAG: Final = re.compile(r'"([1-9][0-9]{0,8})"')
IF_MATCH: Final[dict[str, Any]] = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "the version that was read, in quotes, as `ETag` told it",
    "schema": {"type": "string", "pattern": '^"[1-9][0-9]{0,8}"$'},
}


class EntryBody(StrictBody):
    """An entry as an editor writes it."""

    question: Line
    answer: SpokenText = Field(min_length=1, max_length=4000, description="plain text")
    asks: list[Line] = Field([], max_length=20, description="other ways of asking")
    topic: Topic
    unit: str = Field(min_length=1, max_length=64, description="a code of units.csv")
    source: EntrySource
    owner: Line | None = Field(None, description="whose entry it is; default: the editor's own")
    valid_from: date | None = Field(None, description="first day, in Beijing")
    valid_to: date | None = Field(None, description="last day, in Beijing")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            raise ValueError("valid_to lies before valid_from")
        return self


class EditedEntry(EntryDocument):
    """An entry as its editors read it."""

    owner: str
    retired: bool
    at: datetime
    editor: str


class EntryList(BaseModel):
    """Entries that are not retired, by their ids."""

    entries: list[EditedEntry]


class EntryHistory(BaseModel):
    """Every version of an entry, oldest first."""

    versions: list[EditedEntry]


class EntriesQuery(BaseModel):
    """Which part of the list."""

    model_config = ConfigDict(extra="forbid")

    after: str = Field("", pattern="^[a-z0-9-]{0,64}$", description="the id behind which it begins")
    limit: int = Field(100, ge=1, le=1000)


async def list_entries(request: web.Request) -> web.Response:
    """List the entries for editors, those included that do not hold today."""
    try:
        query = EntriesQuery.model_validate(dict(request.query))
    except ValidationError as error:
        raise field_problem(faults_of(error)) from None
    entries = await request.app[PARTS].entries.current(query.after, query.limit)
    return answer_with({"entries": [_for_editors(entry) for entry in entries]})


async def show_entry_history(request: web.Request) -> web.Response:
    """Show every version of an entry."""
    versions = await request.app[PARTS].entries.history(identity_of(request))
    if not versions:
        raise no_such_entry()
    return answer_with({"versions": [_for_editors(entry) for entry in versions]}, versions[-1])


async def add_entry(request: web.Request) -> web.Response:
    """Add an entry."""
    parts, editor = request.app[PARTS], request[ACCOUNT].name
    content = content_of(parts, await read_json(request, EntryBody), editor)
    entry = await parts.entries.add(content, editor)
    parts.knowledge.edited.ring()
    found = answer_with(_for_editors(entry), entry, status=201)
    found.headers["Location"] = f"/api/v1/knowledge/{entry.id}"
    return found


async def change_entry(request: web.Request) -> web.Response:
    """Write the next version of an entry."""
    identity, version = identity_of(request), _version(request)
    parts, editor = request.app[PARTS], request[ACCOUNT].name
    content = content_of(parts, await read_json(request, EntryBody), editor)
    return await _edited(request, parts.entries.change(identity, version, content, editor))


async def retire_entry(request: web.Request) -> web.Response:
    """Take an entry out of use; its history stays."""
    identity, version = identity_of(request), _version(request)
    editor = request[ACCOUNT].name
    store = request.app[PARTS].entries
    return await _edited(request, store.retire(identity, version, editor))


async def _edited(request: web.Request, edit: Awaitable[Entry]) -> web.Response:
    try:
        entry = await edit
    except EntryNotFound:
        raise no_such_entry() from None
    except EntryChanged as error:
        raise Problem(
            "entry-changed",
            f"the entry is at version {error.version} by now: read it again, then edit it",
            f"条目已更新到第 {error.version} 版,请重新查看后再修改",
        ) from None
    request.app[PARTS].knowledge.edited.ring()
    return answer_with(_for_editors(entry), entry)


def content_of(parts: WebParts, body: EntryBody, editor: str) -> Content:
    """Return what the editor wrote; raise a `Problem` where it names a unit that there is not."""
    if body.unit not in parts.desk.units:
        raise Problem("unknown-unit", "name a unit of units.csv", "请填写有效的单位代码")
    source = Source(body.source.title, body.source.url)
    return Content(
        question=body.question,
        answer=body.answer,
        asks=tuple(body.asks),
        topic=body.topic,
        unit=body.unit,
        source=source,
        owner=body.owner or editor,
        valid_from=body.valid_from,
        valid_to=body.valid_to,
    )


def _version(request: web.Request) -> int:
    tag = _TAG.fullmatch(request.headers.get("If-Match", "").strip())
    if tag is None:
        raise Problem(
            "version-needed",
            'send the header `If-Match: "<version>"`, with the version that you have read',
            '请在请求头中提供 If-Match: "<版本号>",即您所查看的版本',
        )
    return int(tag[1])


def _for_editors(entry: Entry) -> dict[str, Any]:
    return {
        **document_of(entry),
        "owner": entry.content.owner,
        "retired": entry.retired,
        "at": entry.at,
        "editor": entry.editor,
    }
