"""One validated catalogue out of five files' texts, compiled for matching."""

from collections.abc import Mapping
from dataclasses import dataclass

from triage.areas import Area, Gazetteer
from triage.decision import Topic
from triage.rules.matters import Matters
from triage.rules.tiers import TierRules
from triage.taxonomy.errors import CatalogueError
from triage.taxonomy.rulebooks import MATTERS, TIERS, parse_matters, parse_tiers
from triage.taxonomy.tables import (
    AREAS,
    TOPICS,
    UNITS,
    Unit,
    parse_areas,
    parse_topics,
    parse_units,
)

#: The files that make a catalogue, all of them needed.
FILES = (UNITS, TOPICS, AREAS, MATTERS, TIERS)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What clerks keep, ready for use; immutable, so that a bad edit can keep the old one."""

    units: Mapping[str, Unit]
    topics: tuple[Topic, ...]
    areas: Mapping[str, Area]
    gazetteer: Gazetteer
    matters: Matters
    tiers: TierRules

    def unit_name(self, code: str) -> str:
        """The Chinese name of a unit code, `district` included."""
        unit = self.units.get(code)
        return unit.name if unit else "属地政府"


def parse_catalogue(files: Mapping[str, str]) -> Catalogue:
    """Validate the texts of FILES, by file name, and compile them.

    Raises CatalogueError, which names the file, the line, what is wrong and what to do.
    """
    for file in FILES:
        if file not in files:
            raise CatalogueError(file, 1, "the file is missing; put it back")
    units = parse_units(files[UNITS])
    areas = parse_areas(files[AREAS], units)
    return Catalogue(
        units=units,
        topics=parse_topics(files[TOPICS]),
        areas=areas,
        gazetteer=Gazetteer(areas.values()),
        matters=Matters(parse_matters(files[MATTERS], units, areas)),
        tiers=TierRules(parse_tiers(files[TIERS], units)),
    )
