"""Answers from the knowledge base, offered while a citizen types their appeal."""

from typing import Final

from aiohttp import web

from gateway.knowledge.base import TooBusy
from gateway.web.pages.forms import PageForm, read_form
from gateway.web.pages.rendering import render
from gateway.web.parts import PARTS

_SHORTEST: Final = 4
_LONGEST: Final = 500
_OFFERED: Final = 3
_FITS_FROM: Final = 0.5
"""Below this score what is found is of another matter more often than not."""


async def offer_answers(request: web.Request) -> web.Response:
    """Show, as part of a page, what may answer the text; nothing of it is kept or logged."""
    parts, form = request.app[PARTS], PageForm()
    await read_form(request, form)
    text = form.get("text").strip()[:_LONGEST]
    answer, entries = None, []
    if len(text) >= _SHORTEST:
        try:
            found = await parts.knowledge.look_up(text, parts.clock.now(), _OFFERED)
        except TooBusy:
            # What is shown stays: the next keystroke asks again.
            return web.Response(status=204, headers={"Cache-Control": "no-store"})
        answer = found.answer and found.answer.entry
        entries = [item.entry for item in found.found if item.score >= _FITS_FROM]
    context = {"answer": answer, "entries": [item for item in entries if item != answer]}
    return render(request, "_answers.html", context, here="/")
