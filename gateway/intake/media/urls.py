"""Fetches plain URLs that came with a message: from public addresses only.

A citizen or a vendor names the URL, so it must not make this service ask its own network. Every
address that a name resolves to must be public, and the connection goes to just these addresses; a
redirect is checked in the same way.
"""

import ipaddress
import socket
from collections.abc import AsyncGenerator, Collection
from typing import Final

from aiohttp import (
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    InvalidURL,
    TCPConnector,
    ThreadedResolver,
)
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from gateway.intake.media.findings import Note, Unreadable

_MOST_REDIRECTS: Final = 3
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_GONE: Final = frozenset({404, 410})
_TIMES: Final = ClientTimeout(total=300, connect=10, sock_read=30)
_PIECE: Final = 64 * 1024
_TRANSLATED: Final = ipaddress.ip_network("64:ff9b::/96")
"""NAT64: an IPv4 address, maybe an inside one, behind an IPv6 address."""


class NotFetched(Exception):
    """The other side did not give it this time; the text names no address."""


class UrlFetcher:
    """Fetches by URL, at most `max_bytes`; `hosts` may be inside."""

    def __init__(
        self,
        hosts: Collection[str],
        max_bytes: int,
        resolver: type[AbstractResolver] = ThreadedResolver,
    ) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self._max_bytes = max_bytes
        self._resolver = resolver

    async def fetch(self, reference: str) -> AsyncGenerator[bytes, None]:
        """Yield the bytes; raise `Unreadable` if trying again would not help, else `NotFetched`."""
        connector = TCPConnector(
            resolver=_Guarded(self._resolver(), self._hosts), use_dns_cache=False, force_close=True
        )
        headers = {"Accept-Encoding": "identity", "User-Agent": "jiesu"}
        try:
            async with ClientSession(
                connector=connector, cookie_jar=DummyCookieJar(), headers=headers, timeout=_TIMES
            ) as session:
                url = self._checked(reference)
                for _ in range(_MOST_REDIRECTS + 1):
                    async with session.get(url, allow_redirects=False) as response:
                        if response.status in _REDIRECTS:
                            url = self._checked(response.headers.get("Location", ""), url)
                            continue
                        self._check(response)
                        async for piece in response.content.iter_chunked(_PIECE):
                            yield piece
                        return
        except InvalidURL:
            raise Unreadable(Note.REFUSED_ADDRESS) from None
        except (ClientError, TimeoutError, OSError) as error:
            raise NotFetched(type(error).__name__) from None
        raise Unreadable(Note.CANNOT_BE_FETCHED)

    def _checked(self, reference: str, base: URL | None = None) -> URL:
        """Return the URL that may be asked for; a name is checked when it is resolved."""
        try:
            url = URL(reference) if base is None else base.join(URL(reference))
            host = url.host or ""
        except ValueError:
            raise Unreadable(Note.REFUSED_ADDRESS) from None
        if url.scheme not in {"http", "https"} or not host or url.user or url.password:
            raise Unreadable(Note.REFUSED_ADDRESS)
        if host.lower() not in self._hosts and _is_address(host) and not is_public(host):
            raise Unreadable(Note.REFUSED_ADDRESS)
        return url

    def _check(self, response: ClientResponse) -> None:
        if response.status in _GONE:
            raise Unreadable(Note.CANNOT_BE_FETCHED)
        if response.status != 200:
            raise NotFetched(f"status {response.status}")
        if (response.content_length or 0) > self._max_bytes:
            raise Unreadable(Note.TOO_LARGE)


class _Guarded(AbstractResolver):
    """Resolves names, and refuses those with an address inside."""

    def __init__(self, inner: AbstractResolver, hosts: Collection[str]) -> None:
        self._inner = inner
        self._hosts = hosts

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses to connect to; raise `Unreadable` if one of them is inside."""
        found = await self._inner.resolve(host, port, family)
        if host.lower() not in self._hosts and not all(is_public(item["host"]) for item in found):
            raise Unreadable(Note.REFUSED_ADDRESS)
        return found

    async def close(self) -> None:
        """Close the resolver behind."""
        await self._inner.close()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_public(address: str) -> bool:
    """Return whether an IP address belongs to the public internet, as does one hidden in it."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        hidden = found.ipv4_mapped or found.sixtofour or (found.teredo and found.teredo[1])
        if hidden is None and found in _TRANSLATED:
            hidden = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if hidden is not None:
            return is_public(str(hidden))
    return found.is_global and not found.is_multicast
