"""`POST /api/v1/triage`: the decision on a text; nothing is stored."""

from aiohttp import web
from pydantic import Field

from channels.body import StrictBody, Words, too_long
from gateway.intake.triage_processes import TriageFailed
from gateway.web.body import read_json
from gateway.web.parts import PARTS
from gateway.web.problems import Problem, field_problem
from triage.appeal import Appeal, SourceText

SOURCE = "text"


class TriageBody(StrictBody):
    """A text to decide on."""

    text: Words = Field(title="诉求内容 what happened", examples=["家里停水一天了"])


async def decide(request: web.Request) -> web.Response:
    """Answer with the decision; spans of its reasons point into the text that was sent."""
    parts = request.app[PARTS]
    given = await read_json(request, TriageBody, told=True)
    if len(given.text) > parts.settings.max_text:
        raise field_problem([too_long(parts.settings.max_text)])
    try:
        decisions = await parts.triage.decide([Appeal((SourceText(SOURCE, given.text),))])
    except TriageFailed:
        raise Problem(
            "unavailable",
            "triage is not available: try again in a moment",
            "智能分类暂时不可用,请稍后再试",
        ) from None
    return web.Response(body=decisions[0].encode(), content_type="application/json")
