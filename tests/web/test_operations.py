"""What operators ask: life, readiness, metrics, schemas, and what a problem means."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from gateway.tickets.document import TicketDocument
from gateway.web.operations import SCHEMAS
from gateway.web.problems import KINDS
from tests.web.test_odd_words import decided
from tests.web.wire import Served
from triage.decision import Decision


def test_healthz(served: Served) -> None:
    """A process that lives says so."""
    assert served.call("GET", "/healthz").document == {"status": "alive"}


def test_readyz(served: Served) -> None:
    """Readiness names every part."""
    found = served.call("GET", "/readyz").document
    assert found["status"] == "ready"
    assert found["parts"] == dict.fromkeys(("database", "attachments", "redis", "triage"), "ok")


def test_degraded(served: Served) -> None:
    """Without its queue the service still accepts appeals, and tells that it is degraded."""
    pid = int((served.process.folder / "valkey" / "child.pid").read_text())
    os.kill(pid, signal.SIGSTOP)
    try:
        found = served.call("GET", "/readyz")
        assert (found.status, found.document["status"]) == (200, "degraded")
        assert found.document["parts"]["redis"] != "ok"
        assert served.file("停水")["ticket_id"]
    finally:
        os.kill(pid, signal.SIGCONT)
    deadline = time.monotonic() + 30
    while served.call("GET", "/readyz").document["status"] != "ready":
        assert time.monotonic() < deadline


def test_metrics(served: Served) -> None:
    """Metrics are Prometheus' text, count what is accepted, and know routes, not paths."""
    decided(served, served.file("停电")["ticket_id"])
    served.call("GET", "/api/v1/appeals/13912345678")
    served.call("GET", "/nowhere/13912345678")
    reply = served.call("GET", "/metrics")
    assert reply.headers["content-type"].startswith("text/plain")
    text = reply.body.decode()
    for name in (
        'jiesu_accepted_total{channel="api"}',
        'jiesu_http_requests_total{method="POST",route="/api/v1/appeals",status="201"}',
        "jiesu_triage_batch_seconds_bucket",
        'jiesu_outbox_depth{state="unpublished"}',
        "jiesu_tickets_waiting{queue=",
    ):
        assert name in text, name
    assert "13912345678" not in text


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas(served: Served, name: str) -> None:
    """The schemas of decision and ticket are those that the service itself writes by."""
    reply = served.call("GET", f"/schemas/{name}")
    assert reply.status == 200
    model = SCHEMAS[name]
    assert reply.document == model.model_json_schema(mode="serialization", by_alias=True)
    assert model in {Decision, TicketDocument}


@pytest.mark.parametrize("name", KINDS)
def test_problems(served: Served, name: str) -> None:
    """Every type of a problem document can be looked up where it points."""
    found = served.call("GET", f"/problems/{name}").document
    assert found["type"] == f"/problems/{name}"
    assert found["status"] == KINDS[name].status
    assert found["title"]
    assert found["title_zh"]


def test_log_lines(served: Served) -> None:
    """Every request is one line of JSON with its id, route, status and time."""
    logged = served.logged()
    served.call("GET", "/healthz", headers={"X-Request-ID": "look-for-this-one"})
    lines = [json.loads(line) for line in served.log(logged).splitlines()]
    mine = [line for line in lines if line.get("request_id") == "look-for-this-one"]
    assert len(mine) == 1
    assert (mine[0]["method"], mine[0]["route"], mine[0]["status"]) == ("GET", "/healthz", 200)
    assert mine[0]["ms"] >= 0
    assert mine[0]["timestamp"].endswith("Z")


def test_folder_is_its_owner_s(served: Served) -> None:
    """Keys can be read by nobody else, and the queue's socket is used by nobody else."""
    for name, mode in (("keys.json", 0o600), ("valkey.sock", 0o700)):
        path: Path = served.process.folder / name
        assert path.stat().st_mode & 0o777 == mode
