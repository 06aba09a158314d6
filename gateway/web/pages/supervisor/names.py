"""What several pages for supervisors say: units, places and tickets in words."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from aiohttp import web

from gateway.tickets.numbers import BEIJING, show_ticket_id
from gateway.web.pages.agent.words import CHANNELS, TIERS
from gateway.web.pages.look import look_of
from gateway.web.pages.words import Pair
from gateway.web.parts import PARTS

FIELDS: Final[dict[str, Pair]] = {
    "tier": ("紧急程度", "Tier"),
    "unit": ("承办单位", "Unit"),
    "supporting_units": ("协办单位", "Supporting units"),
    "kind": ("诉求类别", "Kind"),
    "topic": ("主题", "Topic"),
    "district": ("区", "District"),
}


def names(request: web.Request) -> dict[str, Any]:
    """Return what the templates of these pages call things by."""
    parts, look = request.app[PARTS], look_of(request)

    def said(words: Mapping[Any, Pair]) -> Callable[[str | None], str]:
        def of(name: str | None) -> str:
            if name is None:
                return look.say("待定", "open")
            return look.say(*words[name]) if name in words else name

        return of

    units = parts.units.all_units()
    return {
        "number": show_ticket_id,
        "tier_name": said(TIERS),
        "channel_name": said(CHANNELS),
        "field_name": said(FIELDS),
        "unit_of": parts.unit_name,
        "clock": lambda moment: moment.astimezone(BEIJING).strftime("%H:%M"),
        "units": [(unit.code, unit.name) for unit in units if unit.kind != "district"],
        "districts": [(unit.code, unit.name) for unit in units if unit.kind == "district"],
        "tiers": TIERS,
        "channels": CHANNELS,
    }


def hour_of(moment: datetime) -> int:
    """Return the hour of the day in Beijing."""
    return moment.astimezone(BEIJING).hour
