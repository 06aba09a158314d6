"""`/openapi.json`, made from the table of routes, so that it is true."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import orjson
from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway.accounts.permissions import Permission
from gateway.web.problems import KINDS, MEDIA_TYPE
from gateway.web.signed_in import COOKIE, CSRF_HEADER

if TYPE_CHECKING:
    from gateway.web.route import Route

DOCUMENT: web.AppKey[bytes] = web.AppKey("openapi", bytes)
_REF: Final = "#/components/schemas/{model}"
_SCHEMES: Final = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": f"over https `__Host-{COOKIE}`; each change needs {CSRF_HEADER} beside it",
    },
}
_PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type", "title", "title_zh", "status", "detail", "detail_zh", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "title_zh": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "detail_zh": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "detail", "detail_zh"],
                "properties": {
                    "field": {"type": "string"},
                    "detail": {"type": "string"},
                    "detail_zh": {"type": "string"},
                },
            },
        },
    },
}


async def show_openapi(request: web.Request) -> web.Response:
    """Show the interface's description."""
    return web.Response(body=request.app[DOCUMENT], content_type="application/json")


def openapi_document(routes: "Sequence[Route]") -> bytes:
    """Return the OpenAPI 3.1 document of these routes."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Jiesu 接诉",
            "version": version("jiesu"),
            "description": "Intake gateway with triage for a 12345 citizen hotline.",
        },
        "paths": paths,
        "components": {
            "schemas": {**_schemas(routes), "Problem": _PROBLEM},
            "securitySchemes": _SCHEMES,
        },
    }
    return orjson.dumps(document)


def _schemas(routes: "Sequence[Route]") -> dict[str, Any]:
    bodies = [(route.body, "validation") for route in routes if route.body]
    answers = [(route.answer, "serialization") for route in routes if route.answer]
    wanted: Any = [*bodies, *answers]
    _, definitions = models_json_schema(wanted, ref_template=_REF, by_alias=True)
    found: dict[str, Any] = definitions.get("$defs", {})
    return found


def _operation(route: "Route") -> dict[str, Any]:
    answers: dict[str, Any] = {str(route.status): _answer(route)}
    for name in route.problems:
        kind = KINDS[name]
        answers.setdefault(
            str(kind.status),
            {
                "description": kind.title,
                "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}},
            },
        )
    for status in route.refusals:
        content: dict[str, Any] = {route.media_type: {"schema": {}}}
        answers[str(status)] = {"description": "refused, in the channel's form", "content": content}
    found: dict[str, Any] = {
        "summary": route.summary,
        "operationId": route.handler.__name__,
        "parameters": [*_path_parameters(route), *route.parameters, *_query_parameters(route)],
        "responses": answers,
    }
    if isinstance(route.access, Permission) or route.access == "signed in":
        found["security"] = [{"bearer": []}, {"session": []}]
    elif route.access in {"query code", "chat token"}:
        found["security"] = [{"bearer": []}]
    if route.body is not None:
        found["requestBody"] = {"required": True, "content": _content(route)}
    elif route.form is not None:
        found["requestBody"] = {"required": True, "content": _form(route.form)}
    return found


def _answer(route: "Route") -> dict[str, Any]:
    if route.status == 204:
        return {"description": route.summary}
    schema = _ref(route.answer) if route.answer else {}
    return {"description": route.summary, "content": {route.media_type: {"schema": schema}}}


def _content(route: "Route") -> dict[str, Any]:
    assert route.body is not None
    found: dict[str, Any] = {"application/json": {"schema": _ref(route.body)}}
    if route.takes_files:
        # The fields' own schemas: those that are objects come as JSON, as OpenAPI has it.
        fields = route.body.model_json_schema(ref_template=_REF)["properties"]
        files = {"type": "array", "items": {"type": "string", "format": "binary"}}
        form = {"type": "object", "properties": {**fields, "files": files}}
        found["multipart/form-data"] = {"schema": {**form, "additionalProperties": False}}
    return found


def _form(fields: Mapping[str, str]) -> dict[str, Any]:
    properties = {name: {"type": "string", "description": text} for name, text in fields.items()}
    schema = {"type": "object", "properties": properties}
    return {"application/x-www-form-urlencoded": {"schema": schema}}


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}


def _path_parameters(route: "Route") -> list[dict[str, Any]]:
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in names
    ]


def _query_parameters(route: "Route") -> list[dict[str, Any]]:
    if route.query is None:
        return []
    schema = route.query.model_json_schema()
    definitions = schema.get("$defs", {})
    return [
        {"name": name, "in": "query", "required": False, "schema": _inline(field, definitions)}
        for name, field in schema["properties"].items()
    ]


def _inline(field: Any, definitions: dict[str, Any]) -> Any:
    """Return the field's schema without references, which a parameter has no place for."""
    if isinstance(field, dict):
        if "$ref" in field:
            return definitions[field["$ref"].rpartition("/")[2]]
        return {key: _inline(value, definitions) for key, value in field.items()}
    if isinstance(field, list):
        return [_inline(item, definitions) for item in field]
    return field
