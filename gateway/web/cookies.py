"""Cookies: never read by scripts, and sent with no request that another site makes."""

from aiohttp import web

from gateway.web.parts import PARTS


def came_by_tls(request: web.Request) -> bool:
    """Return whether the sender's own connection is encrypted."""
    return request.app[PARTS].limits.scheme_of(request) == "https"


def keep_cookie(
    request: web.Request,
    response: web.StreamResponse,
    name: str,
    value: str,
    max_age: float | None = None,
) -> None:
    """Set a cookie for so many seconds, by default until the browser is closed."""
    response.set_cookie(
        name,
        value,
        max_age=None if max_age is None else int(max_age),
        httponly=True,
        samesite="Strict",
        secure=came_by_tls(request),
    )


def drop_cookie(request: web.Request, response: web.StreamResponse, name: str) -> None:
    """Have a cookie forgotten."""
    keep_cookie(request, response, name, "", 0)
