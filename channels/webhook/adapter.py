"""From a signed webhook to a message; schema and example client in this folder's README."""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson
from pydantic import AwareDatetime, Field

from channels.body import (
    PlaceBody,
    ReporterBody,
    ShortText,
    SpokenText,
    StrictBody,
    read_strictly,
)
from channels.channel import Receipt, WireAnswer, WireRequest
from channels.errors import MalformedAppeal, SignatureRejected, Unparsable
from channels.message import Message

SOURCE: Final = "x-jiesu-source"
TIMESTAMP: Final = "x-jiesu-timestamp"
SIGNATURE: Final = "x-jiesu-signature"
FRESH_FOR: Final = timedelta(minutes=5)
_FIELD_NAME: Final = re.compile(r"(?:/[A-Za-z_][A-Za-z0-9_]{0,40})+")


class WebhookBody(StrictBody):
    """One message of the sending system."""

    message_id: ShortText = Field(title="the sender's id of this message, unique for ever")
    text: SpokenText = Field(title="诉求内容 what happened")
    reporter: ReporterBody | None = None
    place: PlaceBody | None = None
    sent_at: AwareDatetime | None = Field(None, title="when the citizen sent it, with its zone")
    edits: ShortText | None = Field(None, title="message_id that this one adds to")


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Return the signature header's value: HMAC-SHA256 over `timestamp.body`."""
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={digest.hexdigest()}"


class WebhookChannel:
    """Systems that we know by a shared secret, each under its own source name."""

    name = "webhook"

    def __init__(self, secrets: Mapping[str, str], *, max_text: int) -> None:
        self._secrets = dict(secrets)
        self._max_text = max_text

    def verify(self, request: WireRequest, now: datetime) -> None:
        """Check source, freshness (five minutes either way) and signature, in constant time."""
        timestamp = request.headers.get(TIMESTAMP, "")
        secret = self._secrets.get(request.headers.get(SOURCE, ""), "")
        expected = sign(secret or "no such source", timestamp, request.body)
        given = request.headers.get(SIGNATURE, "")
        genuine = hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))
        if not (genuine and secret):
            raise SignatureRejected("unknown source or wrong signature")
        # Only digits were signed by us or by an honest sender; anything else is a refusal too.
        if not (timestamp.isdecimal() and timestamp.isascii() and len(timestamp) <= 11):
            raise SignatureRejected("the timestamp is not in Unix seconds")
        if abs(datetime.fromtimestamp(int(timestamp), UTC) - now) > FRESH_FOR:
            raise SignatureRejected("the timestamp is more than five minutes off")

    def parse(self, request: WireRequest) -> Sequence[Message]:
        """Return the one message; the source's name keeps two senders' ids apart."""
        try:
            body = read_strictly(WebhookBody, request.body)
        except MalformedAppeal as error:
            fields = ", ".join(dict.fromkeys(_told(fault.field) for fault in error.faults))
            raise Unparsable(f"not a webhook message: {fields}") from None
        if len(body.text) > self._max_text:
            raise Unparsable(f"text is longer than {self._max_text} characters")
        source = request.headers[SOURCE]
        return [
            Message(
                channel=self.name,
                message_id=f"{source}/{body.message_id}",
                text=body.text,
                raw=request.body,
                reporter=body.reporter.to_reporter() if body.reporter else None,
                place=body.place.to_place() if body.place else None,
                sent_at=body.sent_at.astimezone(UTC) if body.sent_at else None,
                edits=f"{source}/{body.edits}" if body.edits else None,
            )
        ]

    def answer(self, request: WireRequest, receipts: Sequence[Receipt]) -> WireAnswer:
        """Answer 200 with the ticket, or with `quarantined` where nothing could be read."""
        if not receipts:
            return WireAnswer(200, orjson.dumps({"result": "quarantined"}))
        return WireAnswer(
            200,
            orjson.dumps(
                {
                    "result": "accepted",
                    "ticket_id": receipts[0].ticket_id,
                    "query_code": receipts[0].query_code,
                }
            ),
        )


def _told(pointer: str) -> str:
    """Return the field for a reason that is kept in plain: a foreign key may be a citizen's."""
    if not pointer:
        return "body"
    return pointer if _FIELD_NAME.fullmatch(pointer) else "an unknown field"
