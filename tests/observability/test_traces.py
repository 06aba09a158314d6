"""Traces go to an OTLP collector, without words or people."""

import http.server
import threading
import time
from collections.abc import Iterator

import pytest

from tests import servers
from tests.gateway_process import GatewayProcess
from tests.ports import free_port

_SPANS = (b"POST /api/v1/appeals", b"triage batch", b"publish")


class _Collector(http.server.BaseHTTPRequestHandler):
    bodies: list[bytes]

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep the test's output clean."""


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """A server that speaks OTLP/HTTP and keeps what it is sent."""
    bodies: list[bytes] = []
    handler = type("Collector", (_Collector,), {"bodies": bodies})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/traces", bodies
    server.shutdown()
    thread.join()
    server.server_close()


def test_spans_of_an_appeal_reach_the_collector_without_its_words(
    collector: tuple[str, list[bytes]],
) -> None:
    """An operator who names an endpoint gets spans of request, triage and publishing."""
    endpoint, bodies = collector
    with servers.short_folder() as folder:
        gateway = GatewayProcess(folder, JIESU_OTEL_ENDPOINT=endpoint)
        gateway.start()
        try:
            appeal = {"text": "楼道里有很浓的燃气味", "reporter": {"phone": "13900001111"}}
            assert gateway.request("POST", "/api/v1/appeals", appeal)[0] == 201
            while b"jiesu_published_total{" not in gateway.request("GET", "/metrics")[1]:
                time.sleep(0.1)
            assert gateway.terminate() == 0
        finally:
            gateway.kill()
    sent = b"".join(bodies)
    missing = [name for name in _SPANS if name not in sent]
    assert not missing, f"{missing} in {len(bodies)} batches"
    assert "燃气味".encode() not in sent
    assert b"13900001111" not in sent
