"""The one table of routes: what is served, to whom, and what it takes and gives.

The pages' part of it, which is for people and not described as an interface, is `pages/table.py`.
"""

from typing import Final

from gateway.web import (
    openapi,
    operations,
)
from gateway.web.agent_routes import AGENTS
from gateway.web.citizen_routes import CITIZENS
from gateway.web.desk_routes import DESK
from gateway.web.open311_routes import open311_routes
from gateway.web.oversight_routes import OVERSIGHT
from gateway.web.pages.table import PAGES
from gateway.web.route import Route

__all__ = ["OPERATIONS", "PAGES", "PUBLIC", "Route"]

OPERATIONS: Final = (
    Route("GET", "/healthz", operations.healthz, "Whether the process lives", "public"),
    Route(
        "GET", "/readyz", operations.readyz, "Whether every part answers", "public",
        answer=operations.Readiness, problems=("unavailable",),
    ),
    Route(
        "GET", "/metrics", operations.metrics, "Metrics for Prometheus", "public",
        media_type="text/plain",
    ),
)  # fmt: skip


_DESCRIPTIONS: Final = (
    Route("GET", "/openapi.json", openapi.show_openapi, "This interface", "public"),
    Route(
        "GET", "/schemas/{name}", operations.show_schema, "JSON schemas", "public",
        problems=("not-found",),
    ),
    Route(
        "GET", "/problems/{name}", operations.show_problem, "What a problem means", "public",
        problems=("not-found",),
    ),
)  # fmt: skip

PUBLIC: Final = (*CITIZENS, *AGENTS, *OVERSIGHT, *DESK, *open311_routes(), *_DESCRIPTIONS)
