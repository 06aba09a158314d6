"""The table of routes as an attacker reads it: every path filled in, every field filled out."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from pydantic import BaseModel

import gateway.web
from gateway.tickets.numbers import ticket_id
from gateway.web.route import Route
from gateway.web.routes import OPERATIONS, PAGES, PUBLIC

ROUTES: Final = (*PUBLIC, *OPERATIONS, *PAGES)
WRITING: Final = [route for route in ROUTES if route.method not in {"GET", "HEAD"}]
_NO_TICKET: Final = ticket_id(77, datetime(2020, 1, 1, tzinfo=UTC))
NOWHERE: Final[dict[str, str]] = {
    "ticket_id": _NO_TICKET,
    "channel": "pigeon",
    "callback": "none",
    "entry": "none",
    "token": "x" * 43,
    "name": "none",
    "digest": "0" * 16,
    "address": "0" * 64,
    "call": "none",
    "service_code": "none",
    "service_request_id": _NO_TICKET,
}
"""For each parameter of a path what looks right and names nothing; a new one is to be added."""
_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_FOLDER: Final = Path(gateway.web.__file__).parent
_IN_FORMS: Final = re.compile(r"""name="([a-z_]+)"|form\.get\("([a-z_]+)"\)""")
_IN_QUERIES: Final = re.compile(r"""query(?:\.get(?:all)?\(|\[)"([a-z_]+)\"""")


def name(route: Route) -> str:
    """The route as failures name it."""
    return f"{route.method} {route.path}"


def parameters(route: Route) -> list[str]:
    """The parameters of its path."""
    return _PARAMETER.findall(route.path)


def filled(route: Route, **values: str) -> str:
    """Return the path with these values, quoted, and with what names nothing for all others."""
    return _PARAMETER.sub(
        lambda found: quote(values.get(found[1], NOWHERE[found[1]]), safe=""), route.path
    )


def _sources() -> str:
    paths = [path for path in _FOLDER.rglob("*.*") if "node_modules" not in path.parts]
    return "\n".join(path.read_text() for path in paths if path.suffix in {".py", ".html"})


def _names(pattern: re.Pattern[str]) -> frozenset[str]:
    found = (match.groups() for match in pattern.finditer(_sources()))
    return frozenset(item for groups in found for item in groups if item)


FIELDS: Final = _names(_IN_FORMS) - {"viewport", "htmx-config", "form_token"}
"""Every field that a page has in a form, or that a handler reads from one."""
QUERY: Final = _names(_IN_QUERIES)
"""Everything that a handler reads from an address without a model of it."""


def sample(model: type[BaseModel], words: str) -> Any:
    """Return a body that the model takes, or nearly, with these words wherever words may be."""
    schema = model.model_json_schema()
    return _Sample(schema.get("$defs", {}), words).of(schema)


@dataclass(frozen=True, slots=True)
class _Sample:
    """Fills in a JSON schema as pydantic writes it."""

    defs: dict[str, Any]
    words: str

    def of(self, schema: dict[str, Any]) -> Any:
        """Return what the schema takes; of several things the first."""
        if "$ref" in schema:
            return self.of(self.defs[schema["$ref"].rpartition("/")[2]])
        if "anyOf" in schema:
            return self.of(schema["anyOf"][0])
        if "enum" in schema or "const" in schema:
            return schema["const"] if "const" in schema else schema["enum"][0]
        return self._of_type(schema)

    def _of_type(self, schema: dict[str, Any]) -> Any:
        words = "2026-11-24" if schema.get("format") == "date" else self.words
        found: dict[str, Callable[[], Any]] = {
            "object": lambda: {
                field: self.of(item) for field, item in schema.get("properties", {}).items()
            },
            "array": lambda: [self.of(schema["items"])] * max(1, schema.get("minItems", 0)),
            "integer": lambda: schema.get("minimum", 1),
            "number": lambda: schema.get("minimum", 1),
            "boolean": lambda: True,
        }
        return found.get(schema.get("type", ""), lambda: words[: schema.get("maxLength", 10**6)])()
