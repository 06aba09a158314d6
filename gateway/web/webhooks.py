"""Where signed channels post to: verify, parse, accept; what cannot be parsed is quarantined."""

from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from channels.channel import WireRequest
from channels.errors import SignatureRejected
from gateway.web.accepting import unavailable
from gateway.web.body import read_body
from gateway.web.parts import PARTS
from gateway.web.problems import Problem


async def receive_webhook(request: web.Request) -> web.Response:
    """Take a vendor's message; answered as that vendor expects once it is stored for good."""
    parts = request.app[PARTS]
    channel = parts.channels.get(request.match_info["channel"])
    if channel is None:
        raise Problem("not-found", "no channel of that name is configured here", "此处未配置该渠道")
    headers = {name.lower(): value for name, value in request.headers.items()}
    wire = WireRequest(headers, await read_body(request), request.method, dict(request.query))
    try:
        channel.verify(wire, parts.clock.now())
    except SignatureRejected as error:
        parts.metrics.refused.labels(channel.name, "bad-signature").inc()
        raise Problem(
            "bad-signature",
            f"sign the request as the channel's README says: {error}",
            "请按渠道说明对请求签名",
        ) from None
    try:
        receipts = await parts.receiving.take(channel, wire)
    except (SQLAlchemyError, OSError):
        # Not stored: the vendor shall send it again.
        raise unavailable() from None
    answer = channel.answer(wire, receipts)
    return web.Response(
        status=answer.status, body=answer.body, content_type=answer.media_type, charset="utf-8"
    )


async def prove_to_vendor(request: web.Request) -> web.Response:
    """Answer a vendor that makes sure, with a signed GET, that this address is ours."""
    return await receive_webhook(request)
