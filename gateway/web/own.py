"""What the query code opens beside reading and adding: withdrawing and rating."""

from typing import Annotated

import orjson
from aiohttp import web
from pydantic import Field

from channels.body import SpokenText, StrictBody
from gateway.intake.own_tickets import NotYetClosed, Rating
from gateway.tickets.workflow import CLOSED, StatusChangeRefused
from gateway.web.appeals import authorised_ticket, read_status, status_answer
from gateway.web.body import read_json
from gateway.web.parts import PARTS, WebParts
from gateway.web.problems import Problem

MOST_WORDS = 2000
Stars = Annotated[int, Field(ge=1, le=5)]


class RatingBody(StrictBody):
    """How the matter was dealt with; sent again, it takes the place of the earlier one."""

    stars: Stars = Field(title="评分 1 (not at all satisfied) to 5 (very satisfied)")
    words: SpokenText | None = Field(None, max_length=MOST_WORDS, title="评价 why")


async def withdraw_appeal(request: web.Request) -> web.Response:
    """Withdraw an appeal; whoever works on it is told."""
    parts = request.app[PARTS]
    ticket_id = await authorised_ticket(request, parts)
    await withdraw(parts, ticket_id)
    return status_answer(await read_status(parts, ticket_id))


async def rate_appeal(request: web.Request) -> web.Response:
    """Say how an appeal was dealt with, once it is resolved or answered."""
    parts = request.app[PARTS]
    ticket_id = await authorised_ticket(request, parts)
    body = await read_json(request, RatingBody)
    await rate(parts, ticket_id, Rating(body.stars, body.words))
    return web.Response(
        body=orjson.dumps(body.model_dump()),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


async def withdraw(parts: WebParts, ticket_id: str) -> None:
    """Withdraw a ticket whose code was shown; raise a `Problem` where that cannot be."""
    try:
        await parts.own.withdraw(ticket_id)
    except StatusChangeRefused as error:
        if error.before in CLOSED:
            raise Problem(
                "ticket-closed", "there is nothing to withdraw any more", "该诉求已办结,无需撤回"
            ) from None
        raise Problem(
            "cannot-be-withdrawn",
            "the unit has reported what it did: wait until that has been looked at",
            "承办单位已反馈办理结果,请等待审核",
        ) from None


async def rate(parts: WebParts, ticket_id: str, rating: Rating) -> None:
    """Keep the rating of a ticket whose code was shown; raise a `Problem` where that cannot be."""
    try:
        await parts.own.rate(ticket_id, rating)
    except NotYetClosed:
        raise Problem(
            "not-yet-closed",
            "rate it when it is resolved or answered",
            "请在诉求办结或答复后再评价",
        ) from None
