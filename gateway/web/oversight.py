"""The supervisors' side of the API: surge, the day's figures, export."""

from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from channels.body import SpokenText, StrictBody, faults_of
from gateway.intake.masking import mask
from gateway.oversight.desk import SurgeState
from gateway.oversight.exporting import Exported, Span
from gateway.oversight.surges import Surge
from gateway.tickets.refusal import Refused
from gateway.web.body import read_json
from gateway.web.parts import ACCOUNT, PARTS
from gateway.web.problems import Problem, field_problem
from gateway.web.searching import ONE_DAY, begin_of, send_json

Model = TypeVar("Model", bound=BaseModel)
LONGEST_GROUNDS: Final = 500
_CSV: Final = {"Content-Type": "text/csv; charset=utf-8", "Cache-Control": "no-store"}


class Grounds(StrictBody):
    """Why calls are said to surge."""

    grounds: Annotated[SpokenText, Field(min_length=2, max_length=LONGEST_GROUNDS)] = Field(
        description="kept with the surge, with numbers masked", examples=["暴雨,来电激增"]
    )


class SurgeSpan(BaseModel):
    """One surge (诉求激增); running where it has not been closed."""

    number: int
    running: bool
    opened_at: datetime
    opened_by: str
    grounds: str
    closed_at: datetime | None
    closed_by: str | None
    closing_grounds: str | None


class InflowFigures(BaseModel):
    """What a surge is proposed by."""

    accepted: int = Field(description="tickets of the last 60 minutes")
    normal: float | None = Field(description="the same hour of past weeks, their median")
    weeks: int = Field(description="how many past weeks that is taken from")
    bar: float | None = Field(description="from so many tickets on it is a surge")


class SurgeDocument(BaseModel):
    """Whether calls surge, what is proposed, and the newest surges."""

    running: bool
    forced: bool = Field(description="JIESU_SURGE says so, whatever is switched")
    surge: SurgeSpan | None
    proposal: Literal["open", "close"] | None
    inflow: InflowFigures
    spans: list[SurgeSpan]


class OverviewQuery(BaseModel):
    """Of which day."""

    model_config = ConfigDict(extra="forbid")

    day: date | None = Field(None, description="a day in Beijing; by default today")


class Overview(BaseModel):
    """The figures of a day; what waits is told of now."""

    model_config = ConfigDict(extra="allow")

    day: date
    at: datetime
    accepted: int


class ExportQuery(BaseModel):
    """Of which days, in Beijing."""

    model_config = ConfigDict(extra="forbid")

    since: date | None = Field(None, description="from this day on")
    until: date | None = Field(None, description="until this day")
    excel: bool = Field(False, description="with the mark by which Excel knows UTF-8")


async def show_surge(request: web.Request) -> web.Response:
    """Show whether calls surge, and what is proposed by which figures."""
    return send_json(surge_document(await request.app[PARTS].supervisors.surge()))


async def open_surge(request: web.Request) -> web.Response:
    """Open a surge: general tickets accepted from now on have 48 hours to be dispatched."""
    body = await read_json(request, Grounds)
    await switch_surge(request, mask(body.grounds).text, is_open=True)
    state = await request.app[PARTS].supervisors.surge()
    return send_json(surge_document(state), status=201)


async def close_surge(request: web.Request) -> web.Response:
    """Close the surge; tickets that were accepted meanwhile keep their clock."""
    await switch_surge(request, None, is_open=False)
    return send_json(surge_document(await request.app[PARTS].supervisors.surge()))


async def switch_surge(request: web.Request, grounds: str | None, *, is_open: bool) -> None:
    """Open or close it; raise a `Problem` where that cannot be. `grounds` are masked."""
    switch, by = request.app[PARTS].supervisors.switch, request[ACCOUNT].name
    try:
        await (switch.open(by, grounds or "") if is_open else switch.close(by, grounds))
    except Refused as error:
        raise Problem(error.problem, error.remedy, error.remedy_zh) from None


def surge_document(state: SurgeState) -> dict[str, Any]:
    """Return the state as it is told."""
    inflow = state.inflow
    return {
        "running": state.forced or state.surge is not None,
        "forced": state.forced,
        "surge": state.surge and _span(state.surge),
        "proposal": state.proposal,
        "inflow": {
            "accepted": inflow.accepted,
            "normal": inflow.normal,
            "weeks": inflow.weeks,
            "bar": inflow.bar,
        },
        "spans": [_span(span) for span in state.spans],
    }


def _span(surge: Surge) -> dict[str, Any]:
    return {name: getattr(surge, name) for name in SurgeSpan.model_fields}


async def show_overview(request: web.Request) -> web.Response:
    """Show the figures of a day."""
    query = _query(request, OverviewQuery)
    return send_json(await request.app[PARTS].supervisors.overview(query.day))


async def export_tickets(request: web.Request) -> web.StreamResponse:
    """Send tickets as CSV, masked, by the day of their acceptance."""
    return await _export(request, Exported.TICKETS)


async def export_corrections(request: web.Request) -> web.StreamResponse:
    """Send what agents confirmed or corrected as CSV, as examples to learn from."""
    return await _export(request, Exported.CORRECTIONS)


async def _export(request: web.Request, what: Exported) -> web.StreamResponse:
    query = _query(request, ExportQuery)
    return await send_export(request, what, query)


async def send_export(
    request: web.Request, what: Exported, query: ExportQuery
) -> web.StreamResponse:
    """Send the CSV as it is read; that it was asked for is in the audit log before."""
    parts, account = request.app[PARTS], request[ACCOUNT]
    span = Span(
        None if query.since is None else begin_of(query.since),
        None if query.until is None else begin_of(query.until) + ONE_DAY,
    )
    pieces: AsyncIterator[bytes] = parts.supervisors.exporter.export(
        what, span, account.name, excel=query.excel
    )
    first = await anext(pieces)
    named = {"Content-Disposition": f'attachment; filename="jiesu-{what}.csv"'}
    response = web.StreamResponse(headers={**_CSV, **named})
    await response.prepare(request)
    await response.write(first)
    async for piece in pieces:
        await response.write(piece)
    await response.write_eof()
    return response


def _query(request: web.Request, model: type[Model]) -> Model:
    try:
        return model.model_validate(dict(request.query))
    except ValidationError as error:
        raise field_problem(faults_of(error)) from None
