"""One route: what is served, to whom, and what it takes and gives."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from aiohttp import web
from pydantic import BaseModel

from gateway.accounts.permissions import Permission

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
OtherAccess = Literal[
    "public", "signed in", "query code", "chat token", "upload token", "signature", "api key"
]
Access = Permission | OtherAccess
OTHER_ACCESS: Final = frozenset(get_args(OtherAccess))
"""What a route may ask for instead of a permission; `signed in` is any account."""


@dataclass(frozen=True, slots=True)
class Route:
    """One route; `problems` are the kinds of problem documents that it may answer with."""

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    handler: Handler
    summary: str
    access: Access
    status: int = 200
    body: type[BaseModel] | None = None
    takes_files: bool = False
    """Whether the body may come as multipart/form-data with `files` beside its fields."""
    answer: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    problems: tuple[str, ...] = ()
    parameters: tuple[dict[str, Any], ...] = ()
    media_type: str = "application/json"
    form: Mapping[str, str] | None = None
    """Fields of an urlencoded form, each with what it is."""
    refusals: tuple[int, ...] = ()
    """Statuses that are answered in the channel's own form, not as problem documents."""


BODY: Final = ("malformed-http", "malformed-body", "invalid-fields", "too-slow", "too-large")
SIGNED_IN: Final = ("not-signed-in", "not-allowed", "csrf")
KEY: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 16, "maxLength": 200, "pattern": "^[ -~]+$"},
}
