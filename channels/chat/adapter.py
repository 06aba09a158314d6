"""From a line of a chat to a message; what a client sends and hears is in this folder's README."""

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from channels.appeal import AppealBody, appeal_message
from channels.body import StrictBody
from channels.channel import Receipt, Reply, WireAnswer, WireRequest
from channels.errors import SignatureRejected, Unparsable
from channels.message import Attachment, Message
from channels.phrases import another_matter

CHANNEL: Final = "chat"
Token = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{32,64}$")]
TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{32,64}")


class Opening(StrictBody):
    """The first frame of a socket: which chat it is, and what of it the page has already."""

    chat: Token
    after: str = Field("", max_length=64, title="`after` of what the page read last")


class Line(AppealBody):
    """A line of a chat; files are posted."""

    id: Annotated[str, StringConstraints(pattern=r"^[!-~]{8,64}$")] = Field(
        title="the page's id of this line: the same line again is one line"
    )


def chat_message(
    body: AppealBody,
    token: str,
    *,
    key: str | None,
    raw: bytes,
    attachments: tuple[Attachment, ...] = (),
    max_text: int,
) -> Message:
    """Return the message of a line; raise `MalformedAppeal` where it says nothing or too much."""
    chat = hashlib.sha256(token.encode()).hexdigest()[:32]
    message = appeal_message(
        CHANNEL,
        body,
        message_id=f"{chat}/{key}" if key else None,
        raw=raw,
        attachments=attachments,
        max_text=max_text,
    )
    return replace(
        message,
        conversation=token,
        anew=another_matter(message.text) is not None,
        reply_to=token,
    )


class ChatChannel:
    """The chat as a channel that replies: its pages read their replies by themselves."""

    name = CHANNEL
    per_second = math.inf

    async def send(self, reply: Reply) -> None:
        """Do nothing: the reply is in the transcript, where the page finds it."""

    def verify(self, request: WireRequest, now: datetime) -> None:
        """Refuse what is posted as a vendor's: raises `SignatureRejected`."""
        raise SignatureRejected("a chat has its own interface, see /openapi.json")

    def parse(self, request: WireRequest) -> Sequence[Message]:
        """Nothing is posted as a vendor's; raises `Unparsable`."""
        raise Unparsable("a chat has its own interface")

    def answer(self, request: WireRequest, receipts: Sequence[Receipt]) -> WireAnswer:
        """Nothing is posted as a vendor's."""
        return WireAnswer(404, b"{}")
