"""The API of WeChat and WeCom, as far as we call it: access tokens, messages, media.

Access tokens, and for WeCom the secret too, stand in URLs. So no error of the HTTP client goes on
from here: its text might quote the URL.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import orjson

from channels.errors import ChannelError, MediumGone, ReplyRefused

_CALL: Final = aiohttp.ClientTimeout(total=15)
_DOWNLOAD: Final = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=30)
_CHUNK: Final = 64 * 1024
_STALE: Final = frozenset({40001, 40014, 41001, 42001})
"""The access token is not, or no longer, in force."""
_NO_SUCH_MEDIUM: Final = 40007
_EARLIER: Final = 300.0
"""Seconds before its end in which an access token is no more used."""


class ApiFailed(ChannelError):
    """The platform did not do it, and might do it later; its text has neither URL nor content."""


@dataclass(frozen=True, slots=True)
class TokenAsk:
    """How the platform is asked for an access token: by POST where there is a body."""

    path: str
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Mapping[str, Any] | None = field(default=None, repr=False)


def error_code(answer: Mapping[str, Any]) -> int:
    """Return the `errcode` of an answer, 0 where all went well."""
    code = answer.get("errcode", 0)
    return code if isinstance(code, int) else -1


class TencentApi:
    """One app's way to the platform; its access token is kept until shortly before its end.

    Connections are opened by the first call; whoever holds this closes it.
    """

    def __init__(self, base: str, ask: TokenAsk) -> None:
        self._base = base.rstrip("/")
        self._ask = ask
        self._session: aiohttp.ClientSession | None = None
        self._asking = asyncio.Lock()
        self._token: str | None = None
        self._good_until = 0.0

    async def close(self) -> None:
        """Close the connections, if there are any."""
        if self._session is not None:
            await self._session.close()

    async def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the platform's answer, maybe with an `errcode`; raise `ApiFailed` without one.

        Where the access token turns out to be stale, it is tried once more with a new one.
        """
        stale = None
        for _ in range(2):
            token = await self._access(stale)
            query = {"access_token": token}
            async with self._request(path, query, body) as response:
                answer = await _document(response)
            if error_code(answer) not in _STALE:
                return answer
            stale = token
        return answer

    async def tell(
        self, path: str, message: Mapping[str, Any], refusals: Mapping[int, str]
    ) -> Mapping[str, Any]:
        """Send a message and return the answer of a platform that took it.

        Raises `ReplyRefused` for a code of `refusals`, each with its reason, else `ApiFailed`.
        """
        answer = await self.post(path, message)
        code = error_code(answer)
        if code in refusals:
            raise ReplyRefused(f"errcode {code}: {refusals[code]}")
        if code != 0:
            raise ApiFailed(f"errcode {code}")
        return answer

    async def fetch(self, media_id: str) -> AsyncIterator[bytes]:
        """Yield a medium's bytes; raise `MediumGone` where the platform has it no more."""
        stale = None
        for _ in range(2):
            token = await self._access(stale)
            query = {"access_token": token, "media_id": media_id}
            async with self._request("/cgi-bin/media/get", query, timeout=_DOWNLOAD) as response:
                if _is_file(response):
                    async for chunk in response.content.iter_chunked(_CHUNK):
                        yield chunk
                    return
                answer = await _document(response)
            if error_code(answer) not in _STALE:
                break
            stale = token
        if error_code(answer) == _NO_SUCH_MEDIUM:
            raise MediumGone("the platform has it no more: media are kept for three days")
        # WeChat gives a video by the address where it lies.
        address = answer.get("video_url")
        if not isinstance(address, str) or not address.startswith(("https://", "http://")):
            raise ApiFailed(f"errcode {error_code(answer)}")
        async with self._request(address, {}, timeout=_DOWNLOAD) as response:
            async for chunk in response.content.iter_chunked(_CHUNK):
                yield chunk

    async def _access(self, stale: str | None) -> str:
        """Return an access token that is not the stale one; one call at a time asks for it."""
        async with self._asking:
            now = asyncio.get_running_loop().time()
            if self._token is None or self._token == stale or now >= self._good_until:
                async with self._request(self._ask.path, self._ask.query, self._ask.body) as found:
                    answer = await _document(found)
                token, lasts = answer.get("access_token"), answer.get("expires_in")
                if not (isinstance(token, str) and token and isinstance(lasts, int)):
                    raise ApiFailed(f"no access token: errcode {error_code(answer)}")
                self._token = token
                self._good_until = now + max(lasts - _EARLIER, lasts / 2)
            return self._token

    @asynccontextmanager
    async def _request(
        self,
        path: str,
        query: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
        timeout: aiohttp.ClientTimeout = _CALL,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        url = f"{self._base}{path}" if path.startswith("/") else path
        method = "GET" if body is None else "POST"
        # In UTF-8 as it is: WeChat shows escapes such as \u8bc9 to the citizen literally.
        data = None if body is None else orjson.dumps(body)
        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            async with self._session.request(
                method, url, params=query, data=data, headers=headers, timeout=timeout
            ) as response:
                if response.status != 200:
                    raise ApiFailed(f"answered with HTTP {response.status}")
                yield response
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise ApiFailed(f"not reached: {type(error).__name__}") from None


def _is_file(response: aiohttp.ClientResponse) -> bool:
    """Whether it is a medium: what went wrong is told in JSON, under one of these names."""
    told_in_words = response.content_type in {"application/json", "text/plain", "text/json"}
    return "Content-Disposition" in response.headers or not told_in_words


async def _document(response: aiohttp.ClientResponse) -> Mapping[str, Any]:
    try:
        found = orjson.loads(await response.read())
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise ApiFailed("answered with something else than a JSON object")
    return found
