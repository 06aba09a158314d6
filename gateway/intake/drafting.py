"""From a message to the rows that keep it: masked, sealed, indexed. Nothing is stored here."""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final

import orjson

from channels.message import Message, RemoteMedium, Reporter
from channels.phrases import called_from, is_enough
from gateway.accounts.keys import Vault
from gateway.intake.masking import mask, normal_identity, normal_phone, numbers_in
from gateway.intake.verifying import VOUCHED, Claim, claim_number
from gateway.tickets.numbers import read_query_code
from gateway.tickets.sealing import (
    medium_context,
    name_context,
    query_context,
    reply_context,
    reporter_context,
    text_context,
)

READABLE: Final = ("image/", "audio/", "video/")
"""Media types in which there may be words."""


@dataclass(frozen=True, slots=True)
class Drafted:
    """A message ready to be stored, with the ticket that it would open."""

    message: dict[str, Any]
    people: list[dict[str, Any]]
    attachments: list[dict[str, Any]]
    media: list[dict[str, Any]]
    query_code: str
    query: dict[str, Any]
    edits: str | None
    of_ticket: str | None
    joins: bytes | None
    """The conversation to whose last ticket it is added, if that is recent."""
    answered: bool
    code_refused: bool
    """Whether it holds a one-time code that is not right."""
    says_enough: bool
    """Whether it only says, in a conversation, that there is nothing to add."""
    claim: Claim | None
    """That the call from a number, to whose ticket it shall be added, was theirs."""
    may_repeat: bool
    """Whether its sender may send it again: else nobody need look for it."""
    senders: bytes
    """By what its sender is known again, 8 bytes for each; none of an anonymous one."""

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
            media=[{**row, "ticket_id": ticket_id} for row in self.media],
        )


def draft(
    message: Message,
    ticket_id: str,
    query_code: str,
    received_at: datetime,
    vault: Vault,
    *,
    claims: bool = False,
) -> Drafted:
    """Return the rows of a message; its words leave this function masked or sealed only.

    With `claims` a line may claim the number from which a call was made.
    """
    identity = uuid.uuid4().hex
    reporter = message.reporter
    masked = mask(message.text, reporter.name if reporter else None)
    row: dict[str, Any] = {
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
        "sealed_text": vault.seal(message.text.encode(), text_context(identity)),
        "sealed_raw": vault.seal(message.raw, f"message/{identity}/raw"),
        "sealed_reporter": None,
        "sealed_reply_to": None,
        "conversation": conversation_digest(message, vault),
    }
    if reporter:
        row["sealed_reporter"] = vault.seal(orjson.dumps(reporter), reporter_context(identity))
    if message.reply_to is not None:
        row["sealed_reply_to"] = vault.seal(message.reply_to.encode(), reply_context(identity))
    people = _people(message, ticket_id, vault)
    return Drafted(
        message=row,
        people=people,
        attachments=_attachments(message, identity, ticket_id, vault),
        media=_media(message, row, vault),
        query_code=query_code,
        query={
            "query_digest": query_digest(vault, ticket_id, query_code),
            "sealed_query_code": vault.seal(query_code.encode(), query_context(ticket_id)),
        },
        edits=message.edits,
        of_ticket=message.of_ticket,
        joins=None if message.anew else row["conversation"],
        answered=message.answered,
        code_refused=message.code_refused,
        says_enough=_says_enough(message),
        claim=_claim(message, row["conversation"], vault) if claims else None,
        may_repeat=message.message_id is not None,
        senders=_senders(message, row, people, vault),
    )


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


def _says_enough(message: Message) -> bool:
    files = message.media or message.attachments
    return bool(message.reply_to and not files and is_enough(message.text))


def _claim(message: Message, conversation: bytes | None, vault: Vault) -> Claim | None:
    phone = called_from(message.text)
    if conversation is None or phone is None or message.reply_to is None:
        return None
    return claim_number(phone, conversation, vault)


def conversation_digest(message: Message, vault: Vault) -> bytes | None:
    """Return by what a chat is known; None where the message is of none."""
    if message.conversation is None:
        return None
    return vault.digest("conversation", f"{message.channel}/{message.conversation}")


def _senders(
    message: Message, row: Mapping[str, Any], people: list[dict[str, Any]], vault: Vault
) -> bytes:
    known = [person["digest"] for person in people if person["source"] != "text"]
    if row["conversation"] is not None:
        known.append(row["conversation"])
    if message.reporter and message.reporter.email:
        known.append(vault.digest("email", message.reporter.email.strip().lower()))
    return b"".join(digest[:8] for digest in known)


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
        source = VOUCHED if message.phone_vouched else "reporter"
        found.add(("phone", normal_phone(message.reporter.phone), source))
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
            "sealed_name": vault.seal(item.name.encode(), name_context(identity, place)),
        }
        for place, item in enumerate(message.attachments)
    ]


def _media(message: Message, row: Mapping[str, Any], vault: Vault) -> list[dict[str, Any]]:
    """Return the media that are to be read, and those that are to be fetched before."""
    here = [
        _medium(row, address=item.address, size=item.size, media_type=item.media_type)
        for item in message.attachments
        if item.media_type.startswith(READABLE)
    ]
    media = [*here, *(_remote(row, item, message.reporter, vault) for item in message.media)]
    if message.heard:
        for medium in media:
            medium.update(words_of_medium(medium["id"], "", None, vault))
    return media


def _medium(row: Mapping[str, Any], **known: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(
        ("address", "size", "media_type", "sealed_reference", "sealed_name", "masked_text",
         "mask_spans", "sealed_text")
    )  # fmt: skip
    return {
        **nothing,
        "id": uuid.uuid4().hex,
        "message": row["id"],
        "ticket_id": row["ticket_id"],
        "channel": row["channel"],
        "attempts": 0,
        "not_before": row["received_at"],
        **known,
    }


def _remote(
    row: Mapping[str, Any], item: RemoteMedium, reporter: Reporter | None, vault: Vault
) -> dict[str, Any]:
    medium = _medium(row)
    identity = medium["id"]
    medium["sealed_reference"] = vault.seal(
        item.reference.encode(), medium_context(identity, "reference")
    )
    medium["sealed_name"] = vault.seal(item.name.encode(), medium_context(identity, "name"))
    if item.transcript:
        medium |= words_of_medium(identity, item.transcript, reporter, vault)
    return medium


def words_of_medium(
    identity: str, text: str, reporter: Reporter | None, vault: Vault
) -> dict[str, Any]:
    """Return the columns that keep what stands or is said in a medium, masked and sealed."""
    masked = mask(text, reporter.name if reporter else None)
    return {
        "masked_text": masked.text,
        "mask_spans": [list(span) for span in masked.spans],
        "sealed_text": vault.seal(text.encode(), medium_context(identity, "text")),
    }
