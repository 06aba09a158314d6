"""`/agent/calls`: calls in progress with what is said and what triage makes of it, as it goes."""

import re
from typing import Any, Final

from aiohttp import web

from gateway.intake.current_calls import KEY_DIGITS, CurrentCall
from gateway.tickets.numbers import show_ticket_id
from gateway.web.pages.agent.frame import render_agent
from gateway.web.pages.agent.words import TIERS
from gateway.web.parts import PARTS, WebParts
from gateway.web.problems import Problem
from triage.decision import URGENCY, Tier

_HERE: Final = "/agent/calls"
_KEY: Final = re.compile(f"[0-9a-f]{{{KEY_DIGITS}}}")
_LAST: Final = 3
"""Lines of each call that the list shows."""


async def show_calls(request: web.Request) -> web.Response:
    """Show the calls in progress, what may be dangerous on top."""
    return render_agent(request, "agent_calls.html", await _all(request))


async def show_calls_now(request: web.Request) -> web.Response:
    """Show the part of the list that changes, for a page that is open."""
    return render_agent(request, "_agent_calls.html", await _all(request), here=_HERE)


async def show_call(request: web.Request) -> web.Response:
    """Show one call with all that is said."""
    context = await _one(request)
    return render_agent(request, "agent_call.html", context, tab=_HERE)


async def show_call_now(request: web.Request) -> web.Response:
    """Show what of a call changes; one that is over says so."""
    return render_agent(request, "_agent_call.html", await _one(request), tab=_HERE)


async def _all(request: web.Request) -> dict[str, Any]:
    parts = request.app[PARTS]
    calls = sorted(await parts.calls.now(), key=_urgency)
    return {"calls": [_shown(parts, call) for call in calls], "last": _LAST, **_WORDS}


async def _one(request: web.Request) -> dict[str, Any]:
    parts, given = request.app[PARTS], request.match_info["call"]
    call = await parts.calls.one(given)
    if call is None and not _KEY.fullmatch(given):
        raise Problem("not-found", "go back to the list of calls", "请返回通话列表")
    return {"given": given, "call": _shown(parts, call) if call else None, **_WORDS}


_WORDS: Final = {"tiers": TIERS, "number": show_ticket_id}


def _urgency(call: CurrentCall) -> int:
    tier = call.decision["tier"] if call.decision else Tier.GENERAL
    return -URGENCY[Tier(tier)]


def _shown(parts: WebParts, call: CurrentCall) -> dict[str, Any]:
    decision = call.decision or {}
    return {
        "call": call,
        "tier": decision.get("tier"),
        "kind": decision.get("kind"),
        "topic": decision.get("topic"),
        "district": parts.unit_name(code) if (code := decision.get("district")) else None,
        "candidates": [
            (parts.unit_name(item["code"]), item["probability"])
            for item in decision.get("candidates", ())[:3]
        ],
    }
