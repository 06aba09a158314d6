"""Finding a unit (承办单位) as one types: by code, name, pinyin, initials, or what it deals with.

What is typed of a name may be pinyin whole (`gonganju`), its initials (`gaj`) or a mixture
(`gonganj`), from any of the name's characters on: "市" need not be typed.
"""

import asyncio
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from triage.taxonomy import Catalogue, Unit

MOST: Final = 100
LONGEST: Final = 100
"""Characters of a query that are read."""
_SPACES: Final = re.compile(r"[\s,，、;；]+")
_LATIN: Final = re.compile(r"[a-z]+")
_Syllables = tuple[tuple[str, ...], ...]
"""The readings of each character of a name; a character without one stands for itself."""


class FoundBy(StrEnum):
    """What of a unit fits what was typed, the best first."""

    CODE = "code"
    NAME = "name"
    PINYIN = "pinyin"
    DUTY = "duty"
    MATTER = "matter"


@dataclass(frozen=True, slots=True)
class FoundUnit:
    """A unit, by what it was found, and the words that fit."""

    unit: Unit
    by: FoundBy
    words: str


@dataclass(frozen=True, slots=True)
class _Known:
    """What a unit is found by; `matters` are names and words of the catalogue's entries."""

    unit: Unit
    name: str
    syllables: _Syllables
    matters: tuple[tuple[str, str], ...]


_Fit = tuple[float, FoundBy, str]
"""How far off a fit is, 0 for the best."""


class UnitPicker:
    """Finds units of the catalogue of the moment."""

    def __init__(self, catalogue: Callable[[], Catalogue]) -> None:
        self._catalogue = catalogue
        self._read: Catalogue | None = None
        self._known: Sequence[_Known] = ()

    def all_units(self) -> list[Unit]:
        """Return all units, in the catalogue's order."""
        return list(self._catalogue().units.values())

    async def meant(self, words: str) -> list[Unit]:
        """Return the one unit whose code or whole name this is, else all that it finds."""
        plain = _plain(words).strip()
        for unit in self.all_units():
            if plain in {unit.code, _plain(unit.name)}:
                return [unit]
        return [item.unit for item in await self.find(words, MOST)]

    async def find(self, query: str, most: int = 20) -> list[FoundUnit]:
        """Return the units that fit every word of the query, the best first.

        An empty query finds all units in the catalogue's order.
        """
        catalogue = self._catalogue()
        if catalogue is not self._read:
            # Reading the readings of characters takes most of a second, once.
            self._known = await asyncio.to_thread(_known_units, catalogue)
            self._read = catalogue
        words = _SPACES.split(_plain(query[:LONGEST]).strip())
        wanted = [word for word in words if word]
        found: list[tuple[float, int, FoundUnit]] = []
        for place, known in enumerate(self._known):
            fits = [_fit(known, word) for word in wanted]
            told = [fit for fit in fits if fit is not None]
            if len(told) < len(fits):
                continue
            if not told:
                told = [(0.0, FoundBy.NAME, known.unit.name)]
            _, by, text = min(told)
            off = sum(fit[0] for fit in told)
            found.append((off, place, FoundUnit(known.unit, by, text)))
        found.sort(key=lambda item: item[:2])
        return [item for _, _, item in found[:most]]


def _known_units(catalogue: Catalogue) -> list[_Known]:
    matters: dict[str, list[tuple[str, str]]] = {}
    for matter in catalogue.matters.matters:
        said = [word for item in matter.words for group in item.wanted for word in group]
        text = " ".join(dict.fromkeys((_plain(matter.name), *map(_plain, said))))
        for code in (matter.lead, *matter.supporting):
            matters.setdefault(code, []).append((matter.name, text))
    return [
        _Known(unit, _plain(unit.name), _syllables(unit.name), tuple(matters.get(unit.code, ())))
        for unit in catalogue.units.values()
    ]


def _syllables(name: str) -> _Syllables:
    # Its tables are large, and who never picks a unit needs none of them.
    from pypinyin import Style, pinyin

    read = pinyin(name, style=Style.NORMAL, heteronym=True)
    return tuple(tuple(dict.fromkeys(_plain(item) for item in readings)) for readings in read)


def _plain(text: str) -> str:
    """Return a text as it is compared: half-width, small letters, ü as the keyboard has it."""
    return unicodedata.normalize("NFKC", text).casefold().replace("ü", "v")


def _fit(known: _Known, word: str) -> _Fit | None:
    """Return how a unit fits a word, None where it does not."""
    fits = (_by_code(known, word), _by_name(known, word), _by_pinyin(known, word))
    found = min((fit for fit in fits if fit is not None), default=None)
    return found or _by_duty(known, word) or _by_matter(known, word)


def _by_code(known: _Known, word: str) -> _Fit | None:
    code = known.unit.code
    if word == code:
        return 0.0, FoundBy.CODE, code
    if code.startswith(word):
        return 2.0, FoundBy.CODE, code
    parts = code.split("-")
    if any(part.startswith(word) for part in parts[1:]):
        return 2.5, FoundBy.CODE, code
    return None


def _by_name(known: _Known, word: str) -> _Fit | None:
    if word == known.name:
        return 0.0, FoundBy.NAME, known.unit.name
    place = known.name.find(word)
    if place < 0:
        return None
    # Nearly as good as the whole: the name without 市 or 北京.
    return (1.0 if known.name.endswith(word) else 1.5) + place / 100, FoundBy.NAME, known.unit.name


def _by_pinyin(known: _Known, word: str) -> _Fit | None:
    letters = word.replace("'", "")
    if not _LATIN.fullmatch(letters):
        return None
    for first in range(len(known.syllables)):
        read = _read_on(letters, known.syllables[first:])
        if read:
            left = len(known.syllables) - first - read
            return 3.0 + first / 10 + left / 100, FoundBy.PINYIN, known.unit.name
    return None


def _read_on(letters: str, syllables: _Syllables) -> int:
    """Return how many characters the letters go over, each at least begun; 0 where they do not."""
    reached = {0}
    for number, readings in enumerate(syllables, 1):
        reached = set(_further(letters, reached, readings))
        if len(letters) in reached:
            return number
        if not reached:
            break
    return 0


def _further(letters: str, reached: Iterable[int], readings: Sequence[str]) -> Iterable[int]:
    for start in reached:
        for reading in readings:
            for length in range(1, len(reading) + 1):
                if not letters.startswith(reading[:length], start):
                    break
                yield start + length


def _by_duty(known: _Known, word: str) -> _Fit | None:
    duties = [(_plain(duty), duty) for duty in known.unit.duties]
    fits = [(5.0 if text == word else 5.5, duty) for text, duty in duties if word in text]
    if not fits:
        return None
    off, duty = min(fits)
    return off, FoundBy.DUTY, duty


def _by_matter(known: _Known, word: str) -> _Fit | None:
    fits = [(6.0 if word in _plain(name) else 7.0, name) for name, text in known.matters
            if word in text]  # fmt: skip
    if not fits:
        return None
    off, name = min(fits)
    return off, FoundBy.MATTER, name
