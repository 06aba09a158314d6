"""The Telegram bot as a channel: posted to by webhook, or asking by itself."""

import hmac
import json
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Final

import orjson
import telegram
from telegram.ext import CallbackContext, TypeHandler

from channels.channel import Receipt, Reply, Take, WireAnswer, WireRequest
from channels.errors import SignatureRejected, Unparsable
from channels.message import Message
from channels.telegram.client import BotApi, BotApplication
from channels.telegram.updates import guidance, read_update, to_message

HEADER: Final = "x-telegram-bot-api-secret-token"


class TelegramChannel:
    """A bot whose updates Telegram posts to us, with a secret that we gave it."""

    name = "telegram"
    per_second = 25.0
    """Telegram's FAQ: not more than 30."""

    def __init__(self, token: str, secret: str | None, api: str, *, max_text: int) -> None:
        self._secret = secret
        self._api = BotApi(token, api)
        self._max_text = max_text

    def verify(self, request: WireRequest, now: datetime) -> None:
        """Compare the secret token in constant time; without one nobody may post."""
        given = request.headers.get(HEADER, "").encode("utf-8", "replace")
        if self._secret is None or not hmac.compare_digest(given, self._secret.encode()):
            raise SignatureRejected("the secret token is missing or wrong")

    def parse(self, request: WireRequest) -> Sequence[Message]:
        """Return the one message of an update; none of a command, a group, another event."""
        told = read_update(request.body)
        message = told and to_message(told, self.name, self._max_text)
        return [message] if message else []

    def answer(self, request: WireRequest, receipts: Sequence[Receipt]) -> WireAnswer:
        """Answer 200; what is no appeal is answered by a method of the Bot API in the body."""
        try:
            told = read_update(request.body)
        except Unparsable:
            told = None
        if told is None or (text := guidance(told.update)) is None:
            return WireAnswer(200, b"{}")
        call = {"method": "sendMessage", "chat_id": told.said.chat.id, "text": text}
        return WireAnswer(200, orjson.dumps(call))

    def fetch(self, reference: str) -> AsyncIterator[bytes]:
        """Yield the bytes of a file by its `file_id`."""
        return self._api.download(reference)

    async def send(self, reply: Reply) -> None:
        """Send a text to a chat. The Bot API knows no key by which it would drop a repeat."""
        await self._api.send(int(reply.address), reply.text)


class ListeningTelegramChannel(TelegramChannel):
    """The same bot where Telegram cannot reach us: we ask for updates, and wait for them."""

    async def listen(self, take: Take) -> None:
        """Take update by update, and confirm each by asking for the next one.

        Ends with the error where Telegram is away or an update could not be stored: whoever
        listens again asks again from the first update that was not confirmed.
        """
        application = self._api.application()
        application.add_handler(TypeHandler(telegram.Update, _guide))
        async with application, self._api.session() as session:
            offset = 0
            while True:
                for update in await self._api.updates(session, offset):
                    # In ASCII: half a character must come to quarantine, not stop us here.
                    body = json.dumps(update).encode()
                    await take(WireRequest({}, body))
                    offset = update["update_id"] + 1
                    await _process(application, body)


async def _process(application: BotApplication, body: bytes) -> None:
    """Let the application guide whoever sent no appeal; what is in quarantine is passed over."""
    try:
        told = read_update(body)
    except Unparsable:
        return
    if told is not None:
        await application.process_update(told.update)


async def _guide(update: telegram.Update, context: CallbackContext[Any, Any, Any, Any]) -> None:
    """Tell whoever sent no appeal how to; it is said once, and lost if it fails."""
    text, chat = guidance(update), update.effective_chat
    if text and chat:
        await context.bot.send_message(chat.id, text)
