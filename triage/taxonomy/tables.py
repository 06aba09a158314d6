"""The catalogue's CSV files: units.csv, topics.csv, areas.csv."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from triage.areas import Area
from triage.decision import DISTRICT, Topic
from triage.taxonomy.errors import CatalogueError

UNITS, TOPICS, AREAS = "units.csv", "topics.csv", "areas.csv"
_UNIT_COLUMNS = ("code", "name_zh", "kind", "duties_zh")
_TOPIC_COLUMNS = ("name",)
_AREA_COLUMNS = ("code", "name", "kind", "district", "street", "aliases", "unless")
_UNIT_KINDS = ("department", "enterprise", "district")
#: Stands before an alias that counts only where the text hints at a place.
_HINTED = "~"
_AREA_KINDS = ("district", "street", "place")


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit that can be handed a ticket; `kind` is department, enterprise or district."""

    code: str
    name: str
    kind: str
    duties: tuple[str, ...]


def parse_units(text: str) -> dict[str, Unit]:
    """Units by code, in the file's order."""
    units: dict[str, Unit] = {}
    for line, row in _rows(UNITS, text, _UNIT_COLUMNS):
        code, name, kind, duties = row
        if not code or not name:
            raise CatalogueError(UNITS, line, "code and name_zh must be filled")
        if code in units:
            raise CatalogueError(UNITS, line, f"the code {code!r} stands twice; keep one")
        if kind not in _UNIT_KINDS:
            raise _unknown(UNITS, line, "kind", kind, _UNIT_KINDS)
        if (kind == "district") != code.startswith(f"{DISTRICT}-"):
            raise CatalogueError(
                UNITS,
                line,
                f"{code!r}: only codes of districts start with 'district-'",
            )
        units[code] = Unit(code, name, kind, tuple(filter(None, duties.split("、"))))
    if not units:
        raise CatalogueError(UNITS, 1, "there is no unit; add one")
    return units


def parse_topics(text: str) -> tuple[Topic, ...]:
    """The topics, which are those that decisions know, each once."""
    topics: list[Topic] = []
    for line, (name,) in _rows(TOPICS, text, _TOPIC_COLUMNS):
        if name not in set(Topic):
            raise _unknown(TOPICS, line, "name", name, tuple(Topic))
        if name in topics:
            raise CatalogueError(TOPICS, line, f"{name} stands twice; keep one")
        topics.append(Topic(name))
    missing = [topic for topic in Topic if topic not in topics]
    if missing:
        raise CatalogueError(TOPICS, 1, f"no row for {'、'.join(missing)}; add it")
    return tuple(topics)


def parse_areas(text: str, units: dict[str, Unit]) -> dict[str, Area]:
    """Areas by code; districts must be units, streets and places lie in districts."""
    areas: dict[str, Area] = {}
    lines: dict[str, int] = {}
    for line, row in _rows(AREAS, text, _AREA_COLUMNS):
        area = _area(line, row)
        if area.code in areas:
            raise CatalogueError(AREAS, line, f"the code {area.code!r} stands twice; keep one")
        if area.district not in units or units[area.district].kind != "district":
            raise CatalogueError(
                AREAS, line, f"{area.district!r} is no district of {UNITS}; correct the code"
            )
        areas[area.code] = area
        lines[area.code] = line
    for code, area in areas.items():
        _check_street(lines[code], area, areas)
    return areas


def _area(line: int, row: Sequence[str]) -> Area:
    code, name, kind, district, street, aliases, unless = row
    if not code or not name:
        raise CatalogueError(AREAS, line, "code and name must be filled")
    if kind not in _AREA_KINDS:
        raise _unknown(AREAS, line, "kind", kind, _AREA_KINDS)
    if kind == "district":
        if district not in ("", code) or street:
            raise CatalogueError(AREAS, line, "a district lies in no other district or street")
        district = code
    names = _cell(aliases)
    area = Area(
        code,
        name,
        kind,
        district,
        street or None,
        aliases=tuple(item for item in names if not item.startswith(_HINTED)),
        unless=_cell(unless),
        hinted=tuple(item.removeprefix(_HINTED) for item in names if item.startswith(_HINTED)),
    )
    for context in area.unless:
        if not any(alias in context for alias in (name, *area.aliases, *area.hinted)):
            raise CatalogueError(
                AREAS, line, f"{context!r} under unless holds no alias of {name}; write it whole"
            )
    return area


def _check_street(line: int, area: Area, areas: dict[str, Area]) -> None:
    if area.street is None:
        return
    street = areas.get(area.street)
    if street is None or street.kind != "street":
        raise CatalogueError(AREAS, line, f"{area.street!r} is no street here; correct the code")
    if street.district != area.district:
        raise CatalogueError(
            AREAS, line, f"{street.name} lies in {street.district}, {area.name} in {area.district}"
        )


def _rows(file: str, text: str, columns: tuple[str, ...]) -> Iterator[tuple[int, tuple[str, ...]]]:
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        header = tuple(next(reader, ()))
        if header != columns:
            raise CatalogueError(file, 1, f"the first line must be {','.join(columns)}")
        for row in reader:
            if not any(row):
                continue
            if len(row) != len(columns):
                raise CatalogueError(
                    file, reader.line_num, f"{len(row)} cells where {len(columns)} belong"
                )
            yield reader.line_num, tuple(cell.strip() for cell in row)
    except csv.Error as error:
        raise CatalogueError(
            file, reader.line_num, f"this is not CSV ({error}); mend it"
        ) from error


def _cell(text: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in text.split("|") if item.strip())


def _unknown(file: str, line: int, what: str, value: str, known: Sequence[str]) -> CatalogueError:
    return CatalogueError(file, line, f"{value!r} is unknown as {what}; use {', '.join(known)}")
