"""`GET /api/v1/units`: finding a unit as one types."""

from typing import Final, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from channels.body import StrictBody, faults_of
from gateway.confirmation.picking import LONGEST, MOST, FoundBy, FoundUnit
from gateway.web.parts import PARTS
from gateway.web.problems import field_problem

_NO_STORE: Final = {"Cache-Control": "no-store"}


class UnitsQuery(BaseModel):
    """What is typed."""

    model_config = ConfigDict(extra="forbid")

    q: str = Field(
        "", max_length=LONGEST,
        description="code, name, pinyin, initials, or words of duties and matters; empty finds all",
    )  # fmt: skip
    limit: int = Field(20, ge=1, le=MOST)


class UnitLine(StrictBody):
    """One unit, and what of it fits."""

    code: str
    name: str
    kind: Literal["department", "enterprise", "district"]
    duties: list[str]
    by: FoundBy
    words: str = Field(description="what fits: the code, the name, a duty or a matter's name")


class UnitList(StrictBody):
    """The units that fit every word, the best first."""

    units: list[UnitLine]


async def list_units(request: web.Request) -> web.Response:
    """Find units."""
    try:
        query = UnitsQuery.model_validate(dict(request.query))
    except ValidationError as error:
        raise field_problem(faults_of(error)) from None
    found = await request.app[PARTS].units.find(query.q, query.limit)
    lines = UnitList(units=[_line(item) for item in found])
    return web.Response(
        body=lines.model_dump_json().encode(), content_type="application/json", headers=_NO_STORE
    )


def _line(found: FoundUnit) -> UnitLine:
    unit = found.unit
    return UnitLine.model_validate(
        {"code": unit.code, "name": unit.name, "kind": unit.kind, "duties": list(unit.duties),
         "by": found.by, "words": found.words}
    )  # fmt: skip
