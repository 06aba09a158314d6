"""Errors of the channels.

ChannelError
├── SignatureRejected   the sender is not who it says: answered 401, nothing kept
├── MalformedAppeal     the sender can mend it: answered 4xx with every field named
├── Unparsable          the sender cannot mend it: quarantined, answered as the vendor expects
├── NotAnAppeal         nobody's words, as an auto-reply's: counted, neither kept nor answered
├── MediumGone          the vendor has it no longer: noted on the ticket
├── ReplyRefused        the citizen cannot be told there: noted, not tried again
└── ReplyPutOff         the vendor wants it later: tried again then, as often as it says so
"""

from dataclasses import dataclass


class ChannelError(Exception):
    """Root of everything a channel raises."""


class SignatureRejected(ChannelError):
    """The request's signature is missing, too old or wrong."""


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One field of a request that cannot be accepted, and what to do about it."""

    field: str
    """JSON pointer into the body, such as `/reporter/phone`; empty for the body as a whole."""
    remedy: str
    remedy_zh: str


class MalformedAppeal(ChannelError):
    """What a sender who can mend it sent wrongly, field by field.

    Never carries what the citizen wrote, only the names of fields.
    """

    def __init__(self, *faults: FieldFault) -> None:
        super().__init__("; ".join(f"{fault.field or 'body'}: {fault.remedy}" for fault in faults))
        self.faults = faults


class Unparsable(ChannelError):
    """A genuine vendor's message that we cannot read; its text is a reason without content."""


class NotAnAppeal(ChannelError):
    """What a machine sent by itself: an auto-reply, a bounce, a loop; its text says which."""


class MediumGone(ChannelError):
    """A medium that cannot be fetched, now or later; its text is a reason without content."""


class ReplyRefused(ChannelError):
    """A reply that will not be delivered, now or later; its text is a reason without content."""


class ReplyPutOff(ChannelError):
    """The vendor takes no more just now, and says for how long."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"not for {seconds:.0f} s")
        self.seconds = seconds
