"""One-time codes to telephones, by the call centre's platform, which sends short messages."""

from datetime import datetime
from typing import Final

import aiohttp
import orjson

from channels.errors import ReplyRefused
from channels.signing import SIGNATURE, SOURCE, TIMESTAMP, sign

_TIMEOUT: Final = aiohttp.ClientTimeout(total=15)
_KEY: Final = "Idempotency-Key"
_SOURCE: Final = "jiesu"


class CodesByPlatform:
    """Posts to the platform, signed as its own reports are; the README has the schema.

    Connections are opened by the first code; whoever holds this closes it.
    """

    def __init__(self, url: str, secret: str) -> None:
        self._url = url
        self._secret = secret
        self._session: aiohttp.ClientSession | None = None

    async def send_code(self, key: str, phone: str, text: str, at: datetime) -> None:
        """Ask the platform to send it; raise `ReplyRefused` where it never will."""
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        body = orjson.dumps({"phone": phone, "text": text})
        now = str(int(at.timestamp()))
        headers = {
            "Content-Type": "application/json",
            SOURCE: _SOURCE,
            TIMESTAMP: now,
            SIGNATURE: sign(self._secret, now, body),
            _KEY: key,
        }
        async with self._session.post(
            self._url, data=body, headers=headers, timeout=_TIMEOUT, allow_redirects=False
        ) as response:
            if 400 <= response.status < 500 and response.status not in (408, 429):
                raise ReplyRefused(f"the platform answered {response.status}")
            if response.status // 100 != 2:
                raise OSError(f"the platform answered {response.status}")

    async def close(self) -> None:
        """Close the connections, if there are any."""
        if self._session is not None:
            await self._session.close()
