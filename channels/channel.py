"""The port that every signed channel implements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from channels.message import Message


@dataclass(frozen=True, slots=True)
class WireRequest:
    """What a vendor sent, before anything of it is believed; header names in lower case."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """What the vendor expects to hear back."""

    status: int
    body: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What intake gives for an accepted message."""

    ticket_id: str
    query_code: str


class Channel(Protocol):
    """A channel whose senders cannot mend a message: vendors' webhooks, mail.

    The order is fixed: `verify`, then `parse`; what `parse` refuses is quarantined, and the
    vendor hears `accepted` all the same, because sending it again would not help.
    """

    @property
    def name(self) -> str:
        """The channel's name in keys, metrics and URLs."""
        ...

    def verify(self, request: WireRequest, now: datetime) -> None:
        """Raise `SignatureRejected` unless the request is genuine and fresh."""
        ...

    def parse(self, request: WireRequest) -> Sequence[Message]:
        """Return the messages of a genuine request; raise `Unparsable` with a reason."""
        ...

    def accepted(self, receipts: Sequence[Receipt]) -> WireAnswer:
        """Return the answer for what was kept, as tickets or, with no receipts, in quarantine."""
        ...
