"""`/`: the form by which a citizen files, and the receipt that they keep."""

import secrets
from collections.abc import Mapping
from typing import Any, Final

import orjson
from aiohttp import web
from sqlalchemy import select

from channels.appeal import appeal_message
from channels.errors import MalformedAppeal
from channels.message import Message
from channels.web.adapter import CHANNEL, read_fields
from gateway.intake.uploads import NoSuchUpload
from gateway.tickets import schema
from gateway.tickets.numbers import show_ticket_id
from gateway.tickets.sealing import query_context
from gateway.web.accepting import accept
from gateway.web.pages.cookies import open_session, session_ticket
from gateway.web.pages.forms import KEY, PageForm, faults_by_field, read_form
from gateway.web.pages.reading import own_appeal
from gateway.web.pages.rendering import render, see, told
from gateway.web.parts import PARTS, WebParts
from gateway.web.problems import Problem, field_problem

_SAID: Final = ("text", "address", "longitude", "latitude", "name", "phone")
_FIELDS: Final = (
    ("/text", "text"),
    ("/reporter/name", "name"),
    ("/reporter/phone", "phone"),
    ("/place", "address"),
    ("/files", "files"),
    ("/uploads", "files"),
)
_KEY_LENGTHS: Final = range(16, 65)


async def show_form(request: web.Request) -> web.Response:
    """Show the empty form."""
    return await form_page(request, PageForm())


async def file_form(request: web.Request) -> web.Response:
    """File what the form says, and go on to its receipt; show it again where something is amiss."""
    parts, form = request.app[PARTS], PageForm()
    try:
        await read_form(request, form)
        await parts.limits.check(parts.limits.address_of(request), form.get("text"))
        receipt = await accept(parts, message_of(parts, form))
    except Problem as problem:
        return await form_page(request, form, problem)
    response = see("/receipt")
    open_session(request, response, receipt.ticket_id)
    return response


async def form_page(
    request: web.Request, form: PageForm, problem: Problem | None = None
) -> web.Response:
    """Return the form with what was typed, and what is wrong with it beside the fields."""
    context = {
        **await form_context(request, form, problem, _FIELDS),
        "values": {name: form.get(name) for name in _SAID},
        "max_text": request.app[PARTS].settings.max_text,
    }
    status = problem.status if problem else 200
    return render(request, "form.html", context, here="/", status=status)


async def form_context(
    request: web.Request,
    form: PageForm,
    problem: Problem | None,
    fields: tuple[tuple[str, str], ...],
) -> dict[str, Any]:
    """Return what every form with files is rendered with."""
    parts = request.app[PARTS]
    # The key of what may have been stored stays with its words; new words get a new one.
    is_used = problem is not None and problem.kind == "key-reused"
    key = form.get(KEY) if len(form.get(KEY)) in _KEY_LENGTHS and not is_used else ""
    return {
        "key": key or secrets.token_urlsafe(24),
        "problem": told(request, problem) if problem else None,
        "faults": faults_by_field(request, problem, fields) if problem else {},
        "uploaded": await _uploaded(parts, form),
        "lost_files": form.brought_files,
        "max_files": parts.settings.max_files,
        "max_file": parts.settings.max_file,
    }


def message_of(parts: WebParts, form: PageForm) -> Message:
    """Return the message of a form; raise a `Problem` that names every field that is not right."""
    if len(form.get(KEY)) not in _KEY_LENGTHS or not form.get(KEY).isascii():
        raise Problem("stale-form", "send it once more", "请再次提交")
    said = {name: form.get(name) for name in _SAID}
    try:
        return appeal_message(
            CHANNEL,
            read_fields(said),
            message_id=form.message_id,
            raw=orjson.dumps(said),
            attachments=tuple(form.attachments),
            max_text=parts.settings.max_text,
        )
    except MalformedAppeal as error:
        raise field_problem(error.faults) from None


async def show_receipt(request: web.Request) -> web.Response:
    """Show number and code of what this browser has just filed."""
    ticket_id = await session_ticket(request)
    if ticket_id is None:
        return see("/appeal")
    parts = request.app[PARTS]
    context: Mapping[str, Any] = {
        **await own_appeal(parts, ticket_id),
        "number": show_ticket_id(ticket_id),
        "query_code": await _query_code(parts, ticket_id),
    }
    return render(request, "receipt.html", context, here="/receipt")


async def _query_code(parts: WebParts, ticket_id: str) -> str:
    statement = select(schema.tickets.c.sealed_query_code).where(schema.tickets.c.id == ticket_id)
    async with parts.database.read() as connection:
        sealed = (await connection.execute(statement)).scalar_one()
    return (await parts.vault.open(sealed, query_context(ticket_id))).decode()


async def _uploaded(parts: WebParts, form: PageForm) -> list[tuple[str, str]]:
    """Return token and name of the uploads that need not come again."""
    found = []
    for token in form.uploads[: parts.settings.max_files]:
        try:
            upload = await parts.uploads.find(token)
        except NoSuchUpload:
            continue
        if upload.offset == upload.length:
            found.append((token, upload.name))
    return found
