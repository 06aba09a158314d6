"""The chat's WebSocket: bounded in size, in number and in patience."""

import asyncio
from typing import Any, Final

import orjson
import structlog
from aiohttp import WSCloseCode, WSMsgType, web
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from channels.body import read_strictly
from channels.chat.adapter import CHANNEL, Line, Opening
from channels.errors import MalformedAppeal
from gateway.conversation.transcript import Place
from gateway.web.chats import LOOK_EVERY, accept_line, transcript
from gateway.web.filing import Filed, with_uploads
from gateway.web.parts import PARTS, REQUEST_ID, WebParts
from gateway.web.problems import Problem, field_problem

log = structlog.get_logger(__name__)
_MOST_SOCKETS: Final = 2_000
_MOST_BYTES: Final = 512 * 1024
_OPENING_SECONDS: Final = 10.0
_SILENT_SECONDS: Final = 1_800.0
_BEAT_SECONDS: Final = 20.0
SOCKETS: web.AppKey[set[web.WebSocketResponse]] = web.AppKey("sockets", set)


async def open_socket(request: web.Request) -> web.StreamResponse:
    """Serve a chat: its token in the first frame, then lines in and what is said out."""
    parts, sockets = request.app[PARTS], request.app[SOCKETS]
    socket = web.WebSocketResponse(heartbeat=_BEAT_SECONDS, max_msg_size=_MOST_BYTES)
    if not socket.can_prepare(request):
        raise Problem(
            "malformed-http", "open a WebSocket here, or use /api/v1/chats/lines",
            "请使用 WebSocket,或改用 /api/v1/chats/lines",
        )  # fmt: skip
    if len(sockets) >= _MOST_SOCKETS:
        raise Problem(
            "unavailable", "use /api/v1/chats/lines instead, or come back later",
            "连接过多,请改用 /api/v1/chats/lines 或稍后再试",
        )  # fmt: skip
    await socket.prepare(request)
    sockets.add(socket)
    address = parts.limits.address_of(request)
    session = _Session(socket, parts, request[REQUEST_ID], address)
    try:
        await session.serve()
    finally:
        sockets.discard(socket)
    return socket


async def close_sockets(application: web.Application) -> None:
    """End all chats when the service does; pages connect again."""
    open_ones: set[web.WebSocketResponse] = application[SOCKETS]
    for socket in tuple(open_ones):
        await socket.close(code=WSCloseCode.GOING_AWAY, message=b"restarting")


class _Session:
    """One socket."""

    def __init__(
        self, socket: web.WebSocketResponse, parts: WebParts, request_id: str, address: str
    ) -> None:
        self._address = address
        self._socket = socket
        self._parts = parts
        self._request_id = request_id

    async def serve(self) -> None:
        """Serve until either side ends it."""
        opening = await self._frame(Opening, _OPENING_SECONDS)
        if opening is None:
            return
        telling = asyncio.create_task(self._tell(opening.chat, Place.read(opening.after)))
        try:
            while (line := await self._frame(Line, _SILENT_SECONDS)) is not None:
                await self._keep(line, opening.chat)
        finally:
            telling.cancel()
            await asyncio.wait({telling})

    async def _frame(self, model: type[Any], seconds: float) -> Any:
        """Return the next frame that can be read, or None when the chat is over."""
        while True:
            try:
                message = await asyncio.wait_for(self._socket.receive(), seconds)
            except TimeoutError:
                await self._socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"too slow")
                return None
            if message.type is not WSMsgType.TEXT:
                await self._socket.close(code=WSCloseCode.UNSUPPORTED_DATA)
                return None
            try:
                found: BaseModel = read_strictly(model, message.data.encode())
            except (MalformedAppeal, UnicodeEncodeError) as error:
                faults = error.faults if isinstance(error, MalformedAppeal) else ()
                await self._refuse(field_problem(faults))
                continue
            return found

    async def _keep(self, line: Line, token: str) -> None:
        """Store a line and say so; the page may send a line again that was not answered."""
        filed = Filed(line, orjson.dumps(line.model_dump(mode="json")))
        try:
            filed = await with_uploads(self._parts, filed)
            receipt = await accept_line(self._parts, filed, token, line.id, self._address)
        except Problem as problem:
            await self._refuse(problem, line.id)
            return
        await self._send({"kept": line.id, **receipt})

    async def _tell(self, token: str, place: Place) -> None:
        """Send what is said, as it is said, by whichever page or process."""
        while not self._socket.closed:
            try:
                lines, after = await self._parts.transcripts.read(CHANNEL, token, place)
            except (SQLAlchemyError, OSError) as error:
                log.warning("a chat cannot be read", error=type(error).__name__)
                lines, after = (), place
            if lines:
                await self._send(transcript(lines, after))
                place = after
            await self._parts.clock.sleep(LOOK_EVERY)

    async def _refuse(self, problem: Problem, line: str | None = None) -> None:
        await self._send({"refused": line, "problem": problem.document(self._request_id)})

    async def _send(self, document: dict[str, Any]) -> None:
        if not self._socket.closed:
            await self._socket.send_str(orjson.dumps(document, option=orjson.OPT_UTC_Z).decode())
