"""From a message to the rows that keep it: masked, sealed, indexed. Nothing is stored here."""

import hashlib
import uuid
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from channels.message import Message
from gateway.accounts.keys import Vault
from gateway.intake.masking import mask, normal_identity, normal_phone, numbers_in
from gateway.tickets.numbers import read_query_code


@dataclass(frozen=True, slots=True)
class Drafted:
    """A message ready to be stored, with the ticket that it would open."""

    message: dict[str, Any]
    people: list[dict[str, Any]]
    attachments: list[dict[str, Any]]
    query_code: str
    query: dict[str, Any]
    edits: str | None
    may_repeat: bool
    """Whether its sender may send it again: else nobody need look for it."""

    @property
    def key(self) -> tuple[str, str]:
        """The message's key."""
        return self.message["channel"], self.message["message_id"]

    @property
    def ticket_id(self) -> str:
        """The number of the ticket that it would open."""
        return str(self.message["ticket_id"])

    def on_ticket(self, ticket_id: str) -> "Drafted":
        """Return the same words as an addition to a ticket that exists already."""
        return replace(
            self,
            message={**self.message, "ticket_id": ticket_id},
            people=[{**row, "ticket_id": ticket_id} for row in self.people],
            attachments=[{**row, "ticket_id": ticket_id} for row in self.attachments],
        )


def draft(
    message: Message, ticket_id: str, query_code: str, received_at: datetime, vault: Vault
) -> Drafted:
    """Return the rows of a message; its words leave this function masked or sealed only."""
    identity = uuid.uuid4().hex
    reporter = message.reporter
    masked = mask(message.text, reporter.name if reporter else None)
    row = {
        "id": identity,
        "channel": message.channel,
        "message_id": message.message_id or f"new:{identity}",
        "ticket_id": ticket_id,
        "received_at": received_at,
        "sent_at": message.sent_at,
        "masked_text": masked.text,
        "mask_spans": [list(span) for span in masked.spans],
        "place": _masked_place(message),
        "body_digest": body_digest(message),
        "sealed_text": vault.seal(message.text.encode(), f"message/{identity}/text"),
        "sealed_raw": vault.seal(message.raw, f"message/{identity}/raw"),
        "sealed_reporter": None,
    }
    if reporter:
        row["sealed_reporter"] = vault.seal(orjson.dumps(reporter), f"message/{identity}/reporter")
    return Drafted(
        message=row,
        people=_people(message, ticket_id, vault),
        attachments=_attachments(message, identity, ticket_id, vault),
        query_code=query_code,
        query={
            "query_digest": query_digest(vault, ticket_id, query_code),
            "sealed_query_code": vault.seal(query_code.encode(), query_context(ticket_id)),
        },
        edits=message.edits,
        may_repeat=message.message_id is not None,
    )


def query_context(ticket_id: str) -> str:
    """Return the context to which a ticket's query code is sealed."""
    return f"ticket/{ticket_id}/query_code"


def query_digest(vault: Vault, ticket_id: str, query_code: str) -> bytes:
    """Return the keyed hash by which a query code is checked."""
    return vault.digest("query_code", f"{ticket_id}/{read_query_code(query_code)}")


def body_digest(message: Message) -> bytes:
    """Return what tells whether a repeated key came with the same content."""
    parts = [message.raw, *(item.address.encode() for item in message.attachments)]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def _masked_place(message: Message) -> dict[str, Any] | None:
    if message.place is None:
        return None
    place = asdict(message.place)
    if message.place.address:
        place["address"] = mask(message.place.address).text
    return place


def _people(message: Message, ticket_id: str, vault: Vault) -> list[dict[str, Any]]:
    """Return blind-index rows for the reporter's numbers and those named in the text."""
    found = {(kind, value, "text") for kind, value in numbers_in(message.text)}
    if message.reporter and message.reporter.phone:
        found.add(("phone", normal_phone(message.reporter.phone), "reporter"))
    if message.reporter and message.reporter.identity_number:
        number = normal_identity(message.reporter.identity_number)
        found.add(("identity", number, "reporter"))
    return [
        {
            "kind": kind,
            "digest": vault.digest(kind, value),
            "ticket_id": ticket_id,
            "source": source,
        }
        for kind, value, source in sorted(found)
    ]


def _attachments(
    message: Message, identity: str, ticket_id: str, vault: Vault
) -> list[dict[str, Any]]:
    return [
        {
            "message": identity,
            "ticket_id": ticket_id,
            "address": item.address,
            "size": item.size,
            "media_type": item.media_type,
            "sealed_name": vault.seal(item.name.encode(), f"message/{identity}/name/{place}"),
        }
        for place, item in enumerate(message.attachments)
    ]
