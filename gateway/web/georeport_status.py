"""Open311 GeoReport v2, the asking side: where requests stand, and whose a token is.

Anybody may ask; nobody is told what the reporter wrote, who they are or where the matter lies. Only
tickets that came by this channel are shown.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter, ValidationError
from sqlalchemy import ColumnElement, or_, select

from channels.errors import FieldFault, MalformedAppeal
from channels.open311.adapter import CHANNEL, OTHER, Service, UnknownName
from gateway.tickets import schema
from gateway.tickets.numbers import MalformedNumber, read_ticket_id
from gateway.tickets.workflow import CLOSED, Status
from gateway.web.georeport import Answer, services
from gateway.web.parts import PARTS, WebParts

_MOST, _SPAN = 1_000, timedelta(days=90)
_MOMENT: Final = TypeAdapter(AwareDatetime)
_COLUMNS: Final = (
    schema.tickets.c.id,
    schema.tickets.c.status,
    schema.tickets.c.matter,
    schema.tickets.c.dispatched_unit,
    schema.tickets.c.accepted_at,
    schema.tickets.c.dispatched_at,
    schema.tickets.c.dispatch_due_at,
    schema.tickets.c.report_due_at,
)


class RequestsQuery(BaseModel):
    """What may be asked of the list of requests."""

    service_request_id: str | None = Field(None, description="numbers, separated by commas")
    service_code: str | None = Field(None, description="codes, separated by commas")
    start_date: str | None = Field(None, description="ISO 8601 with its zone")
    end_date: str | None = Field(None, description="ISO 8601 with its zone")
    status: str | None = Field(None, description="open, closed, or both with a comma")
    jurisdiction_id: str | None = None


async def list_requests(request: web.Request) -> Answer:
    """Where requests stand: those named, else the newest of 90 days, 1,000 at most."""
    parts, query = request.app[PARTS], request.query
    offered = services(parts)
    table = schema.tickets.c
    statement = select(*_COLUMNS).where(table.channel == CHANNEL)
    if named := query.get("service_request_id"):
        numbers = [number for part in named.split(",") if (number := _number(part))]
        statement = statement.where(table.id.in_(numbers[:_MOST]))
    else:
        first, last = _period(query, parts.clock.now())
        statement = statement.where(table.accepted_at.between(first, last))
        if codes := query.get("service_code"):
            statement = statement.where(_of_services(codes.split(","), offered))
        if wanted := query.get("status"):
            statement = statement.where(table.status.in_(_statuses(wanted)))
    statement = statement.order_by(table.accepted_at.desc()).limit(_MOST)
    async with parts.database.read() as connection:
        rows = (await connection.execute(statement)).all()
    return "service_requests", [_shown(row, offered) for row in rows]


async def show_request(request: web.Request) -> Answer:
    """Where one request stands."""
    parts = request.app[PARTS]
    row = await _row(parts, request.match_info["service_request_id"])
    return "service_requests", [_shown(row, services(parts))]


async def show_token(request: web.Request) -> Answer:
    """The request of a token: here every request has its number at once, which is its token."""
    row = await _row(request.app[PARTS], request.match_info["token"])
    return "service_requests", [{"service_request_id": row.id, "token": row.id}]


def _of_services(asked: Sequence[str], offered: Mapping[str, Service]) -> ColumnElement[bool]:
    """Of these services, as they are shown: what has no matter of the catalogue is `other`."""
    matter = schema.tickets.c.matter
    named = matter.in_([code for code in asked if code in offered])
    return or_(named, matter.is_(None), matter.not_in(offered)) if OTHER in asked else named


async def _row(parts: WebParts, given: str) -> Any:
    number = _number(given)
    table = schema.tickets.c
    statement = select(*_COLUMNS).where(table.id == number, table.channel == CHANNEL)
    async with parts.database.read() as connection:
        row = (await connection.execute(statement)).one_or_none() if number else None
    if row is None:
        raise UnknownName("service_request_id")
    return row


def _number(given: str) -> str | None:
    try:
        return read_ticket_id(given)
    except MalformedNumber:
        return None


def _shown(row: Any, services: Mapping[str, Service]) -> dict[str, object]:
    service = services.get(row.matter or OTHER, services[OTHER])
    return {
        "service_request_id": row.id,
        "status": _state(Status(row.status)),
        "status_notes": row.status,
        "service_name": service.name,
        "service_code": service.code,
        "description": None,
        "agency_responsible": row.dispatched_unit,
        "service_notice": None,
        "requested_datetime": _written(row.accepted_at),
        "updated_datetime": _written(row.dispatched_at or row.accepted_at),
        "expected_datetime": _written(row.report_due_at or row.dispatch_due_at),
        "address": None,
        "address_id": None,
        "zipcode": None,
        "lat": None,
        "long": None,
        "media_url": None,
    }


def _written(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None


def _period(query: Mapping[str, str], now: datetime) -> tuple[datetime, datetime]:
    """The asked period of at most 90 days; where one end is open, 90 days from the other."""
    given = {
        name: _moment(query[name], name) for name in ("start_date", "end_date") if query.get(name)
    }
    last = given.get("end_date") or min(now, given.get("start_date", now) + _SPAN)
    first = given.get("start_date", last - _SPAN)
    if last - first > _SPAN:
        raise _refused("start_date", "ask for 90 days at most", "时间跨度不得超过 90 天")
    return first, last


def _moment(text: str, name: str) -> datetime:
    try:
        return _MOMENT.validate_python(text)
    except ValidationError:
        english = "send a time with its zone, such as 2026-11-27T08:00:00Z"
        raise _refused(name, english, "请填带时区的时间") from None


def _statuses(wanted: str) -> Iterable[Status]:
    asked = set(wanted.split(","))
    if not asked <= {"open", "closed"}:
        raise _refused("status", "send open, closed or both", "请填 open 或 closed")
    return [status for status in Status if _state(status) in asked]


def _state(status: Status) -> str:
    return "closed" if status in CLOSED else "open"


def _refused(name: str, remedy: str, remedy_zh: str) -> MalformedAppeal:
    return MalformedAppeal(FieldFault(f"/{name}", remedy, remedy_zh))
