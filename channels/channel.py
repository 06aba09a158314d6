"""The ports that channels implement: what they take in, what they fetch, how they answer."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from channels.call import CallReport
from channels.message import Message


@dataclass(frozen=True, slots=True)
class WireRequest:
    """What a vendor sent, before anything of it is believed; header names in lower case."""

    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """What the vendor expects to hear back."""

    status: int
    body: bytes
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What intake gives for an accepted message."""

    ticket_id: str
    number: str
    """The ticket's id in groups, as it is printed and read out."""
    query_code: str
    added: bool = field(default=False, compare=False)
    """Whether the message was added to a ticket that was there already."""


class Channel(Protocol):
    """A channel whose senders cannot mend a message: vendors' webhooks, mail.

    The order is fixed: `verify`, then `parse`; what `parse` refuses is quarantined, and the
    vendor hears `answer` all the same, because sending it again would not help.
    """

    @property
    def name(self) -> str:
        """The channel's name in keys, metrics and URLs."""
        ...

    def verify(self, request: WireRequest, now: datetime) -> None:
        """Raise `SignatureRejected` unless the request is genuine and fresh."""
        ...

    def parse(self, request: WireRequest) -> Sequence[Message]:
        """Return the messages of a genuine request, maybe none; raise `Unparsable` with a reason.

        Raises `NotAnAppeal` only where the channel listens: it must tell that to the sender. The
        work may run in a thread.

        The same request always gives the same messages: it may be parsed again from quarantine.
        """
        ...

    def answer(self, request: WireRequest, receipts: Sequence[Receipt]) -> WireAnswer:
        """Return the answer to what was kept: a receipt for each message, none in quarantine."""
        ...


Take = Callable[[WireRequest], Awaitable[Sequence[Receipt] | None]]
"""Takes one raw message of a listening channel; what it returns for is stored for good.

The receipts of its messages, or None where it could not be read and is in quarantine.
Raises `NotAnAppeal` for what shall not come again, anything else for what shall.
"""


@runtime_checkable
class Listens(Protocol):
    """A channel that waits for messages by itself instead of being posted to."""

    async def listen(self, take: Take) -> None:
        """Hand over every message until cancelled; one that raises is handed over again."""
        ...


@runtime_checkable
class Fetches(Protocol):
    """A channel whose media lie with the vendor until they are fetched."""

    def fetch(self, reference: str) -> AsyncIterator[bytes]:
        """Yield the medium's bytes; raise `MediumGone` if trying again would not help."""
        ...


@runtime_checkable
class Closes(Protocol):
    """A channel that holds connections."""

    async def close(self) -> None:
        """Close them; nothing else is asked of it afterwards."""
        ...


@runtime_checkable
class HearsCalls(Protocol):
    """A channel that reports of telephone calls instead of handing over messages."""

    def hear(self, request: WireRequest) -> CallReport:
        """Return the report of a genuine request; raise `Unparsable` with a reason."""
        ...

    def heard(self, receipt: Receipt | None) -> WireAnswer:
        """Return the answer to a report that is kept; no receipt while the call has no ticket."""
        ...

    def verify_recording(self, headers: Mapping[str, str], now: datetime) -> tuple[str, str]:
        """Return the call and the SHA-256 of a recording that is uploaded.

        Raises `SignatureRejected`.
        """
        ...


class SendsCodes(Protocol):
    """Tells one-time codes to whoever answers at a telephone number."""

    async def send_code(self, key: str, phone: str, text: str, at: datetime) -> None:
        """Send the text; the same key is the same message, tried again.

        Raises `ReplyRefused` if trying again would not help, else anything.
        """
        ...

    async def close(self) -> None:
        """Close the connections; nothing else is asked of it afterwards."""
        ...


@dataclass(frozen=True, slots=True)
class Reply:
    """What a citizen is told where they asked: a receipt, or how their matter goes on."""

    key: str
    """The same whenever this reply is tried again: for vendors who drop repeats by it."""
    address: str
    """What the channel gave as a message's `reply_to`."""
    text: str


@runtime_checkable
class Replies(Protocol):
    """A channel that can tell the citizen something after the request was answered."""

    @property
    def per_second(self) -> float:
        """How many replies a second its vendor takes; infinite where that is no matter."""
        ...

    async def send(self, reply: Reply) -> None:
        """Send it.

        Raises `ReplyRefused` if trying again would not help, `ReplyPutOff` where the vendor says
        when it would, else anything.
        """
        ...
