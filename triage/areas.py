"""The gazetteer: places named in a text, and the district and street that they speak for."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from triage.rules.scanner import Scanner
from triage.text.normalise import normalise

#: What a mention speaks for its district: the full name of a district or street more than the rest,
#: a place that somebody comes from or goes to less; where the teller lives or stands adds to it.
_FULL_NAME, _ALIAS, _ELSEWHERE, _OWN = 6, 4, 1, 3
#: After a word, these make a place of it whatever stands before.
_PLAINLY_AFTER = re.compile(
    r"这边|这儿|这片|这块|这里|这个?(?:小区|村|社区|楼|院|工地|路口|学校|派出所|那个)|那边|那儿|那块|那片|那里|"
    r"一带|附近|周边|镇(?!静|定|压)|乡|地区|街道|小区|社区|东里|西里|南里|北里|[东西南北][一二三四五六七八九]?[里区条]|"
    r"[东西南北中]?(?:大街|街|桥)|地铁|派出所|医院|卫生院|卫生服务|供电所|敬老院|养老院|门口|大集|高教园|收费站|道口|消防站"
)
#: These do if the word begins a sentence or follows one of `_BEFORE`.
_AFTER = re.compile(
    r"那个|某|的(?!确|话)|口|站|家园|嘉园|花园|新村|公交|中学|小学|幼儿园|政务|水厂|集市|市场|工业园|开发区|"
    r"科技园|公园|[东西南北]边|出租车|候车|[,。\s]|$"
)
_BEFORE = re.compile(
    r"(住|在|家在|位于|北京|来自|路过|我们|咱们?|我家|到|往|从|区|[\n。,!?;:、\s]|^)$"
)
_FROM = re.compile(r"(从|去|往|老家|籍贯|户口在|来自|回|送到?|闯到|转到|拉到|开到)$")
_HERE = re.compile(r"(我们?住的?|家住|我家在?|我们家?在?|咱们?|我在|住在?|我是|位于|地址[是:]?)$")
_TO = re.compile(r"过来|赶过来|来的|人(?!家|行|民|大|流)|去上班|上班")


@dataclass(frozen=True, slots=True)
class Area:
    """One row of areas.csv. `kind` is `district`, `street` or `place`.

    `district` and `street` are area codes; `unless` holds contexts, each with an alias in it,
    where the alias does not mean this area. `hinted` are short names that are other words too:
    they count only where the text hints at a place.
    """

    code: str
    name: str
    kind: str
    district: str
    street: str | None
    aliases: tuple[str, ...]
    unless: tuple[str, ...]
    hinted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mention:
    """[start, end) of the normalised text names one of `areas` (several share the name)."""

    start: int
    end: int
    areas: tuple[Area, ...]
    full_name: bool
    elsewhere: bool = False
    """Told as where somebody comes from or goes to."""
    own: bool = False
    """Told as where the teller lives or stands."""

    @property
    def weight(self) -> int:
        """What it speaks for its place."""
        if self.elsewhere:
            return _ELSEWHERE
        return (_FULL_NAME if self.full_name else _ALIAS) + (_OWN if self.own else 0)


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
        self._hinted: dict[str, list[Area]] = {}
        self._full_names: set[str] = set()
        self._contexts: dict[str, list[tuple[str, int, str]]] = {}
        for area in areas:
            self._add(area)
        self._scanner = Scanner([*self._by_name, *self._hinted, *self._contexts])

    def _add(self, area: Area) -> None:
        name = normalise(area.name).text
        if area.kind != "place":
            self._full_names.add(name)
        names = dict.fromkeys([name, *(normalise(alias).text for alias in area.aliases)])
        for text in names:
            self._by_name.setdefault(text, []).append(area)
        hinted = dict.fromkeys(normalise(alias).text for alias in area.hinted)
        for text in hinted:
            self._hinted.setdefault(text, []).append(area)
        for context in (normalise(item).text for item in area.unless):
            for alias in (*names, *hinted):
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
            end = start + len(literal)
            named = self._by_name.get(literal, [])
            if literal in self._hinted and _is_place(text, start, end):
                named = [*named, *self._hinted[literal]]
            areas = tuple(area for area in named if (start, literal, area.code) not in barred)
            place = range(start, end)
            if not areas or not taken.isdisjoint(place):
                continue
            taken.update(place)
            full, elsewhere = literal in self._full_names, _is_elsewhere(text, start, end)
            own = _HERE.search(text[max(0, start - 4) : start]) is not None
            found.append(Mention(start, end, areas, full, elsewhere, own))
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
            replace(item, areas=areas)
            for item in mentions
            if (areas := tuple(area for area in item.areas if area.district == district))
        ]
        street = _street(fitting)
        codes = {area.code for item in fitting for area in item.areas} | {district}
        return Place(
            district, street, frozenset(codes | ({street} if street else set())), tuple(fitting)
        )


def _is_place(text: str, start: int, end: int) -> bool:
    """Whether what stands around [start, end) makes a place of it."""
    if _PLAINLY_AFTER.match(text, end):
        return True
    before = _BEFORE.search(text[max(0, start - 3) : start])
    return before is not None and _AFTER.match(text, end) is not None


def _is_elsewhere(text: str, start: int, end: int) -> bool:
    """Whether somebody comes from there or goes there."""
    return _FROM.search(text[max(0, start - 3) : start]) is not None or (
        _TO.match(text, end) is not None
    )


def _district(mentions: list[Mention]) -> str | None:
    """The one that most and the plainest mentions speak for, or none if two are level."""
    votes: Counter[str] = Counter()
    for item in mentions:
        districts = {area.district for area in item.areas}
        for district in districts:
            # A name that several districts share counts half: it decides nothing by itself.
            votes[district] += item.weight * (2 if len(districts) == 1 else 1)
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
                votes[street] += item.weight
    top = votes.most_common(2)
    if not top or (len(top) == 2 and top[0][1] == top[1][1]):
        return None
    return top[0][0]
