"""From the body of `POST /api/v1/appeals` to a message."""

from typing import Final

from channels.appeal import AppealBody, appeal_message
from channels.message import Attachment, Message

CHANNEL: Final = "api"


def to_message(
    body: AppealBody,
    *,
    message_id: str | None,
    raw: bytes,
    attachments: tuple[Attachment, ...],
    max_text: int,
) -> Message:
    """Return the message; raise `MalformedAppeal` where it says nothing or too much."""
    return appeal_message(
        CHANNEL,
        body,
        message_id=message_id,
        raw=raw,
        attachments=attachments,
        max_text=max_text,
    )
