"""`/agent/knowledge/{entry}`: one entry to be edited, retired, or written anew."""

import re
import uuid
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from gateway.knowledge.entries import Entry, day_of
from gateway.knowledge.listing import standing_of
from gateway.knowledge.store import EntryChanged, EntryNotFound
from gateway.web.knowledge import identity_of, no_such_entry
from gateway.web.pages.agent.frame import render_agent
from gateway.web.pages.agent.guard import FORM
from gateway.web.pages.forms import KEY, PageForm, faults_by_field
from gateway.web.pages.knowledge.fields import (
    LABELS,
    POINTERS,
    content_from,
    fields_of,
    typed_fields,
)
from gateway.web.pages.knowledge.list_page import STANDINGS, notice_of
from gateway.web.pages.rendering import see, told
from gateway.web.parts import ACCOUNT, PARTS, WebParts
from gateway.web.problems import Problem
from triage.decision import Topic

_LIST: Final = "/agent/knowledge"
_NEW_KEY: Final = re.compile(r"[0-9a-f]{32}")
_VERSION: Final = re.compile(r"[1-9][0-9]{0,8}")


async def show_new(request: web.Request) -> web.Response:
    """Show an empty form."""
    values = dict.fromkeys(LABELS, "") | {"owner": request[ACCOUNT].name}
    return _page(request, None, values)


async def add_by_form(request: web.Request) -> web.Response:
    """Add what was written; the same page sent again is the same entry."""
    parts, form, editor = request.app[PARTS], request[FORM], request[ACCOUNT].name
    key = form.get(KEY)
    try:
        content = content_from(parts, form, editor)
    except Problem as problem:
        return _page(request, None, typed_fields(form), problem=problem)
    entry = await parts.entries.add(content, editor, key if _NEW_KEY.fullmatch(key) else None)
    return _done(parts, f"{_LIST}/{entry.id}?done=added")


async def show_entry(request: web.Request) -> web.Response:
    """Show an entry as it is, to be edited."""
    entry = await _find(request)
    return _page(request, entry, fields_of(entry.content))


async def change_by_form(request: web.Request) -> web.Response:
    """Write the next version; where somebody else has written one, show both texts."""
    parts, form, editor = request.app[PARTS], request[FORM], request[ACCOUNT].name
    entry = await _find(request)
    try:
        content = content_from(parts, form, editor)
        await parts.entries.change(entry.id, _version(form), content, editor)
    except EntryNotFound:
        raise no_such_entry() from None
    except EntryChanged as error:
        return await _conflict(request, form, error.version)
    except Problem as problem:
        # The version that was read stays: to mend a field is not to have read another's.
        read = form.get("version")
        return _page(request, entry, typed_fields(form), problem=problem, version=read)
    return _done(parts, f"{_LIST}/{entry.id}?done=changed")


async def retire_by_form(request: web.Request) -> web.Response:
    """Take the entry out of use, in the version that was read."""
    parts, identity = request.app[PARTS], identity_of(request)
    form = request[FORM]
    try:
        await parts.entries.retire(identity, _version(form), request[ACCOUNT].name)
    except EntryNotFound:
        raise no_such_entry() from None
    except EntryChanged as error:
        entry = await _find(request)
        problem = _changed(error.version)
        return _page(request, entry, fields_of(entry.content), problem=problem)
    return _done(parts, f"{_LIST}?done=retired")


async def _conflict(request: web.Request, form: PageForm, version: int) -> web.Response:
    """Show what was typed beside what stands there by now; to send it again replaces that."""
    entry = await _find(request)
    mine, theirs = typed_fields(form), fields_of(entry.content)
    differing = [name for name in LABELS if mine[name].strip() != theirs[name].strip()]
    return _page(
        request, entry, mine, problem=_changed(version), conflict=(theirs, differing)
    )  # fmt: skip


def _page(
    request: web.Request,
    entry: Entry | None,
    values: Mapping[str, str],
    *,
    problem: Problem | None = None,
    version: str | None = None,
    conflict: tuple[Mapping[str, str], list[str]] | None = None,
) -> web.Response:
    parts = request.app[PARTS]
    theirs, differing = conflict or ({}, [])
    context: dict[str, Any] = {
        "entry": entry,
        "standing": standing_of(entry, day_of(parts.clock.now())) if entry else None,
        "standings": STANDINGS,
        "labels": LABELS,
        "values": values,
        "version": version or (entry.version if entry else None),
        "key": _key_of(request),
        "theirs": theirs,
        "differing": differing,
        "topic_names": list(Topic),
        "units": sorted((parts.unit_name(code), code) for code in parts.desk.units),
        "problem": told(request, problem) if problem else None,
        "faults": faults_by_field(request, problem, POINTERS) if problem else {},
        "notice": notice_of(request),
    }
    here = f"{_LIST}/{entry.id}" if entry else f"{_LIST}/new"
    status = problem.status if problem else 200
    return render_agent(
        request, "agent_knowledge_entry.html", context, here=here, tab=_LIST, status=status
    )


def _key_of(request: web.Request) -> str:
    """Return the id that a new entry gets, kept while the same form is mended."""
    given = request[FORM].get(KEY) if FORM in request else ""
    return given if _NEW_KEY.fullmatch(given) else uuid.uuid4().hex


async def _find(request: web.Request) -> Entry:
    entry = await request.app[PARTS].entries.find(identity_of(request))
    if entry is None:
        raise no_such_entry()
    return entry


def _version(form: PageForm) -> int:
    given = form.get("version")
    if not _VERSION.fullmatch(given):
        raise Problem("version-needed", "open the entry again", "请重新打开该条目")
    return int(given)


def _changed(version: int) -> Problem:
    return Problem(
        "entry-changed",
        f"it is at version {version} by now: compare the two, then send yours or leave it",
        f"已有第 {version} 版,请对照后再决定保存或放弃",
    )


def _done(parts: WebParts, path: str) -> web.Response:
    parts.knowledge.edited.ring()
    return see(path)
