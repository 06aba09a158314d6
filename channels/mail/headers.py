"""Headers of a mail as people wrote them: RFC 2047 words, and bytes that nobody declared."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.errors import MessageError
from email.header import decode_header
from email.message import Message as Mail
from email.parser import BytesParser
from email.policy import Compat32
from email.utils import getaddresses, parsedate_to_datetime
from typing import Final

from channels.mail.charsets import clean, decode

_ADDRESS: Final = re.compile(r"[!-~]{1,64}@[A-Za-z0-9.-]{1,190}")
_NOT_IN_ADDRESS: Final = frozenset('<>()[]\\,;:"')
_FOLD: Final = re.compile(r"\r?\n[ \t]*")
_UNDECODED: Final = re.compile("[\udc80-\udcff]")
_FIRST_YEAR, _LAST_YEAR = 2000, 2100
Mailbox = tuple[str, str]
"""A person's name, maybe empty, and address."""


class _AsSent(Compat32):
    """Gives headers as they were sent: bytes that are not ASCII as surrogates, to be decoded."""

    def header_fetch_parse(self, name: str, value: str) -> str:
        """Return the value itself, where the standard one would lose undeclared bytes."""
        return value


_PARSER: Final = BytesParser(policy=_AsSent())


def read_mail(content: bytes) -> Mail:
    """Return the mail of its bytes; never refuses, whatever these are."""
    return _PARSER.parsebytes(content)


def as_sent(mail: Mail, name: str) -> str:
    """Return a header's value unfolded, or an empty string."""
    return _FOLD.sub(" ", str(mail.get(name, ""))).strip()


def words(value: str) -> str:
    """Return what a header's value says, as one line."""
    if _UNDECODED.search(value):
        value = decode(value.encode("utf-8", "surrogateescape"), None)
    try:
        pieces = [_piece(content, charset) for content, charset in decode_header(value)]
    except (
        MessageError,
        ValueError,
        LookupError,
    ):  # no such thing as was promised: what stands there is told
        pieces = [value]
    return " ".join(clean("".join(pieces) or value).split())


def _piece(content: bytes | str, charset: str | None) -> str:
    if isinstance(content, str):
        return content
    # What stands beside encoded words comes in the escapes of `decode_header`.
    return decode(content, charset) if charset else content.decode("raw-unicode-escape")


def people(mail: Mail, name: str) -> Iterator[Mailbox]:
    """Yield the people of an address header who can be written to."""
    for called, address in getaddresses([as_sent(mail, name)]):
        if _ADDRESS.fullmatch(address) and not _NOT_IN_ADDRESS & set(address):
            yield words(called), address


def sent_at(mail: Mail) -> datetime | None:
    """Return when it was sent, UTC; None where that is not said, has no zone or cannot be."""
    try:
        date = parsedate_to_datetime(as_sent(mail, "date"))
        return date.astimezone(UTC) if date.tzinfo and _is_of_our_time(date) else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _is_of_our_time(date: datetime) -> bool:
    return _FIRST_YEAR <= date.year < _LAST_YEAR
