"""The interface's description: it names every route, and the service answers as it says."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.web.problems import KINDS
from gateway.web.routes import OPERATIONS, PUBLIC, Route
from tests.web.wire import Served

ROUTES = (*PUBLIC, *OPERATIONS)
CHECKS = [
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
    content_type_conformance,
]
FUZZ = settings(
    max_examples=20,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def interface(served: Served) -> Any:
    """The interface as schemathesis reads it from the service."""
    return schemathesis.openapi.from_url(f"http://127.0.0.1:{served.process.port}/openapi.json")


def _name(route: Route) -> str:
    return f"{route.method} {route.path}"


def test_paths_are_the_route_table(served: Served) -> None:
    """The description has every route of the table, and no other."""
    paths = served.call("GET", "/openapi.json").document["paths"]
    described = {f"{method.upper()} {path}" for path, found in paths.items() for method in found}
    assert described == {_name(route) for route in ROUTES}


def test_operations_are_told_apart(served: Served) -> None:
    """Every operation has an id of its own, a summary, and problems that exist."""
    paths = served.call("GET", "/openapi.json").document["paths"]
    operations = [operation for found in paths.values() for operation in found.values()]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids))
    assert all(operation["summary"] for operation in operations)
    assert {problem for route in ROUTES for problem in route.problems} <= set(KINDS)


def test_files_are_described(served: Served) -> None:
    """The description tells that an appeal may come as a form with files."""
    paths = served.call("GET", "/openapi.json").document["paths"]
    content = paths["/api/v1/appeals"]["post"]["requestBody"]["content"]
    form = content["multipart/form-data"]["schema"]
    assert set(form["properties"]) == {"text", "reporter", "place", "uploads", "files"}


WAYS = [
    pytest.param(route, mode, id=f"{mode.value} {_name(route)}")
    for route in ROUTES
    for mode in GenerationMode
    # A path is any string: without body, query and headers there is nothing to do wrong.
    if mode is GenerationMode.POSITIVE
    or route.body
    or route.form
    or route.query
    or route.parameters
]


@pytest.mark.parametrize("account", [None, "agent"], ids=["nobody", "agent"])
@pytest.mark.parametrize(("route", "mode"), WAYS)
def test_as_described(
    served: Served, interface: Any, route: Route, account: str | None, mode: GenerationMode
) -> None:
    """Whatever is sent, right or wrong, is answered as the description says, never with a 5xx."""
    operation = interface[route.path][route.method]
    headers = {"Authorization": f"Bearer {served.tokens[account]}"} if account else {}

    @FUZZ
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        if isinstance(wait := (case.query or {}).get("wait"), int) and wait > 1:
            case.query["wait"] = 1  # long waits are answered alike, and the client has none
        case.call_and_validate(headers=headers, checks=CHECKS)

    check()
