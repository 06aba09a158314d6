"""Senders whom we know by a shared secret: HMAC-SHA256 over time and body."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from channels.channel import WireRequest
from channels.errors import SignatureRejected

SOURCE: Final = "x-jiesu-source"
TIMESTAMP: Final = "x-jiesu-timestamp"
SIGNATURE: Final = "x-jiesu-signature"
FRESH_FOR: Final = timedelta(minutes=5)


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Return the signature header's value: HMAC-SHA256 over `timestamp.body`."""
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={digest.hexdigest()}"


class SignedSenders:
    """The senders of one channel, each under its own source name."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = dict(secrets)

    def verify(self, request: WireRequest, now: datetime) -> None:
        """Check source, freshness (five minutes either way) and signature, in constant time.

        Raises `SignatureRejected`.
        """
        timestamp = request.headers.get(TIMESTAMP, "")
        secret = self._secrets.get(request.headers.get(SOURCE, ""), "")
        expected = sign(secret or "no such source", timestamp, request.body)
        given = request.headers.get(SIGNATURE, "")
        genuine = hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))
        if not (genuine and secret):
            raise SignatureRejected("unknown source or wrong signature")
        check_fresh(timestamp, now)


def check_fresh(timestamp: str, now: datetime) -> None:
    """Raise `SignatureRejected` unless signed Unix seconds are five minutes off at most."""
    # Only digits were signed by us or by an honest sender; anything else is a refusal too.
    if not (timestamp.isdecimal() and timestamp.isascii() and len(timestamp) <= 11):
        raise SignatureRejected("the timestamp is not in Unix seconds")
    if abs(datetime.fromtimestamp(int(timestamp), UTC) - now) > FRESH_FOR:
        raise SignatureRejected("the timestamp is more than five minutes off")
