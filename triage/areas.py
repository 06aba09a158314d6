"""The gazetteer: places named in a text, and the district and street that they speak for."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from triage.rules.scanner import Scanner
from triage.text.normalise import normalise

#: What a mention speaks for its district: the full name of a district or street more than the rest.
_FULL_NAME, _ALIAS = 3, 2


@dataclass(frozen=True, slots=True)
class Area:
    """One row of areas.csv. `kind` is `district`, `street` or `place`.

    `district` and `street` are area codes; `unless` holds contexts, each with an alias in it,
    where the alias does not mean this area.
    """

    code: str
    name: str
    kind: str
    district: str
    street: str | None
    aliases: tuple[str, ...]
    unless: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mention:
    """[start, end) of the normalised text names one of `areas` (several share the name)."""

    start: int
    end: int
    areas: tuple[Area, ...]
    full_name: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where the matter lies, as far as the text tells; `mentions` are the grounds."""

    district: str | None = None
    street: str | None = None
    codes: frozenset[str] = field(default_factory=frozenset)
    mentions: tuple[Mention, ...] = ()


class Gazetteer:
    """All areas, compiled once."""

    def __init__(self, areas: Iterable[Area]) -> None:
        self._by_name: dict[str, list[Area]] = {}
        self._full_names: set[str] = set()
        self._contexts: dict[str, list[tuple[str, int, str]]] = {}
        for area in areas:
            self._add(area)
        self._scanner = Scanner([*self._by_name, *self._contexts])

    def _add(self, area: Area) -> None:
        name = normalise(area.name).text
        if area.kind != "place":
            self._full_names.add(name)
        names = dict.fromkeys([name, *(normalise(alias).text for alias in area.aliases)])
        for text in names:
            self._by_name.setdefault(text, []).append(area)
        for context in (normalise(item).text for item in area.unless):
            for alias in names:
                at = context.find(alias)
                if at >= 0:
                    self._contexts.setdefault(context, []).append((area.code, at, alias))

    def mentions(self, text: str) -> list[Mention]:
        """Places that a normalised text names, the longest first where names overlap."""
        hits = self._scanner.scan(text)
        barred = {
            (start + at, alias, code)
            for start, literal in hits
            for code, at, alias in self._contexts.get(literal, ())
        }
        taken: set[int] = set()
        found = []
        for start, literal in sorted(hits, key=lambda hit: (-len(hit[1]), hit[0])):
            areas = tuple(
                area
                for area in self._by_name.get(literal, ())
                if (start, literal, area.code) not in barred
            )
            place = range(start, start + len(literal))
            if not areas or not taken.isdisjoint(place):
                continue
            taken.update(place)
            found.append(Mention(start, start + len(literal), areas, literal in self._full_names))
        return sorted(found, key=lambda mention: mention.start)

    def locate(self, text: str) -> Place:
        """The district and street that the mentions agree on; null where they do not."""
        mentions = self.mentions(text)
        if not mentions:
            return Place()
        district = _district(mentions)
        if district is None:
            return Place(mentions=tuple(mentions))
        fitting = [
            Mention(item.start, item.end, areas, item.full_name)
            for item in mentions
            if (areas := tuple(area for area in item.areas if area.district == district))
        ]
        street = _street(fitting)
        codes = {area.code for item in fitting for area in item.areas} | {district}
        return Place(
            district, street, frozenset(codes | ({street} if street else set())), tuple(fitting)
        )


def _district(mentions: list[Mention]) -> str | None:
    """The one that most and the plainest mentions speak for, or none if two are level."""
    votes: Counter[str] = Counter()
    for item in mentions:
        districts = {area.district for area in item.areas}
        for district in districts:
            # A name that several districts share counts half: it decides nothing by itself.
            weight = _FULL_NAME if item.full_name else _ALIAS
            votes[district] += weight * (2 if len(districts) == 1 else 1)
    top = votes.most_common(2)
    if len(top) == 2 and top[0][1] == top[1][1]:
        return None
    return top[0][0]


def _street(mentions: list[Mention]) -> str | None:
    votes: Counter[str] = Counter()
    for item in mentions:
        streets = {area.code if area.kind == "street" else area.street for area in item.areas}
        for street in streets - {None}:
            if street is not None:
                votes[street] += _FULL_NAME if item.full_name else _ALIAS
    top = votes.most_common(2)
    if not top or (len(top) == 2 and top[0][1] == top[1][1]):
        return None
    return top[0][0]
