"""The aiohttp application: one table of routes, one middleware, problem documents for all else."""

import re
import socket
import uuid
from collections.abc import Sequence
from typing import Any, Final

import structlog
from aiohttp import HttpVersion11, web
from aiohttp.web_protocol import RequestHandler

from gateway.accounts.permissions import Permission
from gateway.settings import SettingsError
from gateway.tickets.database import is_away
from gateway.web.chat_socket import SOCKETS, close_sockets
from gateway.web.live_stream import MEDIA_TYPE as EVENTS
from gateway.web.live_stream import close_streams
from gateway.web.openapi import DOCUMENT, openapi_document
from gateway.web.pages.agent.frame import agent_trouble, is_console
from gateway.web.pages.agent.guard import guarded_page
from gateway.web.pages.rendering import set_up, trouble
from gateway.web.parts import ACCOUNT, OPERATIONS, PARTS, REQUEST_ID, OperationParts, WebParts
from gateway.web.problems import Problem
from gateway.web.route import OTHER_ACCESS, Handler, Route
from gateway.web.routes import OPERATIONS as OPERATION_ROUTES
from gateway.web.routes import PAGES, PUBLIC
from gateway.web.signed_in import sign_request

log = structlog.get_logger("gateway.http")
_GIVEN_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")
_DRAIN_SECONDS: Final = 20.0
_PAGES: Final = frozenset(route.path for route in PAGES if route.media_type == "text/html")
_SAFE: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    # For browsers that do not know `frame-ancestors`.
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def build_application(operations: OperationParts, parts: WebParts | None) -> web.Application:
    """Return the application; without `parts` only the routes for operators."""
    routes: Sequence[Route] = (*PUBLIC, *OPERATION_ROUTES) if parts else OPERATION_ROUTES
    application = web.Application(middlewares=[_answer], client_max_size=0)
    application[OPERATIONS] = operations
    application.on_response_prepare.append(_complete)
    if parts is not None:
        application[PARTS] = parts
        application[SOCKETS] = set()
        application.on_shutdown.append(close_sockets)
        application.on_shutdown.append(close_streams)
        set_up(application)
    application[DOCUMENT] = openapi_document(routes)
    for route in (*routes, *(PAGES if parts else ())):
        application.router.add_route(
            route.method, route.path, _guarded(route), expect_handler=_expect
        )
    return application


def _guarded(route: Route) -> Handler:
    """Return the handler behind its permission, if it asks for one.

    Raises `ValueError` for a route that does not say who may use it.
    """
    access = route.access
    if access != "signed in" and access in OTHER_ACCESS:
        return route.handler
    if access != "signed in" and not isinstance(access, Permission):
        raise ValueError(f"{route.method} {route.path} does not say who may use it")
    if route.media_type == "text/html":
        return guarded_page(route)

    async def guarded(request: web.Request) -> web.StreamResponse:
        account = await sign_request(request)
        if isinstance(access, Permission) and not account.may(access):
            raise Problem(
                "not-allowed",
                f"ask an administrator for a role with {access}",
                "请向管理员申请相应权限",
            )
        return await route.handler(request)

    return guarded


