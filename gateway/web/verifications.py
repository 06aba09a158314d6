"""Who has called, but lost number or code, gets both for a one-time code to their telephone."""

import secrets
from typing import Annotated, Final

from aiohttp import web
from pydantic import BaseModel, Field, StringConstraints
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.body import StrictBody
from channels.channel import Receipt
from gateway.intake.verifying import GOOD_FOR, Shown, begin, check, claim_number
from gateway.tickets import schema
from gateway.tickets.numbers import show_ticket_id
from gateway.tickets.sealing import query_context
from gateway.web.appeals import receipt_response
from gateway.web.body import read_json
from gateway.web.parts import PARTS, WebParts
from gateway.web.problems import Problem

_TOKEN_BYTES: Final = 24


class PhoneClaim(StrictBody):
    """Whose number it is said to be."""

    phone: Annotated[str, StringConstraints(pattern=r"^[+0-9() -]{7,24}$")] = Field(
        title="the number that called 来电号码"
    )


class Verification(BaseModel):
    """A code is on its way, if that number has called lately; nobody is told whether it has."""

    verification: str = Field(description="send it back with the code")
    expires_in: int = Field(description="seconds")


class OneTimeCode(StrictBody):
    """The code that came to the telephone."""

    verification: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{32}$")]
    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")] = Field(title="验证码")


async def ask_for_code(request: web.Request) -> web.Response:
    """Have a code sent to whoever called from a number."""
    parts = _parts(request)
    body = await read_json(request, PhoneClaim)
    await parts.limits.check(parts.limits.address_of(request), "")
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    claim = claim_number(body.phone, _asker(parts, token), parts.vault)
    await parts.database.write(lambda c: begin(c, claim, parts.clock.now()))
    expires_in = round(GOOD_FOR.total_seconds())
    found = Verification(verification=token, expires_in=expires_in)
    return web.Response(
        status=202,
        body=found.model_dump_json().encode(),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


async def give_code(request: web.Request) -> web.Response:
    """Give number and query code of the last call's ticket to whoever has the code."""
    parts = _parts(request)
    body = await read_json(request, OneTimeCode)
    asker, now = _asker(parts, body.verification), parts.clock.now()

    async def work(connection: AsyncConnection) -> Shown | None:
        return await check(connection, asker, body.code, now, parts.vault)

    shown = await parts.database.write(work)
    if shown is None:
        raise Problem(
            "wrong-code",
            "use the newest code within ten minutes; after five wrong ones ask for another",
            "请在十分钟内使用最新的验证码;输错五次后请重新获取",
            headers={"WWW-Authenticate": "Bearer"},
        )
    table = schema.tickets.c
    async with parts.database.read() as connection:
        statement = select(table.sealed_query_code).where(table.id == shown.ticket_id)
        sealed = (await connection.execute(statement)).scalar_one()
    code = await parts.vault.open(sealed, query_context(shown.ticket_id))
    number = show_ticket_id(shown.ticket_id)
    return receipt_response(Receipt(shown.ticket_id, number, code.decode()), status=200)


def _parts(request: web.Request) -> WebParts:
    parts = request.app[PARTS]
    if parts.settings.codes_url is None:
        raise Problem("not-found", "numbers cannot be verified here", "此处不支持号码核验")
    return parts


def _asker(parts: WebParts, token: str) -> bytes:
    return parts.vault.digest("verification", token)
