"""What operators and clients ask of the service itself."""

import asyncio
from typing import Any, Final

import orjson
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from gateway.dispatch import outbox
from gateway.tickets.backlog import backlog
from gateway.tickets.document import TicketDocument
from gateway.web.parts import OPERATIONS, OperationParts, Ping
from gateway.web.problems import KINDS, Problem
from triage.decision import Decision

_PING_SECONDS: Final = 3.0
SCHEMAS: Final[dict[str, type[BaseModel]]] = {
    "decision.v1.json": Decision,
    "ticket.v1.json": TicketDocument,
}


class Readiness(BaseModel):
    """Whether the process can do its work, part by part."""

    status: str
    parts: dict[str, str]


async def healthz(_request: web.Request) -> web.Response:
    """Answer while the event loop runs."""
    return _json({"status": "alive"})


async def readyz(request: web.Request) -> web.Response:
    """Ping every part: 503 when nothing could be accepted, `degraded` when intake goes on."""
    parts = request.app[OPERATIONS]
    essential = await _ping_all(parts.essential)
    helpful = await _ping_all(parts.helpful)
    ready = all(answer == "ok" for answer in essential.values())
    whole = all(answer == "ok" for answer in helpful.values())
    status = ("ready" if whole else "degraded") if ready else "not ready"
    found = {"status": status, "parts": {**essential, **helpful}}
    return _json(found, status=200 if ready else 503)


async def _ping_all(pings: Any) -> dict[str, str]:
    answers = await asyncio.gather(*(_ping(ping) for ping in pings.values()))
    return dict(zip(pings, answers, strict=True))


async def _ping(ping: Ping) -> str:
    try:
        async with asyncio.timeout(_PING_SECONDS):
            await ping()
    except TimeoutError:
        return "no answer"
    except Exception as error:
        return type(error).__name__
    return "ok"


async def metrics(request: web.Request) -> web.Response:
    """Tell the metrics in Prometheus' text format."""
    parts = request.app[OPERATIONS]
    await _measure_backlog(parts)
    body = await asyncio.to_thread(generate_latest, parts.metrics.registry)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _measure_backlog(parts: OperationParts) -> None:
    try:
        async with asyncio.timeout(_PING_SECONDS), parts.database.read() as connection:
            unpublished, open_entries = await outbox.depth(connection)
            queues = await backlog(connection, parts.clock.now())
    except Exception:
        # A scrape must not fail with the database: its absence shows in `/readyz`.
        parts.metrics.outbox_depth.clear()
        parts.metrics.waiting.clear()
        parts.metrics.oldest_waiting.clear()
        return
    parts.metrics.outbox_depth.labels("unpublished").set(unpublished)
    parts.metrics.outbox_depth.labels("undelivered").set(open_entries)
    for name, queue in queues.items():
        parts.metrics.waiting.labels(name).set(queue.tickets)
        parts.metrics.oldest_waiting.labels(name).set(queue.oldest_seconds)


async def show_schema(request: web.Request) -> web.Response:
    """Show the JSON schema of a decision or a ticket."""
    model = SCHEMAS.get(request.match_info["name"])
    if model is None:
        raise Problem("not-found", f"there are: {', '.join(SCHEMAS)}", "没有这个 schema")
    return _json(model.model_json_schema(mode="serialization", by_alias=True))


async def show_problem(request: web.Request) -> web.Response:
    """Explain a kind of problem."""
    name = request.match_info["name"]
    kind = KINDS.get(name)
    if kind is None:
        raise Problem("not-found", "no problem has this name", "没有这种问题类型")
    return _json(
        {
            "type": f"/problems/{name}",
            "status": kind.status,
            "title": kind.title,
            "title_zh": kind.title_zh,
        }
    )


def _json(document: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(document), content_type="application/json")
