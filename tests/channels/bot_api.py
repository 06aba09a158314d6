"""A local server that speaks the Bot API, as far as a bot like ours uses it."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from aiohttp import web

from tests.ports import free_port

TOKEN: Final = "123456:AAE-a-token-of-the-tests"
Found = TypeVar("Found")
_BOT: Final = {"id": 123456, "is_bot": True, "first_name": "接诉", "username": "jiesu_bot"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the Bot API answers instead of a result."""

    status: int
    description: str
    parameters: dict[str, int] = field(default_factory=dict)


GATEWAY_DOWN: Final = Refusal(502, "Bad Gateway")
TOO_MANY: Final = Refusal(429, "Too Many Requests: retry after 1", {"retry_after": 1})
BLOCKED: Final = Refusal(403, "Forbidden: bot was blocked by the user")
NO_CHAT: Final = Refusal(400, "Bad Request: chat not found")


class BotApiServer:
    """Updates wait until they are confirmed; files lie there; what is sent is remembered."""

    def __init__(self) -> None:
        self.port = free_port()
        self.sent: list[dict[str, str]] = []
        self.refusals: dict[str, list[Refusal]] = {}
        """By chat: how the next messages to it are answered."""
        self.files: dict[str, bytes | Refusal] = {}
        self.broken_files = 0
        """The status that every download has; 0 where they are well."""
        self.confirming = True
        """Whether it hears confirmations; else a request with one is answered 502."""
        self.asked: list[dict[str, Any]] = []
        self._waiting: list[dict[str, Any]] = []
        self._loop = asyncio.new_event_loop()
        self._came = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """What `JIESU_TELEGRAM_API` is set to."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Begin to answer."""
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)

    def stop(self) -> None:
        """Be away: nobody listens on its port any more. What waits goes on waiting."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)

    def close(self) -> None:
        """End for good."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def push(self, *updates: dict[str, Any]) -> None:
        """Let these updates wait for the bot."""

        def add() -> None:
            self._waiting.extend(updates)
            self._came.set()

        self._loop.call_soon_threadsafe(add)

    @property
    def unconfirmed(self) -> int:
        """How many updates wait."""
        return len(self._waiting)

    def sent_to(self, chat: int, count: int = 1) -> list[str]:
        """Return the texts sent to a chat once there are that many."""
        return until(lambda: self._texts(chat), lambda texts: len(texts) >= count)

    def _texts(self, chat: int) -> list[str]:
        return [item["text"] for item in list(self.sent) if item["chat_id"] == str(chat)]

    async def _start(self) -> None:
        application = web.Application()
        application.router.add_post("/bot{token}/{method}", self._call)
        application.router.add_get("/file/bot{token}/{path:.+}", self._file)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()

    async def _stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _end(self) -> None:
        await self._stop()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _call(self, request: web.Request) -> web.Response:
        if request.match_info["token"] != TOKEN:
            return _refused(Refusal(401, "Unauthorized"))
        if request.content_type == "application/json":
            given = await request.json()
        else:
            given = dict(await request.post())
        method = {
            "getMe": self._get_me,
            "getUpdates": self._get_updates,
            "sendMessage": self._send_message,
            "getFile": self._get_file,
        }.get(request.match_info["method"])
        if method is None:
            return _refused(Refusal(404, "Not Found"))
        return await method(given)

    async def _get_me(self, given: dict[str, Any]) -> web.Response:
        return _result(_BOT)

    async def _get_updates(self, given: dict[str, Any]) -> web.Response:
        self.asked.append(given)
        if given["offset"] and not self.confirming:
            return _refused(GATEWAY_DOWN)
        self._waiting = [
            update for update in self._waiting if update["update_id"] >= given["offset"]
        ]
        if not self._waiting:
            self._came.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._came.wait(), given["timeout"])
        return _result(self._waiting[:100])

    async def _send_message(self, given: dict[str, Any]) -> web.Response:
        if refusals := self.refusals.get(given["chat_id"]):
            return _refused(refusals.pop(0))
        self.sent.append(given)
        chat = {"id": int(given["chat_id"]), "type": "private"}
        return _result(
            {"message_id": len(self.sent), "date": 1795766400, "chat": chat, "text": given["text"]}
        )

    async def _get_file(self, given: dict[str, Any]) -> web.Response:
        content = self.files.get(given["file_id"], Refusal(400, "Bad Request: invalid file_id"))
        if isinstance(content, Refusal):
            return _refused(content)
        identity = given["file_id"]
        return _result(
            {
                "file_id": identity,
                "file_unique_id": f"u{identity}",
                "file_size": len(content),
                "file_path": f"documents/{identity}",
            }
        )

    async def _file(self, request: web.Request) -> web.StreamResponse:
        content = self.files.get(request.match_info["path"].removeprefix("documents/"))
        if self.broken_files or not isinstance(content, bytes):
            return web.Response(status=self.broken_files or 404)
        answer = web.StreamResponse()
        await answer.prepare(request)
        for start in range(0, len(content), 50_000):
            await answer.write(content[start : start + 50_000])
        await answer.write_eof()
        return answer


def _result(result: Any) -> web.Response:
    return web.json_response({"ok": True, "result": result})


def _refused(refusal: Refusal) -> web.Response:
    body: dict[str, Any] = {
        "ok": False,
        "error_code": refusal.status,
        "description": refusal.description,
    }
    if refusal.parameters:
        body["parameters"] = refusal.parameters
    return web.Response(
        status=refusal.status, text=json.dumps(body), content_type="application/json"
    )


def until(look: Callable[[], Found], good: Callable[[Found], bool]) -> Found:
    """Look until what is there is good, and return it."""
    deadline = time.monotonic() + 60
    while not good(found := look()):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


@contextmanager
def bot_api() -> Iterator[BotApiServer]:
    """Give a Bot API server that answers."""
    server = BotApiServer()
    server.start()
    try:
        yield server
    finally:
        server.close()
