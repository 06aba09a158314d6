"""The citizen's side of the API: file an appeal, look where it stands."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import orjson
from aiohttp import web
from pydantic import BaseModel, Field
from sqlalchemy import select

from channels.api.adapter import to_message
from channels.channel import Receipt as Accepted
from channels.errors import MalformedAppeal
from channels.message import Message
from gateway.intake.drafting import query_digest
from gateway.repeats.merging import followed
from gateway.tickets import schema
from gateway.tickets.numbers import MalformedNumber, read_ticket_id, show_ticket_id
from gateway.tickets.sealing import query_context
from gateway.tickets.splits import parts_of
from gateway.tickets.store import find_tickets, history_of
from gateway.tickets.workflow import CLOSED, Status
from gateway.web.accepting import accept, idempotency_key
from gateway.web.filing import Filed, read_appeal
from gateway.web.parts import PARTS, WebParts
from gateway.web.problems import Problem, field_problem

STATUS_ZH: Final = {
    Status.RECEIVED: "已受理",
    Status.AWAITING_CONFIRMATION: "待派单",
    Status.DISPATCHED: "已派单",
    Status.ACKNOWLEDGED: "已签收",
    Status.RETURNED: "已退回",
    Status.REPORTED: "已反馈",
    Status.RESOLVED: "已办结",
    Status.ANSWERED: "已答复",
    Status.WITHDRAWN: "已撤回",
    Status.MERGED: "已并案",
}


class Receipt(BaseModel):
    """What the citizen gets for an appeal: durable when it is sent."""

    ticket_id: str = Field(description="15 digits, the last of which checks the others")
    number: str = Field(
        description="the same in groups, to read out", examples=["261123-4817-7035-2"]
    )
    query_code: str = Field(description="keep it: it opens the appeal's status")
    status_url: str


class Step(BaseModel):
    """One step of the appeal's way."""

    at: datetime
    status: Status
    status_zh: str


class AskedOfCitizen(BaseModel):
    """What an agent wants to know, and since when."""

    at: datetime
    text: str


class AppealPart(BaseModel):
    """One part of an appeal that was split, with what opens it; `text` is masked."""

    ticket_id: str
    number: str
    query_code: str
    text: str
    status: Status
    status_zh: str


class AppealStatus(BaseModel):
    """Where an appeal stands, for whoever filed it; times are UTC."""

    ticket_id: str
    number: str
    status: Status
    status_zh: str
    accepted_at: datetime
    tier: str | None
    unit: str | None = Field(description="the unit that has it, once it is dispatched")
    dispatch_due_at: datetime | None
    dispatched_at: datetime | None
    merged_at: datetime | None = Field(
        description="since when it follows another appeal of the same matter"
    )
    answer: str | None = Field(description="what was answered on the spot")
    question: AskedOfCitizen | None = Field(
        None, description="what an agent asks; null where something was said since"
    )
    parts: list[AppealPart] = Field(
        default_factory=list, description="what it was split into, its own part first"
    )
    steps: list[Step]


async def file_appeal(request: web.Request) -> web.Response:
    """Accept an appeal; what is answered with 201 is stored for good."""
    parts = request.app[PARTS]
    message_id = idempotency_key(request)
    filed = await read_appeal(request)
    await parts.limits.check(parts.limits.address_of(request), filed.body.text or "")
    message = _message(parts, filed, message_id)
    return receipt_response(await accept(parts, message))


async def add_to_appeal(request: web.Request) -> web.Response:
    """Add to an appeal, whichever channel it came by; what is answered with 201 is stored."""
    parts = request.app[PARTS]
    ticket_id = await authorised_ticket(request, parts)
    message_id = idempotency_key(request)
    filed = await read_appeal(request)
    await check_open(parts, ticket_id)
    message = _message(parts, filed, message_id)
    return receipt_response(await accept(parts, replace(message, of_ticket=ticket_id)))


async def check_open(parts: WebParts, ticket_id: str) -> None:
    """Raise a `Problem` where nothing can be added to the ticket any more."""
    async with parts.database.read() as connection:
        ticket = (await find_tickets(connection, [ticket_id]))[ticket_id]
    if ticket.status in CLOSED:
        raise Problem(
            "ticket-closed",
            "this appeal is closed: file a new one, and name its number",
            "该诉求已办结:请提交新的诉求,并写明原工单号",
        )


def _message(parts: WebParts, filed: Filed, message_id: str | None) -> Message:
    try:
        return to_message(
            filed.body,
            message_id=message_id,
            raw=filed.raw,
            attachments=filed.attachments,
            max_text=parts.settings.max_text,
        )
    except MalformedAppeal as error:
        raise field_problem(error.faults) from None


