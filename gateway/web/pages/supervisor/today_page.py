"""`/agent/today`: a day at a glance, as charts and as tables."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from aiohttp import web

from gateway.accounts.permissions import Permission
from gateway.oversight.overview import today
from gateway.web.pages.agent.frame import render_agent
from gateway.web.pages.supervisor.names import hour_of, names
from gateway.web.parts import ACCOUNT, PARTS

TAB = "/agent/today"


async def show_today(request: web.Request) -> web.Response:
    """Show the figures of today, or of the day in the address."""
    parts = request.app[PARTS]
    this = today(parts.clock.now())
    day = min(_day(request.query.get("day", "")) or this, this)
    figures = await parts.supervisors.overview(day)
    waiting = figures["waiting"]
    context = {
        **names(request),
        "f": figures,
        "day": day,
        "is_today": day == this,
        "before": day - timedelta(days=1),
        "after": day + timedelta(days=1) if day < this else None,
        "hours": [{**item, "at": hour_of(item["hour"])} for item in figures["hours"]],
        "normal": _normal_so_far(figures),
        "overdue": sum(line["overdue"] for line in waiting),
        "soon": sum(line["within_1_hour"] for line in waiting),
        "all_waiting": sum(line["all"] for line in waiting),
        "share": _share,
        "percent": lambda share: "–" if share is None else f"{share * 100:.0f}%",
        "surge": await parts.supervisors.surge(),
        "may_switch": request[ACCOUNT].may(Permission.SWITCH_SURGE),
    }
    return render_agent(request, "supervisor_today.html", context)


def _day(given: str) -> date | None:
    try:
        return date.fromisoformat(given)
    except ValueError:
        return None


def _normal_so_far(figures: dict[str, Any]) -> int | None:
    """Return what the hours that are over normally bring; None where nothing tells."""
    past = [item["normal"] for item in figures["hours"] if item["hour"] < figures["at"]]
    return round(sum(past[:-1])) if past and None not in past else None


def _share(count: int, rows: Sequence[dict[str, Any]], name: str = "count") -> str:
    """Return the width of a bar beside others: the longest has all of it."""
    most = max((row[name] or 0 for row in rows), default=0)
    return f"{100 * count / most:.1f}%" if most else "0%"
