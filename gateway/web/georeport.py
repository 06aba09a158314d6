"""Open311 GeoReport v2, the filing side: services, their definitions, new requests."""

from collections.abc import Awaitable, Callable
from functools import wraps

from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from channels.errors import MalformedAppeal
from channels.open311.adapter import (
    CHANNEL,
    OTHER,
    KeyRefused,
    Service,
    UnknownName,
    definition,
    read_form,
    sender,
    services_of,
    to_message,
)
from channels.open311.documents import MEDIA_TYPES, Format, written
from gateway.intake.inbox import KeyReused
from gateway.tickets.numbers import show_ticket_id
from gateway.web.appeals import idempotency_key, unavailable
from gateway.web.body import read_body
from gateway.web.parts import PARTS, WebParts
from gateway.web.problems import Problem

Answer = tuple[str, object]
"""Name of a document's root element, and its content."""
Handler = Callable[[web.Request], Awaitable[Answer]]


class BadArgument(Exception):
    """An argument of a query cannot be read; the message says which and how to send it."""


def answering(wanted: Format) -> Callable[[Handler], Callable[..., Awaitable[web.Response]]]:
    """Turn a handler's document, or what it refuses, into an answer of that format."""

    def decorate(handler: Handler) -> Callable[..., Awaitable[web.Response]]:
        @wraps(handler)
        async def answered(request: web.Request) -> web.Response:
            status = 200
            try:
                _same_jurisdiction(request)
                name, content = await handler(request)
            except (KeyRefused, UnknownName, MalformedAppeal, BadArgument, Problem) as error:
                status, described = _refusal(error)
                name, content = "errors", described
            return web.Response(
                status=status,
                body=written(name, content, wanted),
                content_type=MEDIA_TYPES[wanted],
                charset="utf-8",
                headers={"Cache-Control": "no-store"},
            )

        answered.__name__ = f"{handler.__name__}_{wanted}"
        return answered

    return decorate


def _refusal(error: Exception) -> tuple[int, list[dict[str, str]]]:
    """Status and `errors` document, in Chinese and English."""
    if isinstance(error, MalformedAppeal):
        said = [f"{fault.field}: {fault.remedy} / {fault.remedy_zh}" for fault in error.faults]
        return 400, [{"code": "400", "description": text} for text in said]
    if isinstance(error, Problem):
        text = f"{error.remedy} / {error.remedy_zh}"
        return error.status, [{"code": str(error.status), "description": text}]
    if isinstance(error, KeyRefused):
        text = "api_key: send a key that this installation knows / 请使用有效的 api_key"
        return 403, [{"code": "403", "description": text}]
    if isinstance(error, UnknownName):
        text = f"{error}: there is none of that name here / 此处没有该项"
        return 404, [{"code": "404", "description": text}]
    return 400, [{"code": "400", "description": str(error)}]


def _same_jurisdiction(request: web.Request) -> None:
    given = request.query.get("jurisdiction_id")
    if given and given != request.app[PARTS].settings.jurisdiction:
        raise UnknownName("jurisdiction_id")


async def discovery(request: web.Request) -> Answer:
    """Where this interface is, and in which formats it answers."""
    return "discovery", {
        "changeset": "2026-11-27T00:00:00Z",
        "contact": "12345",
        "key_service": "ask the operator of this installation for a key / 请向本平台运营方申请密钥",
        "endpoints": [
            {
                "specification": "http://wiki.open311.org/GeoReport_v2",
                "url": f"{request.url.origin()}/open311/v2",
                "changeset": "2026-11-27T00:00:00Z",
                "type": "production",
                "formats": list(MEDIA_TYPES.values()),
            }
        ],
    }


async def list_services(request: web.Request) -> Answer:
    """What can be reported: the matters of the dispatch catalogue, and `other`."""
    found = services(request.app[PARTS])
    return "services", [service.described() for service in found.values()]


async def define_service(request: web.Request) -> Answer:
    """What may be said besides the description."""
    service = _service(request.app[PARTS], request.match_info["service_code"])
    return "service_definition", definition(service)


async def file_request(request: web.Request) -> Answer:
    """Accept an appeal of an app that holds a key; the number is answered at once."""
    parts = request.app[PARTS]
    raw = await read_body(request)
    form = {**dict(request.query), **read_form(raw)}
    app = sender(form, parts.settings.open311_keys)
    if form.get("jurisdiction_id", parts.settings.jurisdiction) != parts.settings.jurisdiction:
        raise UnknownName("jurisdiction_id")
    key = idempotency_key(request)
    message = to_message(
        form,
        _service(parts, form.get("service_code", OTHER)),
        message_id=key and f"{app}/{key}",
        raw=raw,
        max_text=parts.settings.max_text,
    )
    try:
        receipt = await parts.inbox.accept(message)
    except KeyReused:
        raise Problem(
            "key-reused",
            "Idempotency-Key: take a new key for a new request",
            "Idempotency-Key:新的诉求请使用新的键",
        ) from None
    except (SQLAlchemyError, OSError):
        raise unavailable() from None
    parts.metrics.accepted.labels(CHANNEL).inc()
    notice = (
        f"工单号 {show_ticket_id(receipt.ticket_id)},查询码 {receipt.query_code}。"
        "紧急情况请拨打 110、119、120 或 122。"
    )
    return "service_requests", [
        {
            "service_request_id": receipt.ticket_id,
            "service_notice": notice,
            "account_id": form.get("account_id"),
        }
    ]


def services(parts: WebParts) -> dict[str, Service]:
    """The services of the moment, by code."""
    return services_of([(item.id, item.name, item.topic) for item in parts.matters()])


def _service(parts: WebParts, code: str) -> Service:
    service = services(parts).get(code)
    if service is None:
        raise UnknownName("service_code")
    return service
