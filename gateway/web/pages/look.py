"""How a citizen wants the pages: the language, and large type (适老); kept in cookies."""

from dataclasses import dataclass
from typing import Final, Literal

from aiohttp import web

Language = Literal["zh", "en"]
LANGUAGE: Final = "jiesu_lang"
TYPE: Final = "jiesu_type"


@dataclass(frozen=True, slots=True)
class Look:
    """What one page is rendered with; `chosen` holds the cookies that are to be kept."""

    language: Language
    large: bool
    chosen: tuple[tuple[str, str], ...] = ()

    def say(self, chinese: str, english: str) -> str:
        """Return the text in the page's language."""
        return chinese if self.language == "zh" else english


def look_of(request: web.Request) -> Look:
    """Return what the links `?lang=` and `?type=` ask for, else what was chosen before."""
    language = _choice(request, "lang", LANGUAGE, ("zh", "en"))
    size = _choice(request, "type", TYPE, ("normal", "large"))
    chosen = tuple(
        (cookie, value)
        for name, cookie, value in (("lang", LANGUAGE, language), ("type", TYPE, size))
        if request.query.get(name) == value
    )
    return Look("en" if language == "en" else "zh", size == "large", chosen)


def _choice(request: web.Request, name: str, cookie: str, known: tuple[str, str]) -> str:
    for value in (request.query.get(name), request.cookies.get(cookie)):
        if value in known:
            return value
    return known[0]
