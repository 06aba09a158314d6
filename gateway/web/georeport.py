"""Open311 GeoReport v2, the filing side: services, their definitions, new requests."""

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Final

from aiohttp import web

from channels.errors import MalformedAppeal
from channels.open311.adapter import (
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
from channels.phrases import as_printed
from gateway.web.accepting import accept, idempotency_key
from gateway.web.body import read_body
from gateway.web.parts import PARTS, WebParts
from gateway.web.problems import Problem

Answer = tuple[str, object]
"""Name of a document's root element, and its content."""
_CHANGED: Final = "2026-11-27T00:00:00Z"
Handler = Callable[[web.Request], Awaitable[Answer]]


def answering(wanted: Format) -> Callable[[Handler], Callable[..., Awaitable[web.Response]]]:
    """Turn a handler's document, or what it refuses, into an answer of that format."""

    def decorate(handler: Handler) -> Callable[..., Awaitable[web.Response]]:
        @wraps(handler)
        async def answered(request: web.Request) -> web.Response:
            status = 200
            try:
                _same_jurisdiction(request.app[PARTS], request.query)
                name, content = await handler(request)
            except (KeyRefused, UnknownName, MalformedAppeal, Problem) as error:
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


def _refusal(
    error: KeyRefused | UnknownName | MalformedAppeal | Problem,
) -> tuple[int, list[dict[str, str]]]:
    """Status and `errors` document, in Chinese and English."""
    status = 400
    if isinstance(error, MalformedAppeal):
        said = [f"{fault.field}: {fault.remedy} / {fault.remedy_zh}" for fault in error.faults]
    elif isinstance(error, Problem):
        status, said = error.status, [f"{error.remedy} / {error.remedy_zh}"]
    elif isinstance(error, KeyRefused):
        status = 403
        said = ["api_key: send a key that this installation knows / 请使用有效的 api_key"]
    else:
        status, said = 404, [f"{error}: there is none of that name here / 此处没有该项"]
    return status, [{"code": str(status), "description": text} for text in said]


def _same_jurisdiction(parts: WebParts, fields: Mapping[str, str]) -> None:
    """Raise `UnknownName` where another city's jurisdiction is named; an empty one is none."""
    given = fields.get("jurisdiction_id")
    if given and given != parts.settings.jurisdiction:
        raise UnknownName("jurisdiction_id")


async def discovery(request: web.Request) -> Answer:
    """Where this interface is, and in which formats it answers."""
    return "discovery", {
        "changeset": _CHANGED,
        "contact": "12345",
        "key_service": "ask the operator of this installation for a key / 请向本平台运营方申请密钥",
        "endpoints": [
            {
                "specification": "http://wiki.open311.org/GeoReport_v2",
                "url": f"{request.url.origin()}/open311/v2",
                "changeset": _CHANGED,
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
    query, body = request.rel_url.raw_query_string.encode(), await read_body(request)
    form = {**read_form(query), **read_form(body)}
    app = sender(form, parts.settings.open311_keys)
    _same_jurisdiction(parts, form)
    key = idempotency_key(request)
    message = to_message(
        form,
        _service(parts, form.get("service_code", OTHER)),
        message_id=key and f"{app}/{key}",
        raw=b"&".join(part for part in (query, body) if part),
        max_text=parts.settings.max_text,
    )
    receipt = await accept(parts, message)
    notice = as_printed(
        f"工单号 {receipt.number},查询码 {receipt.query_code}。"
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
