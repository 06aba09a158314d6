"""Which mail answers which: Message-IDs, ours and those of citizens."""

import base64
import hashlib
import re
from email.message import Message as Mail
from typing import Final

from channels.mail.headers import as_sent

_ID: Final = re.compile(r"<[!-;=?-~]+>")
_LONGEST: Final = 200
_LONGEST_INSIDE: Final = 150
_OURS: Final = "<jiesu."


def message_key(mail: Mail, content: bytes) -> str:
    """Return the mail's Message-ID, or a digest of its content where it has none."""
    found = _ID.search(as_sent(mail, "message-id"))
    return _key(found[0]) if found else _digest(content)


def references(mail: Mail) -> list[str]:
    """Return the mails that this one follows, the oldest first."""
    return [
        *_ID.findall(as_sent(mail, "references")),
        *_ID.findall(as_sent(mail, "in-reply-to")),
    ]


def adds_to(mail: Mail, domain: str) -> str | None:
    """Return the key of the citizen's mail that this one adds to, None for a new matter.

    A reply to our mail names ours, whose id holds the key of the mail that it answered: many
    clients tell only of the mail before. Else it is the mail with which the thread began.
    """
    found = references(mail)
    answered = [key for reference in found if (key := _answered(reference, domain))]
    if answered:
        return answered[-1]
    return next((_key(item) for item in found if not is_ours(item, domain)), None)


def our_id(reply_key: str, answered: str, domain: str) -> str:
    """Return the Message-ID of a reply: the same each time, with what it answers inside."""
    inside = answered if len(answered) <= _LONGEST_INSIDE else ""
    told = base64.urlsafe_b64encode(inside.encode()).decode().rstrip("=")
    return f"{_OURS}{reply_key}.{told}@{domain}>"


def is_ours(message_id: str, domain: str) -> bool:
    """Return whether we sent the mail of that id."""
    return message_id.startswith(_OURS) and message_id.lower().endswith(f"@{domain.lower()}>")


def _answered(reference: str, domain: str) -> str | None:
    if not is_ours(reference, domain):
        return None
    told = reference[len(_OURS) :].partition("@")[0].partition(".")[2]
    try:
        return base64.urlsafe_b64decode(told + "=" * (-len(told) % 4)).decode("ascii") or None
    except ValueError:
        return None


def _key(message_id: str) -> str:
    return message_id if len(message_id) <= _LONGEST else _digest(message_id.encode())


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
