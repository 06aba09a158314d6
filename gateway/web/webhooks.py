"""Where signed channels post to: verify, parse, accept; what cannot be parsed is quarantined."""

import hashlib
import hmac
from collections.abc import AsyncIterator

from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from channels.channel import WireAnswer, WireRequest
from channels.errors import SignatureRejected
from gateway.intake.attachments import EmptyFile, FileTooLarge
from gateway.web.accepting import unavailable
from gateway.web.body import Pace, malformed, read_body, too_large
from gateway.web.parts import PARTS, WebParts
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
        raise _refused(parts, channel.name, error) from None
    try:
        answer = await parts.receiving.answer(channel, wire)
    except (SQLAlchemyError, OSError):
        # Not stored: the vendor shall send it again.
        raise unavailable() from None
    return _response(answer)


async def prove_to_vendor(request: web.Request) -> web.Response:
    """Answer a vendor that makes sure, with a signed GET, that this address is ours."""
    return await receive_webhook(request)


async def receive_recording(request: web.Request) -> web.Response:
    """Take the recording of a telephone call, whose signature names what it must be."""
    parts, name = request.app[PARTS], request.match_info["channel"]
    channel = parts.channels.that_hears_calls(name)
    if channel is None:
        raise Problem("not-found", "no channel of that name hears calls", "该渠道不接收通话录音")
    headers = {key.lower(): value for key, value in request.headers.items()}
    try:
        call, wanted = channel.verify_recording(headers, parts.clock.now())
    except SignatureRejected as error:
        raise _refused(parts, name, error) from None
    try:
        upload = await parts.attachments.keep("recording", _signed_content(request, wanted))
        answer = await parts.receiving.take_recording(channel, name, call, upload)
    except FileTooLarge as error:
        raise too_large("recording", error.limit) from None
    except EmptyFile:
        raise malformed("send the recording as the body", "请在请求体中发送录音") from None
    except (SQLAlchemyError, OSError):
        raise unavailable() from None
    return _response(answer)


async def _signed_content(request: web.Request, wanted: str) -> AsyncIterator[bytes]:
    """Yield the body as it comes; at its end raise a `Problem` where it is not what was signed."""
    pace, digest = Pace(request.app[PARTS]), hashlib.sha256()
    while chunk := await pace.chunk(request.content.readany()):
        digest.update(chunk)
        yield chunk
    if not hmac.compare_digest(digest.hexdigest().encode(), wanted.encode("utf-8", "replace")):
        raise malformed(
            "the body is not what X-Jiesu-Content-SHA256 says: send it again",
            "录音内容与签名中的摘要不符,请重新发送",
        )


def _refused(parts: WebParts, channel: str, error: SignatureRejected) -> Problem:
    parts.metrics.refused.labels(channel, "bad-signature").inc()
    return Problem(
        "bad-signature",
        f"sign the request as the channel's README says: {error}",
        "请按渠道说明对请求签名",
    )


def _response(answer: WireAnswer) -> web.Response:
    return web.Response(
        status=answer.status, body=answer.body, content_type=answer.media_type, charset="utf-8"
    )
