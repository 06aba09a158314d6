"""The whole ticket as JSON: `/schemas/ticket.v1.json`, on the streams and in the API.

All of its text is masked; people's data is fetched by API, signed in and audited.
"""

from datetime import datetime
from typing import Any, Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from gateway.tickets.store import MediumWords, Words
from gateway.tickets.ticket import Ticket
from gateway.tickets.workflow import Confirmation, Status
from triage.decision import Decision, Tier

SCHEMA: Final = "ticket.v1"

AddressedAs = Literal["unit", "district_fallback", "duty_desk"]


class TicketMessage(BaseModel):
    """One message, masked."""

    id: str
    channel: str
    received_at: datetime
    text: str
    place: dict[str, Any] | None


class TicketAttachment(BaseModel):
    """One file; its name is people's data and is not told here."""

    message: str
    address: str
    size: int
    media_type: str


class TicketMedium(BaseModel):
    """One picture, sound or video, what was found in it, and the files made from it."""

    id: str
    message: str
    address: str | None = Field(description="null while it still lies with its vendor")
    media_type: str | None
    note: str | None = Field(description="why it was not read, or not all of it")
    text: str | None = Field(description="its words, masked; null while it has not been read")
    facts: dict[str, bool | int | float | str]
    derived: list[dict[str, str]] = Field(description="`kind`, `address` and `media_type` of each")
    line_starts: list[float | None] = Field(
        default_factory=list,
        description="when each line of `text` begins to be said, in seconds of the recording; "
        "null for what stands in its frames; empty where no times are known",
    )


class TicketDocument(BaseModel):
    """A ticket as consumers and agents read it; times are UTC."""

    model_config = ConfigDict(title="Ticket", extra="forbid")

    ticket_schema: Literal["ticket.v1"] = Field(alias="schema")
    ticket_id: str
    version: int
    channel: str
    status: Status
    messages: list[TicketMessage]
    attachments: list[TicketAttachment]
    media: list[TicketMedium]
    kind: str | None
    topic: str | None
    matter: str | None
    tier: Tier | None
    route: str | None
    unit: str | None = Field(description="as triage or an agent named it; null when untriaged")
    supporting_units: list[str]
    district: str | None
    street: str | None
    addressed_unit: str | None = Field(description="who gets it now, if it is published")
    addressed_as: AddressedAs | None
    untriaged: bool
    automatic: bool
    complex: bool
    surge: bool
    confirmation: Confirmation
    confirmed_by: str | None
    confirmed_at: datetime | None
    accepted_at: datetime
    dispatch_due_at: datetime | None
    dispatched_at: datetime | None
    acknowledge_due_at: datetime | None
    report_due_at: datetime | None
    repeats: int = Field(0, description="tickets of the same sender with the same words, merged in")
    cluster: str | None = Field(None, description="the first ticket of those on the same matter")
    split_from: str | None = Field(
        None, description="the ticket that was split; the number of the first part is that itself"
    )
    part: str | None = Field(
        None, description="which part of what was told this ticket deals with, masked"
    )
    decision: Decision | None


_PLAIN: Final = (
    "version", "channel", "status", "kind", "topic", "matter", "tier", "route", "unit",
    "supporting_units", "district", "street", "untriaged", "automatic", "complex", "surge",
    "confirmation", "confirmed_by", "confirmed_at", "accepted_at", "dispatch_due_at",
    "dispatched_at", "acknowledge_due_at", "report_due_at", "repeats", "cluster",
    "split_from",
)  # fmt: skip


def ticket_document(
    ticket: Ticket,
    words: list[Words],
    attachments: list[dict[str, Any]],
    media: list[MediumWords],
    decision: dict[str, Any] | None,
    addressed: tuple[str, AddressedAs] | None,
    part: str | None = None,
) -> dict[str, Any]:
    """Return the document's fields, times still as `datetime`."""
    return {
        "schema": SCHEMA,
        "ticket_id": ticket.id,
        **{name: getattr(ticket, name) for name in _PLAIN},
        "messages": [
            {
                "id": item.id,
                "channel": item.channel,
                "received_at": item.received_at,
                "text": item.text,
                "place": item.place,
            }
            for item in words
        ],
        "attachments": attachments,
        "media": [
            {
                "id": item.id,
                "message": item.message,
                "address": item.address,
                "media_type": item.media_type,
                "note": item.note,
                "text": None if item.sealed_text is None else item.text,
                "facts": item.facts,
                "derived": item.derived,
                "line_starts": item.line_starts,
            }
            for item in media
        ],
        "addressed_unit": addressed[0] if addressed else None,
        "addressed_as": addressed[1] if addressed else None,
        "part": part,
        "decision": decision,
    }


def dump_document(document: dict[str, Any]) -> str:
    """Return the JSON, times as ISO 8601 in UTC."""
    return orjson.dumps(document, option=orjson.OPT_UTC_Z).decode()
