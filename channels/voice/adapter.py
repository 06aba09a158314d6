"""From the platform's reports to calls; schema and example client in this folder's README."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Final

import orjson
from pydantic import AwareDatetime, Field, StringConstraints

from channels.body import MediumBody, ShortText, StrictBody, Words, fields_of, read_strictly
from channels.call import CallReport, Party, Segment
from channels.channel import Receipt, WireAnswer, WireRequest
from channels.errors import MalformedAppeal, SignatureRejected, Unparsable
from channels.message import Message, RemoteMedium
from channels.signing import SOURCE, SignedSenders

CALL: Final = "x-jiesu-call"
CONTENT: Final = "x-jiesu-content-sha256"
_MOST_SEGMENTS: Final = 5_000


class SegmentBody(StrictBody):
    """What one party says at a stretch."""

    number: int = Field(ge=0, title="its place in the call, the same when it comes again")
    speaker: Party = Field(strict=False, title="citizen 诉求人 or agent 坐席")
    text: Words = Field(max_length=10_000, title="what is said")
    start: float = Field(0.0, ge=0, title="seconds from the call's beginning")
    end: float = Field(0.0, ge=0, title="seconds from the call's beginning")
    confidence: float | None = Field(None, ge=0, le=1, title="the recogniser's")
    final: bool = Field(True, title="false while it may come again with other words")


class CallBody(StrictBody):
    """What is new of one call."""

    call_id: Annotated[ShortText, StringConstraints(pattern=r"^[!-.0-~]+$")] = Field(
        title="the platform's id of the call, unique for ever; printable ASCII without a slash"
    )
    segments: list[SegmentBody] = Field([], max_length=_MOST_SEGMENTS)
    ended: bool = Field(False, title="whether the call is over")
    phone: ShortText | None = Field(None, title="the number that calls")
    adds_to: ShortText | None = Field(None, title="number of the ticket the caller adds to")
    query_code: ShortText | None = Field(None, title="that ticket's, where the caller has it")
    started_at: AwareDatetime | None = Field(None, title="when the call began, with its zone")
    recording: MediumBody | None = None


class VoiceChannel:
    """Platforms that we know by a shared secret, each under its own source name."""

    name = "voice"

    def __init__(self, secrets: Mapping[str, str], *, max_text: int) -> None:
        self._senders = SignedSenders(secrets)
        self._max_text = max_text

    def verify(self, request: WireRequest, now: datetime) -> None:
        """Check source, freshness and signature."""
        self._senders.verify(request, now)

    def verify_recording(self, headers: Mapping[str, str], now: datetime) -> tuple[str, str]:
        """Return the call's key and the SHA-256 that an uploaded recording must have.

        The signature is over both instead of over the body, which is not held in memory. Raises
        `SignatureRejected`.
        """
        call, content = headers.get(CALL, ""), headers.get(CONTENT, "")
        signed = f"{call}.{content}".encode("utf-8", "replace")
        self._senders.verify(WireRequest(headers, signed), now)
        if not call or "/" in call:
            raise SignatureRejected(f"{CALL} names no call")
        return f"{headers[SOURCE]}/{call}", content

    def hear(self, request: WireRequest) -> CallReport:
        """Return the report; the source's name keeps two platforms' calls apart."""
        try:
            body = read_strictly(CallBody, request.body)
        except MalformedAppeal as error:
            raise Unparsable(f"not a report of a call: {fields_of(error)}") from None
        if sum(len(item.text) for item in body.segments) > self._max_text:
            raise Unparsable(f"the segments are longer than {self._max_text} characters")
        recording = body.recording
        return CallReport(
            channel=self.name,
            call=f"{request.headers[SOURCE]}/{body.call_id}",
            segments=tuple(Segment(**dict(item)) for item in body.segments),
            ended=body.ended,
            phone=body.phone,
            adds_to=body.adds_to,
            query_code=body.query_code,
            started_at=body.started_at.astimezone(UTC) if body.started_at else None,
            recording=RemoteMedium(recording.url, recording.name) if recording else None,
        )

    def heard(self, receipt: Receipt | None) -> WireAnswer:
        """Answer 200 with the ticket, once the call has one."""
        if receipt is None:
            return WireAnswer(200, orjson.dumps({"result": "heard", "ticket_id": None}))
        told = {"ticket_id": receipt.ticket_id, "query_code": receipt.query_code}
        return WireAnswer(200, orjson.dumps({"result": "heard", **told}))

    def parse(self, request: WireRequest) -> Sequence[Message]:
        """Calls are heard instead; raises `Unparsable`."""
        raise Unparsable("a call is reported, not handed over as a message")

    def answer(self, request: WireRequest, receipts: Sequence[Receipt]) -> WireAnswer:
        """Answer 200 for what is in quarantine: sending it again would not help."""
        return WireAnswer(200, orjson.dumps({"result": "quarantined"}))