@web.middleware
async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Number, time, log and count the request; turn every failure into a problem document."""
    operations = request.app[OPERATIONS]
    request_id = _request_id(request)
    request[REQUEST_ID] = request_id
    started = operations.clock.monotonic()
    resource = request.match_info.route.resource
    route = resource.canonical if resource else "none"
    try:
        with operations.traces.span(f"{request.method} {route}", request_id=request_id):
            response = await handler(request)
    except Problem as problem:
        response = _told(request, problem, request_id)
    except web.HTTPException as error:
        response = _told(request, _framework_problem(error), request_id)
    except Exception as error:
        gone = request.transport is None or request.transport.is_closing()
        if gone and isinstance(error, ConnectionResetError | BrokenPipeError):
            raise
        response = _told(request, _failure(error, request_id), request_id)
    seconds = operations.clock.monotonic() - started
    if response.headers.get("Connection") == "close":
        response.force_close()
    metrics = operations.metrics
    metrics.requests.labels(request.method, route, response.status).inc()
    if not isinstance(response, web.WebSocketResponse) and response.content_type != EVENTS:
        metrics.request_seconds.labels(route).observe(seconds)
    log.info(
        "request",
        request_id=request_id,
        method=request.method,
        route=route,
        status=response.status,
        ms=round(seconds * 1000, 1),
    )
    return response


async def _complete(request: web.Request, response: web.StreamResponse) -> None:
    """Add what every answer carries, before its head is sent: streams send theirs by themselves."""
    response.headers["X-Request-ID"] = request.get(REQUEST_ID) or _request_id(request)
    if ACCOUNT in request:
        # What somebody may see is not for whoever comes next at the same device or proxy.
        response.headers.setdefault("Cache-Control", "no-store")
    _make_safe(response)


def _make_safe(response: web.StreamResponse) -> None:
    """Add the headers that browsers heed; pages have stricter words of their own."""
    for name, value in _SAFE.items():
        response.headers.setdefault(name, value)


def _told(request: web.Request, problem: Problem, request_id: str) -> web.Response:
    """Return a problem as a page where people look, else as a document."""
    resource = request.match_info.route.resource
    for_people = resource.canonical in _PAGES if resource else _asks_for_page(request)
    if for_people and PARTS in request.app:
        shown = agent_trouble if is_console(request.path) else trouble
        return shown(request, problem, request_id)
    return problem.response(request_id)


def _asks_for_page(request: web.Request) -> bool:
    return "text/html" in request.headers.get("Accept", "")


def _failure(error: Exception, request_id: str) -> Problem:
    """Return the problem of what no handler foresaw, and log it."""
    if is_away(error):
        log.warning("the store is away", request_id=request_id, error=type(error).__name__)
        return Problem(
            "unavailable",
            "send the same request again in a few seconds",
            "请数秒后重试",
            headers={"Retry-After": "5"},
        )
    log.exception("a request failed", request_id=request_id, error=type(error).__name__)
    return Problem(
        "internal",
        "try again; if it stays so, tell us the request_id",
        "请重试;如仍失败,请告知 request_id",
    )


async def _expect(request: web.Request) -> web.StreamResponse | None:
    """Let a client go on that waits for `100 Continue`; aiohttp asks before the middleware."""
    if request.version < HttpVersion11:
        return None
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # What was written is no part of the answer, whose headers are still to come.
        request.writer.output_size = 0
        return None
    problem = Problem("malformed-http", "Expect: leave this header out", "请去掉 Expect 请求头")
    response = problem.response(_request_id(request))
    _make_safe(response)
    return response


def _request_id(request: web.Request) -> str:
    given = request.headers.get("X-Request-ID", "")
    return given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex


def _framework_problem(error: web.HTTPException) -> Problem:
    if error.status == 405:
        allow = {"Allow": error.headers.get("Allow", "")}
        return Problem(
            "method-not-allowed", f"use {allow['Allow']}", f"请使用 {allow['Allow']}", headers=allow
        )
    if error.status == 404:
        return Problem("not-found", "see /openapi.json for what there is", "请参见 /openapi.json")
    return Problem("malformed-http", "send a well-formed request", "请发送格式正确的请求")


class _Protocol(RequestHandler):
    """aiohttp's protocol, with problem documents for what is not even HTTP."""

    def handle_error(
        self,
        request: Any,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer with a problem document; nothing of the request is logged."""
        request_id = uuid.uuid4().hex
        log.info("not well-formed HTTP", request_id=request_id, status=status)
        kind = "malformed-http" if status < 500 else "internal"
        response = Problem(
            kind,
            "send well-formed HTTP/1.1: check the request line, Content-Length and the headers",
            "请发送格式正确的 HTTP/1.1 请求:检查请求行、Content-Length 和其他请求头",
        ).response(request_id)
        _make_safe(response)
        response.force_close()
        return response


class Runner(web.AppRunner):
    """aiohttp's runner with our protocol; at its end requests have 20 seconds to finish."""

    def __init__(self, application: web.Application) -> None:
        super().__init__(application, access_log=None, shutdown_timeout=_DRAIN_SECONDS)

    async def listen(self, host: str, port: int) -> int:
        """Listen on that port and return which it is; raise `SettingsError` if it is not free."""
        await self.setup()
        try:
            await web.TCPSite(self, host, port, backlog=1024).start()
        except (OSError, socket.gaierror) as error:
            raise SettingsError(
                f"cannot listen on {host}:{port} ({error.strerror}): "
                "set JIESU_HOST and JIESU_PORT to an address that is free"
            ) from None
        found: int = self.addresses[0][1]
        return found

    async def _make_server(self) -> Any:
        # aiohttp has no place to name the protocol, so its server is told what it is instead.
        server: Any = await super()._make_server()
        server.__class__ = _Server
        return server


class _Server(web.Server):
    """aiohttp's server, building our protocol for each connection."""

    def __call__(self) -> RequestHandler:
        """Return the protocol of a new connection."""
        return _Protocol(self, loop=self._loop, **self._kwargs)
