"""`/agent/knowledge`: what there is, what ends soon, and what no longer holds."""

from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from gateway.knowledge.entries import day_of
from gateway.knowledge.listing import Standing, Wanted, count_by_standing, list_edits, standing_of
from gateway.web.pages.agent.frame import render_agent
from gateway.web.pages.look import look_of
from gateway.web.pages.words import Pair
from gateway.web.parts import PARTS

_HERE: Final = "/agent/knowledge"
_MOST: Final = 50
_LONGEST: Final = 100
_DIGITS: Final = 15
STANDINGS: Final[dict[Standing, Pair]] = {
    Standing.HOLDS: ("有效", "Holds"),
    Standing.ENDING: ("即将到期", "Ends soon"),
    Standing.OVER: ("已过期", "Over"),
    Standing.LATER: ("尚未生效", "Not yet"),
    Standing.RETIRED: ("已停用", "Retired"),
}
_DONE: Final[dict[str, Pair]] = {
    "added": ("条目已新增。", "The entry is kept."),
    "changed": ("条目已保存为新版本。", "The entry is kept as a new version."),
    "retired": ("条目已停用，历史版本保留。", "The entry is retired; its history stays."),
}


async def show_list(request: web.Request) -> web.Response:
    """Show the entries that an editor looks for, fifty on a page, those edited last on top."""
    parts = request.app[PARTS]
    day = day_of(parts.clock.now())
    wanted = _wanted(request)
    async with parts.database.read() as connection:
        edits = await list_edits(connection, wanted, day)
        counts = await count_by_standing(connection, day)
    more = edits[_MOST - 1].number if len(edits) > _MOST else None
    asked = {"q": wanted.words, "standing": wanted.standing}
    context = {
        "words": wanted.words,
        "standing": wanted.standing,
        "standings": STANDINGS,
        "counts": counts,
        "entries": [(edit.entry, standing_of(edit.entry, day)) for edit in edits[:_MOST]],
        "more": more and f"{_HERE}?{_query(**asked, before=more)}",
        "units": parts.unit_name,
        "notice": notice_of(request),
    }
    return render_agent(request, "agent_knowledge.html", context, tab=_HERE)


def notice_of(request: web.Request) -> str | None:
    """Return what a page says after a form was taken, by the word in its address."""
    pair = _DONE.get(request.query.get("done", ""))
    return look_of(request).say(*pair) if pair else None


def _wanted(request: web.Request) -> Wanted:
    """Return what the address asks for; what cannot be asked for is left out."""
    standing, before = request.query.get("standing", ""), request.query.get("before", "")
    is_number = before.isascii() and before.isdecimal() and len(before) <= _DIGITS
    return Wanted(
        request.query.get("q", "").strip()[:_LONGEST],
        Standing(standing) if standing in set(Standing) else None,
        int(before) if is_number else None,
        _MOST + 1,
    )


def _query(**values: object) -> str:
    return urlencode({name: str(value) for name, value in values.items() if value})
