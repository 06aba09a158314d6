"""Plain URLs: what is fetched, and what is never asked for."""

import socket
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from gateway.intake.media.findings import Note, Unreadable
from gateway.intake.media.urls import NotFetched, UrlFetcher, is_public

MOST = 1_000_000


class Site:
    """A web server on this machine, which is as inside as can be."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.port = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer by the path: a redirect, a status, or bytes."""
        self.asked.append(request.path)
        kind, _, rest = request.path.lstrip("/").partition("/")
        if kind == "to":
            raise web.HTTPFound(request.query["url"])
        if kind == "status":
            return web.Response(status=int(rest))
        return web.Response(body=bytes(int(rest)))

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """Return the URL of a path."""
        return f"http://{host}:{self.port}/{path}"


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """A server that notes what it is asked for."""
    found = Site()
    application = web.Application()
    application.router.add_get("/{any:.*}", found.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.port = runner.addresses[0][1]
    yield found
    await runner.cleanup()


async def fetched(fetcher: UrlFetcher, url: str) -> bytes:
    """Return the whole content."""
    return b"".join([piece async for piece in fetcher.fetch(url)])


async def refusal(fetcher: UrlFetcher, url: str) -> Note:
    """Return why a URL is not fetched and never will be."""
    with pytest.raises(Unreadable) as refused:
        await fetched(fetcher, url)
    return refused.value.note


async def test_a_host_that_is_named_may_be_inside(site: Site) -> None:
    """The operator's own hosts are fetched from, over redirects too."""
    fetcher = UrlFetcher({"127.0.0.1"}, MOST)
    assert len(await fetched(fetcher, site.url("bytes/200000"))) == 200_000
    assert len(await fetched(fetcher, site.url(f"to?url={site.url('bytes/7')}"))) == 7


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/bytes/1", "http://localhost:{port}/bytes/1",
        "http://[::1]:{port}/bytes/1", "http://[::ffff:127.0.0.1]:{port}/bytes/1",
        "http://0.0.0.0:{port}/bytes/1", "http://2130706433:{port}/bytes/1",
        "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "http://192.168.1.1/",
        "http://[fd00::1]/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/",
    ],
)  # fmt: skip
async def test_addresses_inside_are_refused(site: Site, url: str) -> None:
    """However they are written, and whatever name resolves to them."""
    assert await refusal(UrlFetcher((), MOST), url.format(port=site.port)) is Note.REFUSED_ADDRESS
    assert site.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "ftp://example.com/a", "gopher://example.com/", "//example.com/a",
        "https://user:secret@example.com/a", "a picture", "", "https://", "http://[nonsense/",
    ],
)  # fmt: skip
async def test_only_plain_web_addresses_are_asked_for(url: str) -> None:
    """No other scheme, no credentials, nothing that is no URL."""
    assert await refusal(UrlFetcher((), MOST), url) is Note.REFUSED_ADDRESS


async def test_a_redirect_to_inside_is_refused(site: Site) -> None:
    """Who may be asked may still not send us elsewhere inside."""
    fetcher = UrlFetcher({"127.0.0.1"}, MOST)
    for inside in (
        site.url("bytes/1", "localhost"),
        "http://169.254.169.254/",
        "file:///etc/passwd",
    ):
        assert await refusal(fetcher, site.url(f"to?url={inside}")) is Note.REFUSED_ADDRESS
    assert site.asked == ["/to"] * 3


async def test_redirects_come_to_an_end(site: Site) -> None:
    """Three are followed, not more."""
    fetcher = UrlFetcher({"127.0.0.1"}, MOST)
    url = site.url("bytes/1")
    for _ in range(3):
        url = f"{site.url('to')}?url={quote(url, safe='')}"
    assert len(await fetched(fetcher, url)) == 1
    once_more = f"{site.url('to')}?url={quote(url, safe='')}"
    assert await refusal(fetcher, once_more) is Note.CANNOT_BE_FETCHED


class Turncoat(AbstractResolver):
    """Resolves to a public address and one inside, as whoever attacks by DNS does."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return both addresses."""
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0
            )
            for address in ("1.1.1.1", "127.0.0.1")
        ]

    async def close(self) -> None:
        """Do nothing."""


async def test_every_address_of_a_name_must_be_public(site: Site) -> None:
    """One inside among them is enough to refuse."""
    fetcher = UrlFetcher((), MOST, Turncoat)
    assert await refusal(fetcher, site.url("bytes/1", "example.com")) is Note.REFUSED_ADDRESS
    assert site.asked == []


async def test_what_is_gone_is_not_tried_again(site: Site) -> None:
    """404 and 410 are final; what may pass is not."""
    fetcher = UrlFetcher({"127.0.0.1"}, MOST)
    for status in (404, 410):
        assert await refusal(fetcher, site.url(f"status/{status}")) is Note.CANNOT_BE_FETCHED
    for status in (500, 503, 429, 403):
        with pytest.raises(NotFetched):
            await fetched(fetcher, site.url(f"status/{status}"))


async def test_what_is_too_large_is_not_begun(site: Site) -> None:
    """A length that is told and too large is refused before a byte of it is taken."""
    fetcher = UrlFetcher({"127.0.0.1"}, 1000)
    assert await refusal(fetcher, site.url("bytes/1001")) is Note.TOO_LARGE


@pytest.mark.parametrize("address", ["224.0.0.1", "ff02::1", "fe80::1%eth0", "100.64.0.1", "::"])
def test_more_that_is_not_public(address: str) -> None:
    """Multicast, link-local with its zone, shared and unspecified addresses."""
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_what_is_public(address: str) -> None:
    """Addresses of the internet, written in whichever way."""
    assert is_public(address)
