"""Personal data on demand, each time with a reason that is kept in the audit log."""

from typing import Annotated, Any, Final

import orjson
from aiohttp import web
from pydantic import Field

from channels.body import SpokenText, StrictBody
from gateway.accounts.people import NoLongerKept, ReporterHidden
from gateway.intake.masking import mask
from gateway.tickets.store import TicketNotFound
from gateway.web.agents import no_such_ticket, ticket_number
from gateway.web.body import read_json
from gateway.web.parts import ACCOUNT, PARTS
from gateway.web.problems import Problem

_LONGEST_REASON: Final = 500


class Reason(StrictBody):
    """Why somebody wants to see it."""

    reason: Annotated[SpokenText, Field(min_length=2, max_length=_LONGEST_REASON)] = Field(
        description="kept in the audit log, with numbers masked", examples=["回拨核实地址"]
    )


class ShownReporter(StrictBody):
    """A reporter (诉求人) as they gave it; null is what they did not give."""

    name: str | None
    phone: str | None
    identity_number: str | None
    address: str | None
    email: str | None


class ShownReporters(StrictBody):
    """Who sent a ticket's messages, each different one once; none of an anonymous one."""

    ticket_id: str
    reporters: list[ShownReporter]


class ShownWords(StrictBody):
    """The words of one message or medium, unmasked."""

    source: str = Field(description="the id of the message or medium")
    text: str


class Original(StrictBody):
    """What was told, unmasked."""

    ticket_id: str
    words: list[ShownWords]


async def show_reporter(request: web.Request) -> web.Response:
    """Show name, phone, identity number and address as the reporter gave them."""
    return await _shown(request, "reporters")


async def show_words(request: web.Request) -> web.Response:
    """Show the words as they were told."""
    return await _shown(request, "words")


async def _shown(request: web.Request, what: str) -> web.Response:
    parts, account, ticket_id = request.app[PARTS], request[ACCOUNT], ticket_number(request)
    reason = mask((await read_json(request, Reason)).reason).text
    ask = parts.people.reporters if what == "reporters" else parts.people.words
    try:
        found = await ask(ticket_id, account, reason)
    except (TicketNotFound, ReporterHidden, NoLongerKept) as error:
        raise people_refusal(error) from None
    document: dict[str, Any] = {"ticket_id": ticket_id, what: found}
    return web.Response(
        body=orjson.dumps(document),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def people_refusal(error: Exception) -> Problem:
    """Return the problem that tells why people's data is not shown."""
    if isinstance(error, ReporterHidden):
        return Problem(
            "reporter-hidden",
            "handle it without knowing who told of it; what is unclear, ask the hotline",
            "请在不知悉举报人的情况下办理;需要核实的,请联系热线",
        )
    if isinstance(error, NoLongerKept):
        return Problem(
            "no-longer-kept",
            "only the masked text is left",
            "仅保留脱敏文本",
        )
    return no_such_ticket()
