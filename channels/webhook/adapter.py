"""From a signed webhook to a message; schema and example client in this folder's README."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import orjson
from pydantic import AwareDatetime, Field

from channels.body import (
    MediumBody,
    PlaceBody,
    ReporterBody,
    ShortText,
    SpokenText,
    StrictBody,
    fields_of,
    read_strictly,
    within,
)
from channels.channel import Receipt, WireAnswer, WireRequest
from channels.errors import MalformedAppeal, Unparsable
from channels.message import Message, RemoteMedium
from channels.signing import SOURCE, SignedSenders


class WebhookBody(StrictBody):
    """One message of the sending system."""

    message_id: ShortText = Field(title="the sender's id of this message, unique for ever")
    text: SpokenText = Field(title="诉求内容 what happened")
    reporter: ReporterBody | None = None
    place: PlaceBody | None = None
    sent_at: AwareDatetime | None = Field(None, title="when the citizen sent it, with its zone")
    edits: ShortText | None = Field(None, title="message_id that this one adds to")
    media: list[MediumBody] = Field([], max_length=9, title="pictures, sound and video to fetch")


class WebhookChannel:
    """Systems that we know by a shared secret, each under its own source name."""

    name = "webhook"

    def __init__(self, secrets: Mapping[str, str], *, max_text: int) -> None:
        self._senders = SignedSenders(secrets)
        self._max_text = max_text

    def verify(self, request: WireRequest, now: datetime) -> None:
        """Check source, freshness and signature."""
        self._senders.verify(request, now)

    def parse(self, request: WireRequest) -> Sequence[Message]:
        """Return the one message; the source's name keeps two senders' ids apart."""
        try:
            body = read_strictly(WebhookBody, request.body)
        except MalformedAppeal as error:
            raise Unparsable(f"not a webhook message: {fields_of(error)}") from None
        source = request.headers[SOURCE]
        return [
            Message(
                channel=self.name,
                message_id=f"{source}/{body.message_id}",
                text=within(body.text, self._max_text),
                raw=request.body,
                reporter=body.reporter.to_reporter() if body.reporter else None,
                place=body.place.to_place() if body.place else None,
                sent_at=body.sent_at.astimezone(UTC) if body.sent_at else None,
                edits=f"{source}/{body.edits}" if body.edits else None,
                media=tuple(RemoteMedium(item.url, item.name) for item in body.media),
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
