"""Whether one of our own pages sends a request, as the browser tells; asked here for all routes."""

from typing import Final

from aiohttp import web

from gateway.web.parts import PARTS

_NOT_TOLD: Final = "null"


def is_from_here(request: web.Request, *, asked: bool) -> bool:
    """Return whether no other site's page sends this.

    Browsers say so in headers that no page can set. Without `asked` a client that sends neither
    of them, no browser of these days then, passes. A page that tells no referrer has the origin
    `null`; then its browser must say that it is of the same site.
    """
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is not None:
        # The browser has compared scheme and port, which a proxy may not tell us.
        host = (origin or _NOT_TOLD).rpartition("://")[2]
        return site == "same-origin" and host in {_NOT_TOLD, request.host}
    if origin is None:
        return not asked
    # A page that came encrypted is ours too where a proxy has not told us of its TLS; one that
    # came in plain is not where we know of TLS, for anybody on the way may have written it.
    schemes = {"https", request.app[PARTS].limits.scheme_of(request)}
    return origin in {f"{scheme}://{request.host}" for scheme in schemes}
