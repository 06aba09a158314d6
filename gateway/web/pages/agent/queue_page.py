"""`/agent`: what waits for an agent, what runs out first on top."""

from datetime import datetime, timedelta
from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel, Field, ValidationError

from gateway.tickets.listing import Chosen, Confidence, Queue, list_lines, openings_of
from gateway.tickets.numbers import show_ticket_id
from gateway.tickets.workflow import Confirmation
from gateway.web.live import OPENING
from gateway.web.pages.agent.frame import render_agent
from gateway.web.pages.agent.words import CHANNELS, CONFIDENCES, TIERS, TONES
from gateway.web.pages.look import look_of
from gateway.web.parts import ACCOUNT, PARTS
from triage.decision import Tier

_MOST: Final = 100
"""Rows of a page: what runs out first; nobody reads more."""
_LONGEST: Final = 64
_QUEUES: Final[dict[str, tuple[str, str]]] = {
    "unconfirmed": ("待确认", "To be confirmed"),
    "aside": ("疑似非诉求", "Seems to be no appeal"),
}


class QueueQuery(BaseModel):
    """What the address asks for; what is not known narrows nothing."""

    queue: Queue = "unconfirmed"
    tier: Tier | None = None
    channel: str | None = Field(None, max_length=_LONGEST)
    unit: str | None = Field(None, max_length=_LONGEST)
    district: str | None = Field(None, max_length=_LONGEST)
    confidence: Confidence | None = None


async def show_queue(request: web.Request) -> web.Response:
    """Show the queue as the address narrows it; the page follows what changes by itself."""
    parts, query = request.app[PARTS], _query(request)
    now = parts.clock.now()
    after = await parts.live.place()
    chosen = Chosen(**query.model_dump(), limit=_MOST + 1)
    async with parts.database.read() as connection:
        lines = await list_lines(connection, chosen, now)
        openings = await openings_of(connection, [line["ticket_id"] for line in lines], OPENING)
    units = parts.units.all_units()
    context = {
        "lines": [
            {**parts.live.shown(line, openings), **_standing(line, now)} for line in lines[:_MOST]
        ],
        "more": len(lines) > _MOST,
        "most": _MOST,
        "after": after,
        "now": now,
        "query": query,
        "narrowed": query != QueueQuery(),
        "units": [(unit.code, unit.name) for unit in units if unit.kind != "district"],
        "districts": [(unit.code, unit.name) for unit in units if unit.kind == "district"],
        "queues": _QUEUES,
        "tiers": TIERS,
        "channels": CHANNELS,
        "confidences": CONFIDENCES,
        "tones": TONES,
        "number": show_ticket_id,
        "me": request[ACCOUNT].name,
        "left": lambda line: left(line["dispatch_due_at"] - now, look_of(request).say),
    }
    return render_agent(request, "agent_queue.html", context)


def _query(request: web.Request) -> QueueQuery:
    """Return what the address asks for, leaving out what cannot be."""
    given = {name: value for name, value in request.query.items() if value}
    try:
        return QueueQuery.model_validate(given)
    except ValidationError as error:
        bad = {str(item["loc"][0]) for item in error.errors()}
        return QueueQuery.model_validate({k: v for k, v in given.items() if k not in bad})


def _standing(line: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return how the due time stands; `static/queue.js` says the same as time goes on."""
    if line["confirmation"] != Confirmation.NONE:
        return {"tone": "out"}
    due, accepted = line["dispatch_due_at"], line["accepted_at"]
    if now >= due:
        return {"tone": "late"}
    return {"tone": "warn" if now - accepted >= (due - accepted) / 2 else "calm"}


def left(span: timedelta, say: Any) -> str:
    """Return how much time is left, or for how long it has run out, to the minute."""
    minutes, late = abs(span) // timedelta(minutes=1), span < timedelta(0)
    days, hours = minutes // (24 * 60), minutes // 60 % 24
    if days:
        words = say(f"{days} 天 {hours} 小时", f"{days} d {hours} h")
    elif hours:
        words = say(f"{hours} 小时 {minutes % 60} 分", f"{hours} h {minutes % 60} min")
    else:
        words = say(f"{minutes} 分", f"{minutes} min")
    return str(say(f"超 {words}", f"{words} over") if late else say(f"剩 {words}", f"{words} left"))
