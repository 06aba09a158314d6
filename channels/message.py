"""The message: what every channel hands to intake, whatever came over the wire."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who tells of the matter (诉求人), as far as they said; all of it is kept encrypted."""

    name: str | None = None
    phone: str | None = None
    identity_number: str | None = None
    address: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where the matter lies, as the citizen gave it; WGS 84 degrees."""

    address: str | None = None
    longitude: float | None = None
    latitude: float | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that already lies, encrypted and flushed, in the attachment store."""

    address: str
    """Keyed digest of the content: the same content has the same address."""
    size: int
    """Bytes of the content before encryption."""
    media_type: str
    """Told from the content, not from the name."""
    name: str


@dataclass(frozen=True, slots=True)
class Part:
    """A file that came inside the message itself, as those of mails do; intake stores it."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class RemoteMedium:
    """A picture, voice note, video or file that still lies with the vendor."""

    reference: str
    """By which the channel fetches it, or a plain `https://` URL; kept encrypted."""
    name: str = "attachment"
    transcript: str | None = None
    """What is said in it, where the vendor has recognised that."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a citizen; `(channel, message_id)` is its key for ever."""

    channel: str
    message_id: str | None
    """None where the sender gave it no key: it is a new message, whatever it says."""
    text: str
    raw: bytes
    """What came over the wire, kept encrypted as evidence."""
    reporter: Reporter | None = None
    place: Place | None = None
    attachments: tuple[Attachment, ...] = ()
    sent_at: datetime | None = None
    """When the citizen sent it by the vendor's clock, UTC."""
    edits: str | None = None
    """The message_id of the same channel that this one adds to: an edit is an addition."""
    of_ticket: str | None = None
    """The ticket that it is added to, whose query code its sender has shown."""
    media: tuple[RemoteMedium, ...] = ()
    heard: bool = False
    """Whether what is said in its media stands in the text already."""
    conversation: str | None = None
    """The chat it belongs to: it is added to what that chat told of shortly before, if anything."""
    anew: bool = False
    """Whether the citizen says that this is another matter, in the same conversation."""
    reply_to: str | None = None
    """Where the channel answers this citizen; kept encrypted. None where it cannot."""
    parts: tuple[Part, ...] = ()
    """Files that are not stored yet; before the message is kept, they become `attachments`."""
    phone_vouched: bool = False
    """Whether the reporter's number is the one that called, by the call centre's word."""
    code_refused: bool = False
    """Whether it holds a one-time code that is wrong or too old."""
    answered: bool = False
    """Whether the answer to the request tells the receipt already."""
