"""The Bot API as this channel uses it: asking for updates, sending, fetching files."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final

import aiohttp
import telegram
from telegram.error import BadRequest, Forbidden, RetryAfter
from telegram.ext import Application, ApplicationBuilder

from channels.errors import MediumGone, ReplyPutOff, ReplyRefused
from channels.telegram.updates import READ

_POLL_SECONDS: Final = 50
_PATIENCE: Final = aiohttp.ClientTimeout(total=_POLL_SECONDS + 15, sock_connect=10)
_FILE_PATIENCE: Final = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=30)
_PIECE: Final = 64 * 1024

BotApplication = Application[Any, Any, Any, Any, Any, Any]


class BotApiError(Exception):
    """The Bot API did not do what it was asked; its text has neither token nor content."""

    def __init__(self, method: str, status: int) -> None:
        super().__init__(f"{method} was answered {status}")
        self.status = status


class BotApi:
    """One bot. Its token stands in every URL, so no error tells a URL."""

    def __init__(self, token: str, url: str) -> None:
        self._token = token
        self._base = f"{url.rstrip('/')}/bot"
        self._files = f"{url.rstrip('/')}/file/bot"
        self._bot = telegram.Bot(token, base_url=self._base)

    def application(self) -> BotApplication:
        """Return an application without an updater: it is fed by `process_update`."""
        return ApplicationBuilder().token(self._token).base_url(self._base).updater(None).build()

    def session(self) -> aiohttp.ClientSession:
        """Return a session for `updates`; it is the caller's to close."""
        return aiohttp.ClientSession(timeout=_PATIENCE, trust_env=True)

    async def updates(self, session: aiohttp.ClientSession, offset: int) -> list[dict[str, Any]]:
        """Wait for updates from that id on, and confirm all before it; maybe none came.

        The library's own `get_updates` parses all that came in one go: a single update that it
        cannot read would keep all the others away, for ever. Here they stay plain JSON.
        """
        wanted = {"offset": offset, "timeout": _POLL_SECONDS, "allowed_updates": READ}
        found: list[dict[str, Any]] = await self._call(session, "getUpdates", wanted)
        return found

    async def send(self, chat: int, text: str) -> None:
        """Send a text to a chat.

        Raises `ReplyRefused` where there is nobody to read it, `ReplyPutOff` as Telegram says.
        """
        try:
            await self._bot.send_message(chat, text)
        except RetryAfter as error:
            wait = error.retry_after
            raise ReplyPutOff(
                wait.total_seconds() if isinstance(wait, timedelta) else wait
            ) from None
        except Forbidden:
            raise ReplyRefused("the citizen has blocked the bot, or is gone") from None
        except BadRequest as error:
            if "chat not found" in error.message.lower():
                raise ReplyRefused("the chat does not exist") from None
            raise

    async def download(self, file_id: str) -> AsyncIterator[bytes]:
        """Yield a file's bytes as they come; raise `MediumGone` where Telegram gives it no more.

        The Bot API also refuses, and always will, what is larger than 20 MB.
        """
        async with aiohttp.ClientSession(timeout=_FILE_PATIENCE, trust_env=True) as session:
            try:
                file = await self._call(session, "getFile", {"file_id": file_id})
            except BotApiError as error:
                # A 404 would be about the token, not about the file.
                if error.status == 400:
                    raise MediumGone(f"{error}: gone, or larger than 20 MB") from None
                raise
            place = f"{self._files}{self._token}/{file['file_path']}"
            async with session.get(place) as answer:
                if answer.status in (400, 404):
                    raise MediumGone(f"the file was answered {answer.status}")
                if answer.status != 200:
                    raise BotApiError("a file", answer.status)
                async for piece in answer.content.iter_chunked(_PIECE):
                    yield piece

    async def _call(
        self, session: aiohttp.ClientSession, method: str, wanted: dict[str, Any]
    ) -> Any:
        async with session.post(f"{self._base}{self._token}/{method}", json=wanted) as answer:
            if answer.status != 200:
                raise BotApiError(method, answer.status)
            return (await answer.json())["result"]