def receipt_response(receipt: Accepted, *, status: int = 201) -> web.Response:
    """Return the answer that gives a citizen number and query code."""
    url = f"/api/v1/appeals/{receipt.ticket_id}"
    found = {
        "ticket_id": receipt.ticket_id,
        "number": receipt.number,
        "query_code": receipt.query_code,
        "status_url": url,
    }
    return web.Response(
        status=status,
        body=orjson.dumps(found),
        content_type="application/json",
        headers={"Location": url, "Cache-Control": "no-store"},
    )


async def show_appeal(request: web.Request) -> web.Response:
    """Show where an appeal stands to whoever has its number and query code."""
    parts = request.app[PARTS]
    ticket_id = await authorised_ticket(request, parts)
    return status_answer(await read_status(parts, ticket_id))


async def read_status(parts: WebParts, ticket_id: str) -> AppealStatus:
    """Return where a ticket stands, for whoever has shown its code."""
    async with parts.database.read() as connection:
        # What is told of a repeat is told of the appeal that it follows, but for its number.
        first = await followed(connection, ticket_id)
        told = first.first if first else ticket_id
        ticket = (await find_tickets(connection, [told]))[told]
        history = await history_of(connection, told)
    is_answered = ticket.status is Status.ANSWERED
    is_closed = first is not None or ticket.status in CLOSED
    asked = None if is_closed else await parts.asking.open(ticket_id)
    return AppealStatus(
        ticket_id=ticket_id,
        number=show_ticket_id(ticket_id),
        status=ticket.status,
        status_zh=STATUS_ZH[ticket.status],
        accepted_at=ticket.accepted_at,
        tier=ticket.tier,
        unit=ticket.dispatched_unit,
        dispatch_due_at=ticket.dispatch_due_at,
        dispatched_at=ticket.dispatched_at,
        merged_at=first.merged_at if first else None,
        answer=await parts.answers.last(told) if is_answered else None,
        question=AskedOfCitizen(at=asked[0], text=asked[1]) if asked else None,
        parts=await _parts(parts, ticket_id),
        steps=_steps(history),
    )


async def _parts(parts: WebParts, ticket_id: str) -> list[AppealPart]:
    """Return what an appeal was split into: all of it is its reporter's, who has shown its code."""
    async with parts.database.read() as connection:
        pieces = await parts_of(connection, ticket_id)
    return [
        AppealPart(
            ticket_id=item.ticket_id,
            number=show_ticket_id(item.ticket_id),
            query_code=(
                await parts.vault.open(item.sealed_query_code, query_context(item.ticket_id))
            ).decode(),
            text=item.text,
            status=item.status,
            status_zh=STATUS_ZH[item.status],
        )
        for item in pieces
    ]


def status_answer(status: AppealStatus) -> web.Response:
    """Return the answer that tells it."""
    return web.Response(
        body=status.model_dump_json().encode(),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


async def authorised_ticket(request: web.Request, parts: WebParts) -> str:
    """Return the ticket's number; raise a `Problem` unless the bearer has its query code."""
    code = bearer(request)
    address = parts.limits.address_of(request)
    return await ticket_of(parts, request.match_info["ticket_id"], code, address)


async def ticket_of(parts: WebParts, number: str, code: str, address: str) -> str:
    """Return the ticket's number; raise a `Problem` unless the code is its query code."""
    try:
        ticket_id = read_ticket_id(number)
    except MalformedNumber:
        raise Problem(
            "no-such-ticket",
            "check the number: it has 15 digits, and the last one checks the others",
            "请核对工单号:共 15 位数字,末位为校验码",
        ) from None
    await parts.attempts.check(ticket_id, address)
    statement = select(schema.tickets.c.query_digest).where(schema.tickets.c.id == ticket_id)
    async with parts.database.read() as connection:
        stored = (await connection.execute(statement)).scalar()
    given = query_digest(parts.vault, ticket_id, code)
    if not hmac.compare_digest(given, stored or hashlib.sha256().digest()):
        await parts.attempts.count(ticket_id, address)
        raise Problem(
            "wrong-code",
            "use number and query code of the same receipt",
            "请使用同一回执上的工单号和查询码",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return ticket_id


def bearer(request: web.Request) -> str:
    """Return the bearer token; raise a `Problem` where there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip() or not token.isascii():
        raise Problem(
            "not-signed-in",
            "send the header `Authorization: Bearer …`",
            "请在请求头中提供 Authorization: Bearer …",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return token.strip()


def _steps(history: list[Mapping[str, Any]] | list[dict[str, Any]]) -> list[Step]:
    """Return the changes of status; what happens inside one status is not the citizen's."""
    steps: list[Step] = []
    for line in history:
        status = Status(line["status"])
        if not steps or steps[-1].status is not status:
            steps.append(Step(at=line["at"], status=status, status_zh=STATUS_ZH[status]))
    return steps
