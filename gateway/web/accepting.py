"""Accept a message whose sender waits for the answer: the API's one way, and Open311's."""

from typing import Final

from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from channels.channel import Receipt
from channels.message import Message
from gateway.intake.inbox import KeyReused
from gateway.web.parts import WebParts
from gateway.web.problems import Problem

_KEY_LENGTHS: Final = range(16, 201)


async def accept(parts: WebParts, message: Message) -> Receipt:
    """Store a message whose sender can mend it; raise a `Problem` where nothing was stored."""
    try:
        receipt = await parts.inbox.accept(message)
    except KeyReused:
        raise Problem(
            "key-reused",
            "Idempotency-Key: take a new key for a new appeal",
            "Idempotency-Key:新的诉求请使用新的键",
        ) from None
    except (SQLAlchemyError, OSError):
        raise unavailable() from None
    parts.metrics.accepted.labels(message.channel).inc()
    return receipt


def idempotency_key(request: web.Request) -> str | None:
    """Return the message id that the header gives; raise a `Problem` where it is not usable."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if len(key) not in _KEY_LENGTHS or not (key.isascii() and key.isprintable()):
        raise Problem(
            "invalid-key",
            "Idempotency-Key: send 16 to 200 printable ASCII characters, a new random UUID for "
            "instance; whoever knows the key gets the receipt",
            "Idempotency-Key:请使用 16 至 200 个可打印 ASCII 字符,例如新生成的随机 UUID",
        )
    return f"key:{key}"


def unavailable() -> Problem:
    """Return the problem of a store that is away: nothing was kept, and the caller should retry."""
    return Problem(
        "unavailable",
        "nothing was stored: send the same request again in a few seconds, "
        "with the same Idempotency-Key",
        "本次内容未保存,请数秒后使用相同的 Idempotency-Key 重试;紧急情况请拨打 110、119 或 120",
        headers={"Retry-After": "5"},
    )
