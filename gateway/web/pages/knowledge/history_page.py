"""`/agent/knowledge/{entry}/history`: every version, what each changed, and by whom."""

from typing import Final

from aiohttp import web

from gateway.knowledge.entries import Entry
from gateway.web.knowledge import identity_of, no_such_entry
from gateway.web.pages.agent.frame import render_agent
from gateway.web.pages.knowledge.fields import LABELS, fields_of
from gateway.web.parts import PARTS

_LIST: Final = "/agent/knowledge"


async def show_history(request: web.Request) -> web.Response:
    """Show the versions, newest first, each with the fields that it changed."""
    versions = await request.app[PARTS].entries.history(identity_of(request))
    if not versions:
        raise no_such_entry()
    before: list[Entry | None] = [None, *versions[:-1]]
    steps = [(entry, _changes(last, entry)) for last, entry in zip(before, versions, strict=True)]
    context = {"entry": versions[-1], "steps": steps[::-1], "labels": LABELS}
    return render_agent(request, "agent_knowledge_history.html", context, tab=_LIST)


def _changes(before: Entry | None, after: Entry) -> list[tuple[str, str, str]]:
    """Return name, text before and text after of each field that differs."""
    earlier = fields_of(before.content) if before else dict.fromkeys(LABELS, "")
    later = fields_of(after.content)
    return [
        (name, earlier[name], later[name]) for name in LABELS if earlier[name] != later[name]
    ]  # fmt: skip
